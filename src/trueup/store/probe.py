"""Prove once that a bucket creates an object only once; without that nothing here is safe."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trueup import ids
from trueup.errors import TrueupError
from trueup.store.bucket import Bucket
from trueup.store.keys import BucketUnfit


def prove(
    bucket: Bucket, create: Callable[[str, bytes], bool], *, name: str, state: Path | None
) -> None:
    """Create a probe twice through create; BucketUnfit where the second try is accepted.

    A bucket that has passed is remembered in the folder state under its name, so that this costs
    nothing later; name tells apart what url does not (the endpoint).
    """
    remembered = state / _digest(name) if state else None
    if remembered and remembered.exists():
        return
    key = f"probes/{ids.nonce()}"
    first, second = (f'{{"format":1,"probe":"{ids.nonce()}"}}'.encode() for _ in range(2))
    fit = create(key, first) and not create(key, second) and bucket.get(key) == first
    with suppress(TrueupError):  # an identity may be allowed to create and not to delete
        bucket.delete([key])
    if not fit:
        raise BucketUnfit(
            f"{bucket.url} created the same object twice: it ignores If-None-Match, so two"
            " writers could both believe they were first",
            remedy="Use a store with conditional writes (AWS S3, GCS, Azure, SeaweedFS, MinIO)",
        )
    if remembered:
        with suppress(OSError):  # a checkout that cannot be written proves it again next time
            remembered.parent.mkdir(parents=True, exist_ok=True)
            remembered.write_text(f"{bucket.url} creates an object only once\n")


def _digest(name: str) -> str:
    from blake3 import blake3

    return blake3(name.encode()).hexdigest()[:32]
