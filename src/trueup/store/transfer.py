"""Carry objects from one bucket to another: in parallel, checked on the way, never twice."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from trueup.errors import NotProven
from trueup.store.bucket import Bucket, Entry, Missing
from trueup.store.folder import FolderBucket

_THREADS = 16
_CHUNK_BYTES = 8 << 20
_AHEAD = 4  # chunks of one large object that are on their way at once
_FEW = 64  # keys that are looked for one by one; more are found by a list
_NAMED_BY_DIGEST = ("objects/", "packs/")


class Moved(msgspec.Struct, frozen=True):
    """One object that is done, for a progress display."""

    key: str
    size_bytes: int
    skipped: bool


class Transferred(msgspec.Struct, frozen=True):
    """What a transfer came to."""

    copied: int = 0
    copied_bytes: int = 0
    skipped: int = 0  # they were there already
    missing: tuple[str, ...] = ()  # the source does not hold them


class Options(msgspec.Struct, frozen=True):
    """How to transfer."""

    progress: Callable[[Moved], None] = lambda moved: None
    rewrite_before: datetime | None = None  # what the target got earlier is written again (gc)
    threads: int = _THREADS


class Damaged(NotProven):
    """An object's bytes do not match the digest that is its name."""

    def __init__(self, key: str, url: str) -> None:
        super().__init__(
            f"{key} in {url} does not hold what its name says",
            remedy="Remove it and let it be made again; see: trueup doctor --bucket",
        )


def transfer(
    source: Bucket, target: Bucket, keys: Iterable[str], options: Options | None = None
) -> Transferred:
    """Copy what the target lacks; an interrupted transfer is resumed by doing it again.

    Objects and packs are checked against their names before they get one in the target, so a
    damaged one raises Damaged and does not spread. Memory is bounded whatever the sizes.
    """
    options = options or Options()
    wanted = sorted(set(keys))
    here, there = _entries(source, wanted), _entries(target, wanted)
    keep = options.rewrite_before
    done = {
        key for key, entry in there.items() if keep is None or entry.modified >= keep
    } & here.keys()
    for key in sorted(done):
        options.progress(Moved(key, here[key].size_bytes, skipped=True))
    todo = [here[key] for key in wanted if key in here and key not in done]
    gone = _copy_all(source, target, todo, options)
    copied = [entry for entry in todo if entry.key not in gone]
    return Transferred(
        copied=len(copied),
        copied_bytes=sum(entry.size_bytes for entry in copied),
        skipped=len(done),
        missing=tuple(key for key in wanted if key not in here or key in gone),
    )


def _copy_all(source: Bucket, target: Bucket, entries: list[Entry], options: Options) -> set[str]:
    """Copy small objects side by side, large ones one after another in chunks side by side."""
    from concurrent.futures import ThreadPoolExecutor

    def copy(entry: Entry) -> str | None:
        body = _checked(source, entry.key)
        if body is None:
            return entry.key
        target.put(entry.key, body)
        options.progress(Moved(entry.key, entry.size_bytes, skipped=False))
        return None

    small = [entry for entry in entries if entry.size_bytes <= _CHUNK_BYTES]
    gone: set[str] = set()
    with ThreadPoolExecutor(options.threads) as pool:
        try:
            gone.update(key for key in pool.map(copy, small) if key)
            for entry in entries:
                if entry.size_bytes > _CHUNK_BYTES:
                    if _copy_large(source, target, entry):
                        options.progress(Moved(entry.key, entry.size_bytes, skipped=False))
                    else:
                        gone.add(entry.key)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return gone


def _checked(source: Bucket, key: str) -> bytes | None:
    try:
        body = source.get(key)
    except Missing:
        return None
    digest = _digest_in(key)
    if digest:
        from blake3 import blake3

        if blake3(body).hexdigest() != digest:
            raise Damaged(key, source.url)
    return body


def _copy_large(source: Bucket, target: Bucket, entry: Entry) -> bool:
    try:
        if isinstance(target, FolderBucket):
            target.put_chunks(entry.key, _chunks(source, entry))
        else:
            with _as_file(source, entry) as path:
                target.put(entry.key, path)
    except Missing:
        return False
    return True


@contextmanager
def _as_file(source: Bucket, entry: Entry) -> Iterator[Path]:
    """Give the object as a checked file: its own where it is one, else a temporary one."""
    from tempfile import TemporaryDirectory

    if isinstance(source, FolderBucket):
        for _ in _chunks(source, entry):
            continue
        yield source.path_of(entry.key)
        return
    with TemporaryDirectory(prefix="trueup-") as folder:
        path = Path(folder) / "object"
        with path.open("wb") as file:
            for chunk in _chunks(source, entry):
                file.write(chunk)
        yield path


def _chunks(source: Bucket, entry: Entry) -> Iterator[bytes]:
    """Yield the object piece by piece; Damaged after the last if it is not what it is named."""
    from collections import deque
    from concurrent.futures import Future, ThreadPoolExecutor

    from blake3 import blake3

    digest, hasher = _digest_in(entry.key), blake3()
    coming: deque[Future[bytes]] = deque()
    starts = iter(range(0, entry.size_bytes, _CHUNK_BYTES))
    with ThreadPoolExecutor(_AHEAD) as pool:

        def fetch(start: int) -> bytes:
            return source.get(entry.key, start=start, length=_CHUNK_BYTES)

        try:
            for start in starts:
                coming.append(pool.submit(fetch, start))
                if len(coming) < _AHEAD:
                    continue
                chunk = coming.popleft().result()
                hasher.update(chunk)
                yield chunk
            while coming:
                chunk = coming.popleft().result()
                hasher.update(chunk)
                yield chunk
        finally:
            pool.shutdown(cancel_futures=True)
    if digest and hasher.hexdigest() != digest:
        raise Damaged(entry.key, source.url)


def _digest_in(key: str) -> str:
    """Return the digest that a key promises, or nothing where it promises none."""
    name = key.rpartition("/")[2]
    return name if key.startswith(_NAMED_BY_DIGEST) and "." not in name else ""


def _entries(bucket: Bucket, keys: list[str]) -> dict[str, Entry]:
    if len(keys) <= _FEW:
        return {entry.key: entry for key in keys for entry in bucket.list(key)}
    wanted = set(keys)
    folders = {key.rpartition("/")[0] for key in keys}
    tops = sorted({folder.split("/", 1)[0] for folder in folders})
    return {
        entry.key: entry for top in tops for entry in bucket.list(f"{top}/") if entry.key in wanted
    }
