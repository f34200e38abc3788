"""What a model file or folder is made of, looked at without running or unpacking anything."""

import bz2
import io
import lzma
import pickletools
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile, ZipFile

OPENING_BYTES = 4096
_PEEK_BYTES = 1 << 16
_OPCODES = 64  # as many in a row do not happen by chance


class Content:
    """A model's place, its first bytes, and lists of what it contains."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place.is_dir()

    @cached_property
    def opening(self) -> bytes:
        """The first bytes of a file; nothing of a folder."""
        if self.folder:
            return b""
        with self.place.open("rb") as file:
            return file.read(OPENING_BYTES)

    @cached_property
    def body(self) -> bytes:
        """All bytes of a file."""
        return self.place.read_bytes()

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names in a zip archive or, relative, in a folder; of anything else none."""
        if self.folder:
            files = (one for one in self.place.rglob("*") if not one.is_dir())
            return tuple(sorted(one.relative_to(self.place).as_posix() for one in files))
        if not self.is_zip:
            return ()
        try:
            with ZipFile(self.place) as archive:
                return tuple(archive.namelist())
        except (BadZipFile, OSError, ValueError, NotImplementedError):
            return ()

    @property
    def is_zip(self) -> bool:
        """Whether it begins as a zip archive; one with something in front does not count."""
        return self.opening.startswith(b"PK\x03\x04")

    @property
    def is_tar(self) -> bool:
        """Whether it is a tar archive."""
        return self.opening[257:262] == b"ustar"

    @cached_property
    def unpacked(self) -> bytes:
        """The first bytes behind gzip, zlib, bz2 or xz, if there are any; else the opening."""
        return decompressed(self.opening)


def decompressed(opening: bytes) -> bytes:
    """Return the first bytes of what is compressed there, at most 64 kB, or the bytes as given."""
    ways: list[tuple[bytes, Callable[[], bytes]]] = [
        (b"\x1f\x8b", lambda: zlib.decompressobj(31).decompress(opening, _PEEK_BYTES)),
        (b"\x78", lambda: zlib.decompressobj().decompress(opening, _PEEK_BYTES)),
        (b"BZh", lambda: bz2.BZ2Decompressor().decompress(opening, _PEEK_BYTES)),
        (b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor().decompress(opening, _PEEK_BYTES)),
        (b"\x5d\x00\x00", lambda: lzma.LZMADecompressor().decompress(opening, _PEEK_BYTES)),
    ]
    for mark, way in ways:
        if opening.startswith(mark):
            try:
                return way() or opening
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                return opening
    return opening


def is_pickle(opening: bytes) -> bool:
    """Say whether bytes read as pickle opcodes; nothing is unpickled to find out.

    Protocols 2 and up begin with a mark. The older ones are any text, so their opcodes must go
    on for a while, or reach the end with something called on the way.
    """
    if opening[:1] == b"\x80" and len(opening) > 1 and 2 <= opening[1] <= 5:
        return True
    seen, calls = 0, False
    try:
        for opcode, _, _ in pickletools.genops(io.BytesIO(opening)):
            seen += 1
            calls = calls or opcode.name in ("GLOBAL", "REDUCE", "INST", "OBJ", "BUILD")
            if opcode.name == "STOP":
                return calls or seen > 2
            if seen >= _OPCODES:
                return calls
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError):
        return calls and seen >= 3
    return False
