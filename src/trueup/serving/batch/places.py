"""Where tables come from and go to: files, folders, patterns, and the same in a bucket."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import msgspec
from blake3 import blake3

from trueup.errors import NotProven, WrongUsage
from trueup.serving.batch.record import Table
from trueup.serving.batch.tables import SUFFIXES, is_table
from trueup.store.bucket import Bucket, Entry
from trueup.store.hashing import explained
from trueup.store.opening import open_bucket

_WILD = "*?["
_CHUNK_BYTES = 8 << 20
_SCHEMES = ("s3", "gs", "az")


class Here(msgspec.Struct, frozen=True):
    """Whose places these are: the project's folder, where the person stands, the environment."""

    root: Path
    start: Path
    env: Mapping[str, str]


class Found(msgspec.Struct, frozen=True):
    """One table of an input: what is known of it, and how to have it on the disk."""

    table: Table
    fetch: Callable[[Path], Path]  # into a folder; returns where it lies


def is_url(place: str) -> bool:
    """Say whether a place is in a bucket."""
    return "://" in place


def found_at(place: str, here: Here) -> list[Found]:
    """Return the tables at a place, sorted by name; WrongUsage where there is none."""
    listed = _in_bucket(place, here) if is_url(place) else _on_disk(place, here)
    if not listed:
        raise WrongUsage(
            f"there is no table at {place}",
            remedy=f"Name a file, a folder or a pattern of files that end with"
            f" {', '.join(SUFFIXES)}",
        )
    return listed


def digested(found: Found, folder: Path) -> tuple[Table, Path]:
    """Return a table with the digest of its content, and where it lies on the disk."""
    path = found.fetch(folder)
    made = blake3()
    with explained(str(path)), path.open("rb") as file:
        while chunk := file.read(1 << 20):
            made.update(chunk)
    return msgspec.structs.replace(found.table, digest=made.hexdigest()), path


def changed(before: Sequence[Table], place: str, here: Here) -> str:
    """Return the name of a table that is another by now than it was; empty if none is."""
    now = {one.table.name: one.table for one in found_at(place, here)}
    for one in before:
        other = now.get(one.name)
        if other is None or (other.size_bytes, other.stamp) != (one.size_bytes, one.stamp):
            return one.name
    return "" if len(now) == len(before) else next(iter(set(now) - {one.name for one in before}))


class Target:
    """A file to be written, on the disk or in a bucket, whole or not at all."""

    def __init__(self, place: str, here: Here) -> None:
        self.place = place
        self._bucket: Bucket | None = None
        if is_url(place):
            self._bucket, self._key = _bucket_of(place, here)
        else:
            self.path = (here.start / Path(place).expanduser()).absolute()
            self.place = str(self.path)

    def size_bytes(self) -> int | None:
        """Return how large it is; None where there is none."""
        if self._bucket is not None:
            return next((one.size_bytes for one in self._bucket.list(self._key)), None)
        return self.path.stat().st_size if self.path.is_file() else None

    def scratch(self, folder: Path) -> Path:
        """Return where to write it first; on the disk beside its place."""
        if self._bucket is not None:
            return folder / f"out-{PurePosixPath(self._key).name}"
        with explained(str(self.path.parent)):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_dir():
            raise WrongUsage(f"{self.path} is a folder", remedy="Name a file in it")
        return self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")

    def publish(self, scratch: Path) -> int:
        """Let a written file take its place, and return its size."""
        size = scratch.stat().st_size
        if self._bucket is not None:
            self._bucket.put(self._key, scratch)
            return size
        with explained(str(self.path)):
            descriptor = os.open(scratch, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            scratch.replace(self.path)
        return size

    def remove(self) -> None:
        """Remove it, if it is there."""
        if self._bucket is not None:
            self._bucket.delete([self._key])
        else:
            self.path.unlink(missing_ok=True)


def require_apart(given: str, target: Target, here: Here) -> None:
    """Raise WrongUsage where what is written would be, or become, a part of what is read."""
    if is_url(target.place) or is_url(given):
        inside = target.place == given or target.place.startswith(f"{given.rstrip('/')}/")
    else:
        read = (here.start / Path(given).expanduser()).resolve()
        inside = read in (target.path.resolve(), *target.path.resolve().parents)
    if inside:
        raise WrongUsage(
            f"{target.place} lies in what is read", remedy="Name another place to write to"
        )


def _on_disk(place: str, here: Here) -> list[Found]:
    path = here.start / Path(place).expanduser()
    if path.is_file():
        if not is_table(path.name):
            raise WrongUsage(
                f"no table is known by the name {path.name}",
                remedy=f"Tables end with {', '.join(SUFFIXES)}",
            )
        return [_file(path, path.name)]
    if path.is_dir():
        return [_file(one, one.relative_to(path).as_posix()) for one in _tables_below(path)]
    fixed, pattern = _parted(place)
    if not pattern:
        raise WrongUsage(f"there is no table {place}", remedy="Name a file, a folder or a pattern")
    top = here.start / Path(fixed).expanduser()
    matches = sorted(one for one in top.glob(pattern) if one.is_file() and is_table(one.name))
    return [_file(one, one.relative_to(top).as_posix()) for one in matches]


def _tables_below(folder: Path) -> list[Path]:
    found = []
    for top, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name[:1] not in "._")
        found += [Path(top, name) for name in names if is_table(name) and name[:1] not in "._"]
    return sorted(found)


