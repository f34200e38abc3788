"""What files were like when they were last hashed, kept between processes."""

import os
from typing import TypeVar

import msgspec
from blake3 import blake3

from trueup.store.artifacts import Artifact
from trueup.store.hashing import explained, write_all

T = TypeVar("T", bound="Index | Details")
_MAGIC = b"trueup stat index 1\n"
_CHECK_BYTES = 32
_MANY = 4096


class FileSeen(msgspec.Struct, frozen=True, array_like=True):
    """A file's stat record and digest; only files are kept whose change is sure to show."""

    record: bytes
    digest: str


class FolderSeen(msgspec.Struct, frozen=True, array_like=True):
    """A folder's fingerprint; unless settled, some file has to be hashed again."""

    fingerprint: bytes
    settled: bool
    artifact: Artifact


class Index(msgspec.Struct):
    """The short part, which every process loads."""

    files: dict[str, FileSeen] = {}
    folders: dict[str, FolderSeen] = {}


class Details(msgspec.Struct, frozen=True):
    """The long part of one folder, loaded only when its fingerprint differs."""

    name: str
    digest: str  # of the folder's manifest
    paths: list[str]
    records: bytes  # stat records, each of five signed 64-bit integers
    digests: bytes
    unsettled: list[int]  # files that may have changed without their record showing it

    def digest_list(self) -> list[bytes]:
        """Return the raw digests one by one."""
        found, step = self.digests, _CHECK_BYTES
        return [found[at : at + step] for at in range(0, len(found), step)]


def details_path(state: str, name: str) -> str:
    """Return where the long part of a folder is kept."""
    return f"{state}/folders/{blake3(name.encode(errors='surrogateescape')).hexdigest(16)}"


def load(path: str, kind: type[T]) -> T | None:
    """Return what was stored; None if there is none, it is damaged, or another version's."""
    try:
        with open(path, "rb") as file:
            body = file.read()
    except OSError:
        return None
    start = len(_MAGIC) + _CHECK_BYTES
    if not body.startswith(_MAGIC) or len(body) < start:
        return None
    payload = memoryview(body)[start:]
    if blake3(payload).digest() != body[len(_MAGIC) : start]:
        return None
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except msgspec.MsgspecError:
        return None


def store(path: str, value: Index | Details) -> None:
    """Replace what is stored, at once and whole."""
    payload = msgspec.msgpack.encode(value)
    with explained(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        unfinished = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.part"
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            write_all(fd, _MAGIC + blake3(payload).digest())
            write_all(fd, payload)
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(fd)
        os.replace(unfinished, path)


def pruned(index: Index, used: set[str], root: str) -> Index:
    """Return the index without what has long gone, once it has grown far beyond what is used."""
    total = len(index.files) + len(index.folders)
    if total < _MANY or total < 4 * len(used):
        return index

    def stays(name: str) -> bool:
        return name in used or os.path.lexists(os.path.join(root, name))

    return Index(
        {name: seen for name, seen in index.files.items() if stays(name)},
        {name: seen for name, seen in index.folders.items() if stays(name)},
    )
