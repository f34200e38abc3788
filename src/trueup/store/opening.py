"""From a URL to the bucket behind it; only what the URL needs is imported."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import WrongUsage, did_you_mean
from trueup.store.folder import FolderBucket

if TYPE_CHECKING:
    from trueup.store.bucket import Bucket
    from trueup.store.memory import MemoryBucket

_REMOTE = ("s3", "gs", "az")
_MEMORIES: "dict[str, MemoryBucket]" = {}


def open_bucket(url: str, *, root: Path, env: Mapping[str, str]) -> "Bucket":
    """Return the bucket that url names: a folder (relative to root), memory:, s3://, gs://, az://.

    Nothing is asked of a remote bucket yet. memory: is a new one each time, memory:NAME one for
    the process. env gives credentials and endpoints; what is remembered lies in root/.trueup.
    """
    scheme, colon, rest = url.partition(":")
    if colon and scheme == "memory":
        return _memory(rest)
    if "://" not in url:
        if not url:
            raise WrongUsage("store is empty", remedy="Name a folder or a URL as store:")
        return FolderBucket(root / Path(url).expanduser())
    if scheme == "file":
        return FolderBucket(_file(url, rest))
    if scheme in _REMOTE:
        from trueup.store.remoteopen import open_remote

        return open_remote(url, env=env, state=root / ".trueup" / "probes")
    raise WrongUsage(
        f"store {url!r} begins with an unknown scheme",
        remedy=f"{did_you_mean(scheme, _REMOTE)}Known are: a folder's path, file:///path,"
        " s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, memory:",
    )


def _memory(name: str) -> "MemoryBucket":
    from trueup.store.memory import MemoryBucket

    return _MEMORIES.setdefault(name, MemoryBucket(name)) if name else MemoryBucket()


def _file(url: str, rest: str) -> Path:
    from urllib.parse import unquote

    path = unquote(rest.removeprefix("//localhost/" if rest.startswith("//localhost/") else "//"))
    if rest.startswith("//localhost/"):
        path = f"/{path}"
    if not path.startswith("/"):
        raise WrongUsage(
            f"store {url!r} names a host", remedy="Write file:///absolute/path, or just the path"
        )
    return Path(path)
