"""Packs: many small files in one, with an index beside it.

A pack is ``trueup pack 1`` and a newline, then for each file its raw digest (32 bytes), its length
(8 bytes, big-endian) and its bytes. The index is ``trueup idx 1`` and a newline, the number of
files (8 bytes), then three columns sorted by digest: digests (32 bytes each), offsets of the bytes
in the pack and lengths (8 bytes each), and last the BLAKE3 of all that. Both bear the BLAKE3 of the
pack as their name, and an index can be made again from its pack.
"""

import os
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter

from blake3 import blake3

from trueup.store.hashing import explained, write_all

PACK_MAGIC = b"trueup pack 1\n"
IDX_MAGIC = b"trueup idx 1\n"
MOST_BYTES = 64 << 20
_BLOCK_BYTES = 1 << 20
_HEAD = struct.Struct(">32sQ")
_COUNT = struct.Struct(">Q")
_DIGEST_BYTES = 32

Place = tuple[int, int]  # offset and length in a pack
PackPlace = tuple[str, int, int]  # the pack's name, offset and length


class PackIndex:
    """Where in one pack each small file lies."""

    __slots__ = ("_digests", "_keys", "_lengths", "_offsets", "count")

    def __init__(self, digests: bytes, offsets: "array[int]", lengths: "array[int]") -> None:
        self._digests, self._offsets, self._lengths = digests, offsets, lengths
        self.count = len(offsets)
        self._keys = _column(digests)[:: _DIGEST_BYTES // 8]  # first 8 bytes: what is searched

    def find(self, digest: bytes) -> Place | None:
        """Return offset and length of a raw digest's bytes in the pack."""
        at = bisect_left(self._keys, int.from_bytes(digest[:8], "big"))
        while at < self.count:
            found = self._digests[at * _DIGEST_BYTES : (at + 1) * _DIGEST_BYTES]
            if found == digest:
                return self._offsets[at], self._lengths[at]
            if found > digest:
                return None
            at += 1
        return None

    def digests(self) -> Iterator[bytes]:
        """Yield the raw digests, in order."""
        held, step = self._digests, _DIGEST_BYTES
        return (held[at : at + step] for at in range(0, len(held), step))

    def among(self, wanted: set[bytes]) -> list[tuple[bytes, int, int]]:
        """Return raw digest, offset and length of those wanted files that the pack holds."""
        if len(wanted) * 16 < self.count:
            return [(one, *place) for one in wanted if (place := self.find(one))]
        columns = zip(self.digests(), self._offsets, self._lengths, strict=True)
        return [row for row in columns if row[0] in wanted]

    def end_bytes(self) -> int:
        """Return the size of the pack."""
        columns = zip(self._offsets, self._lengths, strict=True)
        return max((offset + length for offset, length in columns), default=len(PACK_MAGIC))

    def encode(self) -> bytes:
        """Return the bytes of the ``.idx`` file."""
        body = b"".join(
            (
                IDX_MAGIC,
                _COUNT.pack(self.count),
                self._digests,
                _big_endian(self._offsets),
                _big_endian(self._lengths),
            )
        )
        return body + blake3(body).digest()


def index_of(places: Iterable[tuple[bytes, int, int]]) -> PackIndex:
    """Return the index of files given as raw digest, offset and length."""
    rows = sorted(places, key=itemgetter(0))
    return PackIndex(
        b"".join([row[0] for row in rows]),
        array("Q", [row[1] for row in rows]),
        array("Q", [row[2] for row in rows]),
    )


def decode_index(body: bytes) -> PackIndex:
    """Return the index that an ``.idx`` file holds; ValueError if it is damaged or newer."""
    start = len(IDX_MAGIC) + _COUNT.size
    if not body.startswith(IDX_MAGIC) or blake3(body[:-32]).digest() != body[-32:]:
        raise ValueError("these bytes are no index of a pack, or a damaged one")
    count = _COUNT.unpack_from(body, len(IDX_MAGIC))[0]
    ends = [start + count * at for at in (32, 40, 48)]
    if len(body) != ends[2] + 32:
        raise ValueError("the index of a pack has a wrong length")
    return PackIndex(
        body[start : ends[0]],
        _column(body[ends[0] : ends[1]]),
        _column(body[ends[1] : ends[2]]),
    )


def rebuilt_index(path: str) -> PackIndex:
    """Return the index of a pack by reading the pack; ValueError where it is damaged."""
    places = []
    with open(path, "rb") as pack:
        if pack.read(len(PACK_MAGIC)) != PACK_MAGIC:
            raise ValueError("these bytes are no pack")
        while head := pack.read(_HEAD.size):
            if len(head) < _HEAD.size:
                raise ValueError("the pack ends too soon")
            digest, length = _HEAD.unpack(head)
            places.append((digest, pack.tell(), length))
            pack.seek(length, os.SEEK_CUR)
    return index_of(places)


class PackWriter:
    """Writes one pack into an unfinished file; nothing bears a final name before ``close``."""

    def __init__(self, unfinished: str) -> None:
        self.path = unfinished
        self.size_bytes = len(PACK_MAGIC)
        self._places: list[tuple[bytes, int, int]] = []
        self._pieces = [PACK_MAGIC]
        self._flushed_bytes = 0
        self._hasher = blake3()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with explained(unfinished):
            self._fd = os.open(unfinished, flags, 0o444)

    def add(self, digest: bytes, body: bytes) -> None:
        """Append a small file."""
        length, offset = len(body), self.size_bytes + _HEAD.size
        self._pieces += (_HEAD.pack(digest, length), body)
        self._places.append((digest, offset, length))
        self.size_bytes = offset + length
        if self.size_bytes - self._flushed_bytes >= _BLOCK_BYTES:
            self._flush()

    @property
    def count(self) -> int:
        """Return how many files the pack holds by now."""
        return len(self._places)

    def digests(self) -> Iterator[bytes]:
        """Yield the raw digests, in the order in which they came."""
        return (place[0] for place in self._places)

    def close(self) -> tuple[str, PackIndex]:
        """Finish the file and return the pack's name and its index."""
        self._flush()
        self._close()
        return self._hasher.hexdigest(), index_of(self._places)

    def abandon(self) -> None:
        """Remove the unfinished file."""
        self._close()
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _flush(self) -> None:
        block = b"".join(self._pieces)
        self._hasher.update(block)
        with explained(self.path):
            write_all(self._fd, block)
        self._pieces, self._flushed_bytes = [], self.size_bytes


def _column(body: bytes) -> "array[int]":
    column = array("Q", body)
    if sys.byteorder == "little":
        column.byteswap()
    return column


def _big_endian(column: "array[int]") -> bytes:
    if sys.byteorder == "little":
        column = array("Q", column)
        column.byteswap()
    return column.tobytes()
