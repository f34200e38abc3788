"""Say what an operating system's error means for somebody who uses a bucket in a folder."""

import errno
from pathlib import Path

from trueup.errors import AccessRefused, RemoteSilent, TrueupError
from trueup.store.keys import BadKey, BucketFull, BucketUnfit

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_BAD_NAME = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY}


def explained(error: OSError, url: str, key: str) -> TrueupError:
    """Return the error that names the bucket, what is wrong with it and the remedy."""
    what = f"{error.strerror or error} ({error.filename or key})"
    if error.errno in _FULL:
        return BucketFull(url)
    if error.errno in _REFUSED:
        return AccessRefused(
            f"{url} cannot be used: {what}",
            remedy="Give yourself access to the folder, or name another as store:",
        )
    if error.errno in _BAD_NAME:
        return BadKey(key, f"{what} in {url}")
    return RemoteSilent(
        f"{url} failed: {what}",
        remedy="Look at the disk or the network mount that the folder lies on",
    )


def without_links(root: Path) -> BucketUnfit:
    """Return the refusal of a file system that cannot create a name exactly once."""
    return BucketUnfit(
        f"the file system ({file_system(root)}) under {root} has no hard links, without which"
        " no record can be created exactly once",
        remedy="Name a folder on another file system, or an s3:// bucket, as store:",
    )


def file_system(path: Path) -> str:
    """Return the type of the mount that path lies on, as in /proc/self/mountinfo."""
    best, kind = "", "of a kind unknown here"
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return kind
    real = str(path.resolve())
    for line in lines:
        before, _, behind = line.partition(" - ")
        mount = before.split()[4]
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, behind.split()[0]
    return kind
