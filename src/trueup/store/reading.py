"""Reads files for their digests, each once, and only those that changed."""

import os
import stat
import time
from array import array
from collections.abc import Mapping
from typing import Protocol

import msgspec
from blake3 import blake3

from trueup.errors import StageFailed
from trueup.store.abreast import abreast
from trueup.store.hashing import (
    SMALL_BYTES,
    digest_stream,
    is_settled,
    now_ns,
    read_whole,
    settle,
)
from trueup.store.manifest import Row
from trueup.store.statindex import Details
from trueup.store.walk import FIELDS, RECORD, RECORD_BYTES, Tree, record

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_ATTEMPTS = 6
_WAIT_S = 0.01  # doubled at each attempt
_WORTH_WAITING_BYTES = 64 << 20  # hashing these again costs more than one tick of the clock
_BLOCK = 64
_BATCH_BYTES = 1 << 20
_YOUNG_NS = 2_000_000_000
EXECUTABLE = stat.S_IXUSR


class Keeper(Protocol):
    """Takes what a scan reads, so that hashing and keeping are one pass."""

    def holds(self, digest: str) -> bool:
        """Say whether a folder is known to be held whole; if in doubt, it is not."""
        ...

    def lacks(self, digests: set[bytes]) -> set[bytes]:
        """Return those of the raw digests whose content is not held."""
        ...

    def smalls(self, files: list[tuple[bytes, bytes]]) -> None:
        """Keep small files, given as raw digest and bytes."""
        ...

    def large(self, fd: int, size_bytes: int) -> bytes:
        """Keep an open file and return its raw digest."""
        ...

    def folder(self, digest: str, body: bytes, files: list[bytes]) -> None:
        """Keep a folder's manifest; files are the raw digests of what came before."""
        ...


class Known(msgspec.Struct, frozen=True):
    """What the writer of a folder knows of its files: relative path to stat record and digest."""

    files: Mapping[str, tuple[bytes, bytes]]
    visible_ns: int  # nobody else could change them before


class Hashed(msgspec.Struct):
    """A folder's files: stat records, raw digests, and which of the records cannot be trusted."""

    paths: list[str]
    records: bytearray
    digests: list[bytes]
    unsettled: list[int]

    def details(self, name: str, digest: str) -> Details:
        """Return what the index keeps of them."""
        return Details(
            name, digest, self.paths, bytes(self.records), b"".join(self.digests), self.unsettled
        )

    def rows(self) -> list[Row]:
        """Return the rows of the folder's manifest."""
        return rows_of(self.paths, array("q", self.records), self.digests)


def rows_of(paths: list[str], fields: "array[int]", digests: list[bytes]) -> list[Row]:
    """Return the rows of a manifest."""
    columns = zip(paths, digests, fields[::FIELDS], fields[FIELDS - 1 :: FIELDS], strict=True)
    return [
        (path, digest.hex(), size, bool(mode & EXECUTABLE)) for path, digest, size, mode in columns
    ]


