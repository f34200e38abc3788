"""Copy the bytes of one open file into another as cheaply as the file system allows."""

import errno
import os
import sys

_FICLONE = 0x40049409  # ioctl_ficlone(2): share the extents, copy nothing
_NOT_HERE = {
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.EBADF,
    errno.ETXTBSY,
}
_CHUNK_BYTES = 8 * 1024 * 1024


def clone(source: int, target: int) -> None:
    """Fill the empty file target with source's bytes: shared extents, else copied in the kernel.

    Both are file descriptors; source is read from its beginning to the end it has then.
    """
    if sys.platform == "linux" and (_reflink(source, target) or _copy_in_kernel(source, target)):
        return
    os.lseek(source, 0, os.SEEK_SET)
    os.lseek(target, 0, os.SEEK_SET)
    while chunk := os.read(source, _CHUNK_BYTES):
        write_all(target, chunk)


def write_all(target: int, body: bytes | memoryview) -> None:
    """Write every byte of body, however many calls the system needs for it."""
    written = os.write(target, body)
    if written == len(body):
        return
    rest = memoryview(body)[written:]
    while rest:
        rest = rest[os.write(target, rest) :]


def _reflink(source: int, target: int) -> bool:
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    return True


def _copy_in_kernel(source: int, target: int) -> bool:
    offset = 0
    while True:
        try:
            copied = os.copy_file_range(source, target, 1 << 30, offset, offset)
        except OSError as error:
            if error.errno in _NOT_HERE:
                return False
            raise
        if copied == 0:
            # Some file systems (procfs, some FUSE) answer 0 for a file that has bytes.
            return offset > 0 or os.fstat(source).st_size == 0
        offset += copied
