"""Verdict records in the bucket: by their digest, within the scope that vouches for them."""

from trueup.errors import NotProven
from trueup.registry.layout import verdict_key
from trueup.store.bucket import Bucket, Missing
from trueup.store.hashing import digest_bytes


class VerdictMissing(NotProven):
    """A verdict that an event names is not in its scope, or is not what its name says."""

    def __init__(self, digest: str, scope: str, url: str, why: str) -> None:
        super().__init__(
            f"the verdict {digest[:12]} {why} under verdicts/{scope}/ in {url}",
            remedy="Judge the model again with: trueup gate",
        )


def keep_verdict(bucket: Bucket, scope: str, body: bytes) -> str:
    """Store a verdict's record, synced, and return its digest; one that is there stays."""
    digest = digest_bytes(body)
    key = verdict_key(scope, digest)
    if not bucket.create(key, body) and digest_bytes(bucket.get(key)) != digest:
        bucket.put(key, body, sync=True)  # damaged: the digest says what belongs there
    return digest


def read_verdict(bucket: Bucket, scope: str, digest: str) -> bytes:
    """Return a verdict's record; VerdictMissing unless it is there and matches its digest."""
    try:
        body = bucket.get(verdict_key(scope, digest))
    except Missing as error:
        raise VerdictMissing(digest, scope, bucket.url, "is not") from error
    if digest_bytes(body) != digest:
        raise VerdictMissing(digest, scope, bucket.url, "is damaged")
    return body