def read_file(
    path: str, fields: bytes, seen_ns: int, keeper: Keeper | None
) -> tuple[bytes, bytes, bool]:
    """Return a file's raw digest, its stat record then, and whether that can be trusted later.

    fields is the record seen at seen_ns. A file that changes meanwhile is read again, a few times.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_WAIT_S * 2**attempt)
            seen_ns, fields = now_ns(), record(os.stat(path))
        size, mtime_ns, ctime_ns = array("q", fields)[:3]
        if size >= _WORTH_WAITING_BYTES:
            settle(mtime_ns, ctime_ns)
            seen_ns = now_ns()
        digest = _read_once(path, fields, size, keeper)
        if digest is not None:
            return digest, fields, is_settled(mtime_ns, ctime_ns, seen_ns)
    raise StageFailed(
        "changes while it is read",
        remedy="Wait until whatever writes it is done, then run again",
        place=path,
    )


def _read_once(path: str, fields: bytes, size: int, keeper: Keeper | None) -> bytes | None:
    """Return the raw digest; None if the file is not what fields say, before or after."""
    fd = os.open(path, _FLAGS)
    try:
        if size < SMALL_BYTES:
            body = read_whole(fd, size)
            if len(body) != size or record(os.fstat(fd)) != fields:
                return None
            digest = blake3(body).digest()
            if keeper:
                keeper.smalls([(digest, body)])
            return digest
        digest = keeper.large(fd, size) if keeper else digest_stream(fd, size)
        return digest if record(os.fstat(fd)) == fields else None
    except OSError as error:
        error.filename = error.filename or path
        raise
    finally:
        os.close(fd)


class FolderReader:
    """Gathers the digests of a walked folder's files: known, unchanged, or read."""

    def __init__(self, top: str, tree: Tree, seen_ns: int, keeper: Keeper | None) -> None:
        self.top, self.tree, self.seen_ns, self.keeper = top, tree, seen_ns, keeper
        self.found = Hashed(tree.paths(), tree.records(), [], [])
        self.fields = array("q", self.found.records)

    def hashed(self, old: Details | None, known: Known | None) -> Hashed:
        """Return every file's digest; files are read whose record is neither old nor known."""
        self.found.digests = [b""] * len(self.found.paths)
        if old is not None:
            self.reuse(old)
        if known is not None:
            self.take(known)
        self.read_the_rest()
        return self.found

    def reuse(self, old: Details) -> None:
        """Take the digests of files whose record is the old one."""
        olds = old.digest_list()
        if old.paths == self.found.paths:
            self.reuse_in_place(old, olds)
        else:
            self.reuse_by_path(old, olds)
        lacking = self.keeper.lacks(set(olds)) if self.keeper else None
        if lacking:
            digests = self.found.digests
            self.found.digests = [b"" if one in lacking else one for one in digests]

    def reuse_in_place(self, old: Details, olds: list[bytes]) -> None:
        """Compare records block by block, which most of the time are equal."""
        now, before, digests = bytes(self.found.records), old.records, self.found.digests
        for start in range(0, len(olds), _BLOCK):
            end = start + _BLOCK
            place = slice(start * RECORD_BYTES, end * RECORD_BYTES)
            if now[place] == before[place]:
                digests[start:end] = olds[start:end]
                continue
            for at in range(start, min(end, len(olds))):
                place = slice(at * RECORD_BYTES, (at + 1) * RECORD_BYTES)
                if now[place] == before[place]:
                    digests[at] = olds[at]
        for at in old.unsettled:
            digests[at] = b""

    def reuse_by_path(self, old: Details, olds: list[bytes]) -> None:
        """Compare the records of the paths that were there before."""
        now, before, digests = bytes(self.found.records), old.records, self.found.digests
        then_at = dict(zip(old.paths, range(len(olds)), strict=True))
        for at in old.unsettled:
            del then_at[old.paths[at]]
        for at, path in enumerate(self.found.paths):
            then = then_at.get(path)
            if then is not None and (
                now[at * RECORD_BYTES : (at + 1) * RECORD_BYTES]
                == before[then * RECORD_BYTES : (then + 1) * RECORD_BYTES]
            ):
                digests[at] = olds[then]

    def take(self, known: Known) -> None:
        """Take the digests of files that their writer knows."""
        for at, path in enumerate(self.found.paths):
            entry = known.files.get(path)
            if entry and entry[0] == self.record_at(at):
                self.found.digests[at] = entry[1]
                mtime_ns = self.fields[at * FIELDS + 1]
                if not is_settled(mtime_ns, mtime_ns, known.visible_ns):
                    self.found.unsettled.append(at)

    def record_at(self, at: int) -> bytes:
        """Return one file's stat record."""
        return bytes(self.found.records[at * RECORD_BYTES : (at + 1) * RECORD_BYTES])

    def read_the_rest(self) -> None:
        """Read what has no digest yet; what is large, young or changing comes last, with care."""
        slow: list[int] = []
        start = 0
        for prefix, names, _ in self.tree.parts:
            if b"" in self.found.digests[start : start + len(names)]:
                self.read_names(f"{self.top}/{prefix}", names, start, slow)
            start += len(names)
        abreast(self.read_with_care, slow, os.cpu_count() or 1)

    def read_names(self, folder: str, names: list[str], start: int, slow: list[int]) -> None:
        """Read one folder's small files: the hot loop, 8 microseconds for a file of 1 kB."""
        open_, read, fstat, close = os.open, os.read, os.fstat, os.close
        digests, batch, batch_bytes = self.found.digests, [], 0
        records = self.found.records[start * RECORD_BYTES : (start + len(names)) * RECORD_BYTES]
        young_ns = self.seen_ns - _YOUNG_NS
        seen = RECORD.iter_unpack(records)
        for at, (size, mtime_ns, ctime_ns, inode, mode) in enumerate(seen, start):
            if digests[at]:
                continue
            if size < SMALL_BYTES:
                fd = open_(folder + names[at - start], _FLAGS)
                try:
                    body = read(fd, size + 1)
                    after = fstat(fd)
                finally:
                    close(fd)
                if (
                    len(body) == size == after.st_size
                    and after.st_mtime_ns == mtime_ns
                    and after.st_ctime_ns == ctime_ns
                    and after.st_ino == inode
                    and after.st_mode == mode
                ):
                    digests[at] = digest = blake3(body).digest()
                    batch.append((digest, body))
                    batch_bytes += size
                    if batch_bytes > _BATCH_BYTES:
                        self.keep(batch)
                        batch, batch_bytes = [], 0
                    if (mtime_ns >= young_ns or ctime_ns >= young_ns) and not is_settled(
                        mtime_ns, ctime_ns, self.seen_ns
                    ):
                        self.found.unsettled.append(at)
                    continue
            slow.append(at)
        self.keep(batch)

    def keep(self, files: list[tuple[bytes, bytes]]) -> None:
        """Give small files to the keeper, if there is one."""
        if self.keeper:
            self.keeper.smalls(files)

    def read_with_care(self, at: int) -> None:
        """Read one file that is large, young, or changed since the walk."""
        digest, fields, settled = read_file(
            f"{self.top}/{self.found.paths[at]}", self.record_at(at), self.seen_ns, self.keeper
        )
        self.found.digests[at] = digest
        self.found.records[at * RECORD_BYTES : (at + 1) * RECORD_BYTES] = fields
        if not settled:
            self.found.unsettled.append(at)
