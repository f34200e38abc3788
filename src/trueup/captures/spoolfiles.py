"""A spool on disk: one slot for each process that writes, in it one open file and closed ones."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from trueup import ids
from trueup.captures import frames
from trueup.captures.frames import MAGIC, Frame, write_all
from trueup.errors import WrongUsage
from trueup.store.oserrors import file_system

_OPEN, _CLOSED, _DAMAGED = ".open", ".closed", ".damaged"
_SLOTS = 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_VOLATILE = frozenset({"tmpfs", "ramfs", "overlay"})


class Volume(msgspec.Struct, frozen=True):
    """The disk that a spool lies on."""

    path: str
    file_system: str
    size_bytes: int
    free_bytes: int
    lasting: bool  # False: gone with the container or the power


class ClosedFile(msgspec.Struct, frozen=True, order=True):
    """A spool file that nobody writes any more."""

    first_ms: int  # when its first row was written
    name: str
    rows: int
    size_bytes: int
    path: Path

    @property
    def source(self) -> str:
        """Return what tells its segments from all others, on every machine."""
        return self.name.split("-")[1]


class OpenFile:
    """The file that one process appends to. What is not synced may be lost with the power."""

    def __init__(self, slot: Path, now_ms: int) -> None:
        self._path = slot / f"{now_ms:013d}-{ids.nonce()}{_OPEN}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        self.first_ms, self.rows = now_ms, 0
        self.size_bytes = self.synced_bytes = 0
        try:
            write_all(self._descriptor, MAGIC)
            _sync_folder(slot)
        except OSError:
            os.close(self._descriptor)
            self._path.unlink(missing_ok=True)
            raise
        self.size_bytes = len(MAGIC)

    def append(self, content: bytes | bytearray, rows: int) -> None:
        """Write whole frames; if there is no room for them, the file is as before."""
        try:
            write_all(self._descriptor, content)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size_bytes)
                os.lseek(self._descriptor, self.size_bytes, os.SEEK_SET)
            raise
        self.size_bytes += len(content)
        self.rows += rows

    def sync(self) -> None:
        """Return when what was written outlasts the power."""
        if self.synced_bytes < self.size_bytes:
            os.fsync(self._descriptor)
            self.synced_bytes = self.size_bytes

    def close(self) -> None:
        """Sync, and hand the file over to whoever ships; one without rows is removed."""
        try:
            self.sync()
        finally:
            os.close(self._descriptor)
        _finish(self._path, self.rows)


def take_slot(folder: Path) -> tuple[Path, int]:
    """Return a slot that no living process writes to, and the descriptor of its lock.

    What a dead process has left there is closed, so that it can be shipped.
    """
    for number in range(_SLOTS):
        slot = folder / str(number)
        try:
            slot.mkdir(parents=True, exist_ok=True)
            lock = _lock(slot)
        except OSError as error:
            raise _unusable(folder, error) from error
        if lock is not None:
            recover(slot)
            return slot, lock
    raise WrongUsage(
        f"{_SLOTS} processes write to the spool in {folder}", remedy="Give each server its own"
    )


def recover_dead(folder: Path) -> None:
    """Close what dead processes have left in any slot."""
    for slot in _slots(folder):
        lock = _lock(slot)
        if lock is not None:
            try:
                recover(slot)
            finally:
                os.close(lock)


def recover(slot: Path) -> None:
    """Cut half a frame off the end of files that were left open, and close them."""
    for path in sorted(slot.glob(f"*{_OPEN}")):
        found, whole, _ = frames.decode_file(path.read_bytes(), str(path))
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, whole)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _finish(path, sum(one.rows for one in found))


def closed_files(folder: Path) -> list[ClosedFile]:
    """Return what waits to be shipped, of all slots, the oldest first."""
    return sorted(one for slot in _slots(folder) for one in closed_in(slot))


def closed_in(slot: Path) -> Iterator[ClosedFile]:
    """Yield what waits to be shipped in one slot."""
    with os.scandir(slot) as items:
        for item in items:
            first, _, rest = item.name.partition("-")
            rows = rest.removesuffix(_CLOSED).rpartition("-")[2]
            if item.name.endswith(_CLOSED) and first.isdigit() and rows.isdigit():
                with suppress(FileNotFoundError):  # shipped while we were listing
                    size = item.stat().st_size
                    yield ClosedFile(int(first), item.name, int(rows), size, Path(item.path))


def read(closed: ClosedFile) -> tuple[list[Frame], int]:
    """Return a file's frames, and how many of its bytes are damaged."""
    content = closed.path.read_bytes()
    found, whole, damaged = frames.decode_file(content, str(closed.path))
    return found, max(damaged, len(content) - whole)


def remove(closed: ClosedFile, *, damaged: bool) -> None:
    """Remove a file that was shipped; one that could not be read in full is put aside."""
    with suppress(FileNotFoundError):
        if damaged:
            closed.path.rename(closed.path.with_suffix(_DAMAGED))
        else:
            closed.path.unlink()


def volume_of(folder: Path) -> Volume:
    """Say on which disk a folder lies, and whether it outlasts container and power."""
    found = os.statvfs(folder)
    kind = file_system(folder)
    size, free = found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail
    return Volume(str(folder), kind, size, free, kind not in _VOLATILE)


def _finish(path: Path, rows: int) -> None:
    if rows:
        path.rename(path.with_name(f"{path.stem}-{rows}{_CLOSED}"))
    else:
        path.unlink()
    _sync_folder(path.parent)


def _slots(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [one for one in folder.iterdir() if one.name.isdigit() and one.is_dir()]


def _lock(slot: Path) -> int | None:
    descriptor = os.open(slot / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: OSError) -> WrongUsage:
    return WrongUsage(
        f"captures cannot be written to {folder}: {error.strerror}",
        remedy="Name a folder on a writable volume as serve.capture.spool, or mount one there",
    )
