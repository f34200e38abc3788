"""Look a bucket over for what should not be: damage, gaps, and records that name nothing."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from trueup.store.bucket import Bucket, Entry, Missing
from trueup.store.gcroots import BucketContents, named_in, read_all

_EVENTS = "/events/"
_CHUNK_BYTES = 8 << 20
_LOGS = ("models/", "loop/", "reuse/", "runs/", "runs-index/", "gc/")

Kind = Literal["damaged", "gap", "dangling", "unreadable"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: what, where, and what that means."""

    kind: Kind
    key: str
    problem: str
    remedy: str


def audit(bucket: Bucket, *, sample: int | None = None) -> Iterator[Finding]:
    """Yield what is wrong in a bucket; nothing is changed.

    sample is how many objects' bytes are read and compared with their names, spread evenly over
    all; None reads every one. Records are always all looked at.
    """
    objects = list(bucket.list("objects/"))
    packs = list(bucket.list("packs/"))
    whole = [entry for entry in (*objects, *packs) if "." not in entry.key]
    yield from _damaged(bucket, _spread(whole, sample))
    contents = BucketContents(bucket)
    held = {_name(entry) for entry in objects if "." not in entry.key}
    for entry in packs:
        if "." in entry.key:
            digests = contents.in_pack(_name(entry))
            held.update(digests or ())
            if digests is None:
                yield Finding(
                    "unreadable",
                    entry.key,
                    "is no index of a pack",
                    "It is made again when its pack is read; nothing is lost",
                )
    yield from _dangling(bucket, held)
    for top in _LOGS:
        yield from _gaps(top, bucket.list(top))


def _damaged(bucket: Bucket, entries: Iterable[Entry]) -> Iterator[Finding]:
    for entry in entries:
        found = _digest(bucket, entry)
        if found is not None and found != _name(entry):
            yield Finding(
                "damaged",
                entry.key,
                f"holds bytes whose digest is {found}",
                "Remove it; it counts as missing, and is made or fetched again",
            )


def _digest(bucket: Bucket, entry: Entry) -> str | None:
    """Return the digest of an object's bytes, read piece by piece; None if it is gone by now."""
    from blake3 import blake3

    hasher = blake3()
    try:
        for start in range(0, max(entry.size_bytes, 1), _CHUNK_BYTES):
            hasher.update(bucket.get(entry.key, start=start, length=_CHUNK_BYTES))
    except Missing:
        return None
    return hasher.hexdigest()


def _dangling(bucket: Bucket, held: set[str]) -> Iterator[Finding]:
    keys = [entry.key for entry in bucket.list("cache/")]
    for key, body in read_all(bucket, keys):
        gone = sorted(
            one.digest for one in named_in(body) if one.kind != "unknown" and one.digest not in held
        )
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            yield Finding(
                "dangling",
                key,
                f"names {gone[0]}{more}, which the bucket does not hold",
                "Nothing to do: the stage counts as not cached and runs again",
            )


def _gaps(top: str, entries: Iterable[Entry]) -> Iterator[Finding]:
    logs: dict[str, set[int]] = {}
    for entry in entries:
        log, events, name = entry.key.rpartition(_EVENTS)
        number = name.removesuffix(".json")
        if not events:
            continue
        if name == f"{number}.json" and len(number) == 10 and number.isdigit():
            logs.setdefault(log, set()).add(int(number))
        else:
            yield Finding(
                "unreadable", entry.key, "is no numbered event", "Remove it; no reader looks at it"
            )
    for log, numbers in sorted(logs.items()):
        lost = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            yield Finding(
                "gap",
                f"{log}{_EVENTS}{lost[0]:010d}.json",
                f"is missing{more}, though event {max(numbers)} of {log} exists",
                "Restore it from a copy of the bucket, or from the segments under snapshots/",
            )


def _spread(entries: list[Entry], sample: int | None) -> list[Entry]:
    if sample is None or sample >= len(entries):
        return entries
    return [entries[nth * len(entries) // sample] for nth in range(sample)]


def _name(entry: Entry) -> str:
    return entry.key.rpartition("/")[2].partition(".")[0]