def _file(path: Path, name: str) -> Found:
    known = path.stat()
    return Found(Table(name, known.st_size, str(known.st_mtime_ns)), lambda folder: path)


def _in_bucket(place: str, here: Here) -> list[Found]:
    fixed, pattern = _parted(place)
    bucket, key = _bucket_of(fixed if pattern else place, here)
    if pattern:
        prefix = f"{key}/" if key else ""
        entries: Iterable[Entry] = (
            one for one in bucket.list(prefix) if _matches(one.key.removeprefix(prefix), pattern)
        )
    else:
        single = list(bucket.list(key)) if key and is_table(key) else []
        prefix = key[: len(key) - len(PurePosixPath(key).name)] if single else f"{key}/".lstrip("/")
        entries = single or bucket.list(prefix)
    seen = sorted((one for one in entries if is_table(one.key)), key=lambda one: one.key)
    return [_object(bucket, one, one.key.removeprefix(prefix)) for one in seen]


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    if "**" in wanted:
        return fnmatchcase(name, pattern.replace("**/", "*"))
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _object(bucket: Bucket, entry: Entry, name: str) -> Found:
    at = entry.modified.astimezone(UTC).isoformat()
    table = Table(name, entry.size_bytes, at)
    return Found(table, lambda folder: _fetched(bucket, entry, folder))


def _fetched(bucket: Bucket, entry: Entry, folder: Path) -> Path:
    """Bring an object to the disk, piece by piece; what is there of the same is kept."""
    name = blake3(f"{entry.key}\0{entry.size_bytes}\0{entry.modified}".encode()).hexdigest()[:16]
    path = folder / f"{name}-{PurePosixPath(entry.key).name}"
    if path.exists():
        return path
    scratch = folder / f".{path.name}"
    with explained(str(scratch)):
        folder.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            for start in range(0, entry.size_bytes, _CHUNK_BYTES):
                file.write(bucket.get(entry.key, start=start, length=_CHUNK_BYTES))
        again = next(iter(bucket.list(entry.key)), None)
        if again != entry or scratch.stat().st_size != entry.size_bytes:
            raise NotProven(
                f"{entry.key} in {bucket.url} changed while it was fetched",
                remedy="Run the same command again",
            )
        scratch.replace(path)
    return path


def _bucket_of(url: str, here: Here) -> tuple[Bucket, str]:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise WrongUsage(
            f"{url[:200]!r} begins with an unknown scheme",
            remedy="Name a path, or a URL of s3://, gs:// or az://",
        )
    whole = f"{parts.scheme}://{parts.netloc}"
    return open_bucket(whole, root=here.root, env=here.env), parts.path.strip("/")


def _parted(place: str) -> tuple[str, str]:
    """Part a pattern from the folder before it; the second is empty where nothing is one."""
    parts = place.split("/")
    first = next((k for k, one in enumerate(parts) if any(c in one for c in _WILD)), None)
    if first is None:
        return place, ""
    return "/".join(parts[:first]) or ("/" if place.startswith("/") else "."), "/".join(
        parts[first:]
    )
