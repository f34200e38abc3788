"""Keeps what a scan reads: large files as objects, small ones of a folder in packs."""

import os
import threading
from collections.abc import Mapping
from types import TracebackType

from trueup.store.hashing import copy_hashed, explained
from trueup.store.packs import MOST_BYTES, PackWriter
from trueup.store.shelf import Shelf

_FEWEST = 16  # fewer new small files than this are objects of their own: a pack is two files
_MANY = 1000
_MOST_HELD = 1_000_000  # beyond, asking each index is slower but bounded in memory


class Adding:
    """The keeper for one file or folder; within the block nothing bears a final name too soon."""

    def __init__(
        self, shelf: Shelf, *, lone: bool, kept: Mapping[str, list[str]] | None = None
    ) -> None:
        self.shelf, self.lone = shelf, lone
        self._kept = kept or {}  # folders that were kept before, and the keys that hold them
        self.files: set[bytes] | None = None  # what the folder is made of, once it is known
        self.packs: set[str] = set()  # that were written
        self.packed: set[bytes] = set()  # what they hold
        self._few: dict[bytes, bytes] = {}
        self._writer: PackWriter | None = None
        self._held: set[bytes] = set()
        self._knows_all = False
        self._asked = 0
        self._lock = threading.Lock()  # large files are read by several threads, and may shrink

    def __enter__(self) -> "Adding":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.flush()
        elif self._writer is not None:
            self._writer.abandon()

    def holds(self, digest: str) -> bool:
        """Say whether a folder is known to be held whole: all that was written is still there."""
        keys = self._kept.get(digest)
        return keys is not None and all(os.path.exists(self.shelf.path(key)) for key in keys)

    def lacks(self, digests: set[bytes]) -> set[bytes]:
        """Return those of the raw digests whose content is not held."""
        if self.lone:
            return {digest for digest in digests if not self.shelf.has_object(digest.hex())}
        return self.shelf.lacks(digests)

    def smalls(self, files: list[tuple[bytes, bytes]]) -> None:
        """Keep small files, given as raw digest and bytes, unless they are held."""
        if self.lone:
            for digest, body in files:
                self.shelf.write(digest.hex(), body)
            return
        with self._lock:
            fresh = {digest: body for digest, body in files if digest not in self._held}
            if not self._knows_all:
                fresh = {one: body for one, body in fresh.items() if not self._is_held(one)}
            self._held.update(fresh)
            self._keep(fresh)

    def _keep(self, files: dict[bytes, bytes]) -> None:
        if self._writer is None:
            self._few.update(files)
            if len(self._few) < _FEWEST:
                return
            files, self._few = self._few, {}
            self._writer = PackWriter(self.shelf.unfinished_path())
        for digest, body in files.items():
            if self._writer.size_bytes + len(body) > MOST_BYTES:
                self._close()
                self._writer = PackWriter(self.shelf.unfinished_path())
            self._writer.add(digest, body)

    def large(self, fd: int, size_bytes: int) -> bytes:
        """Keep an open file as an object and return its raw digest."""
        unfinished, target = self.shelf.unfinished()
        try:
            with explained(unfinished):
                digest = copy_hashed(fd, target, size_bytes)
            if self.shelf.has_whole_object(digest.hex(), os.fstat(target).st_size):
                os.unlink(unfinished)
                return digest
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(target)
        self.shelf.adopt(unfinished, f"objects/{digest.hex()}")
        return digest

    def folder(self, digest: str, body: bytes, files: list[bytes]) -> None:
        """Keep a folder's manifest, after everything it names."""
        self.files = set(files)
        self.flush()
        self.shelf.write(digest, body)

    def flush(self) -> None:
        """Give all that was kept its final name."""
        for digest, body in self._few.items():
            self.shelf.write(digest.hex(), body)
        self._few = {}
        if self._writer is not None:
            self._close()

    def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self.packs.add(self.shelf.adopt_pack(writer))
            self.packed.update(writer.digests())

    def _is_held(self, digest: bytes) -> bool:
        """Ask the store; from the thousandth question on, know the answers beforehand."""
        if self._knows_all:
            return digest in self._held
        self._asked += 1
        if self._asked == _MANY:
            packs = self.shelf.packs(again=True).values()
            names = self.shelf.object_names()
            if sum(index.count for index in packs) + len(names) <= _MOST_HELD:
                held = {bytes.fromhex(name) for name in names if len(name) == 64}
                held.update(*(index.digests() for index in packs))
                known = digest in held
                self._held |= held
                self._knows_all = True
                return known
        return self.shelf.has_object(digest.hex()) or any(
            index.find(digest) for index in self.shelf.packs().values()
        )
