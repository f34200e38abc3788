"""BLAKE3 digests of bytes and files, and copies that are hashed on their way."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from blake3 import blake3

from trueup import clock
from trueup.errors import StageFailed, TrueupError, WrongUsage

SMALL_BYTES = 128 * 1024  # files below this size go into packs
_CHUNK_BYTES = 1 << 20
_BUFFERS = 4
_THREADS_FROM_BYTES = 8 << 20  # below this a second thread costs more than it brings
_TICK_NS = 20_000_000  # kernels stamp files with a clock that ticks every 1 to 10 ms
_COARSE_NS = 2_000_000_000  # FAT, HFS+ and old NFS keep whole seconds
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


class ContentMissing(TrueupError):
    """Content that is named is not held, or what is held does not match its name."""

    def __init__(self, digest: str, place: str | None = None) -> None:
        super().__init__(
            f"content {digest[:16]} is not in the store",
            remedy="Fetch it with: trueup pull, or make it again with: trueup run",
            place=place,
        )
        self.digest = digest


class DiskFull(StageFailed):
    """No room is left for what was to be written; nothing half-written bears a final name."""


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn the operating system's refusals within the block into errors a user understands."""
    try:
        yield
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, path: str) -> TrueupError:
    place = os.fsdecode(error.filename) if error.filename else path
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            "the disk is full", remedy="Free some space (trueup gc), then run again", place=path
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return WrongUsage(
            f"permission denied ({error.strerror})",
            remedy="Give yourself the right to it, for instance with chmod u+rw",
            place=place,
        )
    return StageFailed(
        f"cannot be read or written: {error.strerror}",
        remedy="Check the path and the disk it lies on, then run again",
        place=place,
    )


def now_ns() -> int:
    """Return the wall clock in nanoseconds, to be compared with the times of files."""
    return round(clock.now().timestamp() * 1e9)


def is_settled(mtime_ns: int, ctime_ns: int, seen_ns: int) -> bool:
    """Say whether a change after seen_ns is sure to show in the file's times.

    A file whose time is as young as its clock is coarse may change once more without its times
    moving; Git calls such an entry racy.
    """
    changed_ns = max(mtime_ns, ctime_ns)
    grain_ns = _TICK_NS if changed_ns % 1_000_000_000 else _COARSE_NS
    return changed_ns + grain_ns <= seen_ns


def settle(mtime_ns: int, ctime_ns: int) -> None:
    """Wait, at most one tick of the file system's clock, until the file's times are past."""
    left_ns = max(mtime_ns, ctime_ns) + _TICK_NS - now_ns()
    if 0 < left_ns <= _TICK_NS:
        time.sleep(left_ns / 1e9)


def digest_bytes(body: bytes) -> str:
    """Return the BLAKE3 digest of bytes as 64 hexadecimal characters."""
    return blake3(body).hexdigest()


def read_whole(fd: int, size_bytes: int) -> bytes:
    """Return a small file's bytes, one byte beyond size_bytes at most, so that growth shows."""
    body = os.read(fd, size_bytes + 1)
    while len(body) < size_bytes:  # network file systems may answer in pieces
        more = os.read(fd, size_bytes + 1 - len(body))
        if not more:
            break
        body += more
    return body


def digest_stream(fd: int, size_bytes: int) -> bytes:
    """Return the raw digest of an open file from its beginning; large ones on all cores.

    One that grows is not followed beyond size_bytes and a little: it may grow for ever.
    Read into a buffer rather than mapped: a mapped file that is cut short kills the process.
    """
    large = size_bytes >= _THREADS_FROM_BYTES
    hasher = blake3(max_threads=blake3.AUTO) if large else blake3()
    view = memoryview(bytearray(min(2 * _CHUNK_BYTES, size_bytes + 1)))
    done_bytes = 0
    while done_bytes <= size_bytes and (count := os.readv(fd, [view])):
        hasher.update(view[:count])
        done_bytes += count
    return hasher.digest()


def write_all(fd: int, body: bytes | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    view = memoryview(body)[os.write(fd, body) :]
    while view:
        view = view[os.write(fd, view) :]


def copy_hashed(source: int, target: int, size_bytes: int) -> bytes:
    """Copy an open file into an empty one and return the raw digest of what the copy holds.

    Blocks are shared where the file system can (reflink). Otherwise each byte is read once, and
    hashed on a second core while it is written.
    """
    if reflink(source, target):
        return digest_stream(target, size_bytes)
    if size_bytes < _THREADS_FROM_BYTES:
        hasher = blake3()
        view = memoryview(bytearray(min(_CHUNK_BYTES, size_bytes + 1)))
        done_bytes = 0
        while done_bytes <= size_bytes and (count := os.readv(source, [view])):
            hasher.update(view[:count])
            write_all(target, view[:count])
            done_bytes += count
        return hasher.digest()
    return _copy_on_two_cores(source, target, size_bytes)


def reflink(source: int, target: int) -> bool:
    """Make an empty open file share another's blocks; False where that is not possible."""
    import fcntl
    import sys

    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_on_two_cores(source: int, target: int, size_bytes: int) -> bytes:
    import queue
    import threading

    hasher = blake3()
    free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
    filled: queue.SimpleQueue[tuple[memoryview, int] | None] = queue.SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(memoryview(bytearray(_CHUNK_BYTES)))

    def hash_filled() -> None:
        while (one := filled.get()) is not None:
            view, count = one
            hasher.update(view[:count])
            free.put(view)

    second = threading.Thread(target=hash_filled, daemon=True)
    second.start()
    try:
        done_bytes = 0
        while done_bytes <= size_bytes:
            view = free.get()
            count = os.readv(source, [view])
            if not count:
                break
            filled.put((view, count))
            write_all(target, view[:count])
            done_bytes += count
    finally:
        filled.put(None)
        second.join()
    return hasher.digest()
