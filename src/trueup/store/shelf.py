"""The folder in which content lies: whole objects, packs of small files, and what is unfinished."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from blake3 import blake3

from trueup import clock
from trueup.store.hashing import ContentMissing, explained, read_whole, write_all
from trueup.store.packs import (
    MOST_BYTES,
    PackIndex,
    PackPlace,
    PackWriter,
    decode_index,
    rebuilt_index,
)

_READ = os.O_RDONLY | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_STALE_S = 24 * 3600  # nothing takes a day to write
_FRESH_S = 84 * 3600  # half of the grace that gc gives: what is older is dated anew on reuse
_FEW = 256


class Shelf:
    """Objects and packs by digest in one folder; any number of processes may write at once."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.abspath(root)
        self._packs: dict[str, PackIndex] = {}
        self._listed = False
        self._swept = False
        self.swept: set[str] = set()  # folders outside where dead checkouts were looked for

    def path(self, key: str) -> str:
        """Return where a key such as ``objects/<digest>`` lies."""
        return f"{self.root}/{key}"

    def has_object(self, digest: str) -> bool:
        """Say whether a digest is held as an object of its own."""
        return os.path.exists(f"{self.root}/objects/{digest}")

    def has_whole_object(self, digest: str, size_bytes: int) -> bool:
        """Say whether an object is held that has its size; a power cut may have cut it short."""
        try:
            return os.stat(f"{self.root}/objects/{digest}").st_size == size_bytes
        except FileNotFoundError:
            return False

    def is_cut(self, digest: str, size_bytes: int) -> bool:
        """Say whether an object is there in another size than it must have."""
        return self.has_object(digest) and not self.has_whole_object(digest, size_bytes)

    def packs(self, *, again: bool = False) -> dict[str, PackIndex]:
        """Return the indexes of all packs by name; each is read once in a process."""
        if again or not self._listed:
            found = {name for name in self._names("packs") if "." not in name}
            packs = {name: index for name, index in self._packs.items() if name in found}
            for name in found - packs.keys():
                index = self._load_index(name)
                if index is not None:
                    packs[name] = index
            self._packs, self._listed = packs, True
        return self._packs

    def place(self, digest: bytes) -> tuple[str, int, int] | None:
        """Return the pack, offset and length of a raw digest's bytes, if some pack holds them."""
        for again in (False, True):
            for name, index in self.packs(again=again).items():
                if found := index.find(digest):
                    return name, *found
        return None

    def places(self, digests: set[bytes]) -> dict[bytes, PackPlace]:
        """Return where in packs raw digests lie, in as few packs as a greedy choice finds."""
        hits = [(name, index.among(digests)) for name, index in self.packs(again=True).items()]
        found: dict[bytes, PackPlace] = {}
        for name, rows in sorted(hits, key=lambda hit: (-len(hit[1]), hit[0])):
            for digest, offset, length in rows:
                found.setdefault(digest, (name, offset, length))
        return found

    def lacks(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of the raw digests that neither an object nor a pack holds."""
        names = {digest.hex(): digest for digest in digests}
        for name in self.objects_among(names):
            del names[name]
        missing = set(names.values())
        if missing:
            for index in self.packs(again=True).values():
                if len(missing) * 16 < index.count:
                    missing = {digest for digest in missing if index.find(digest) is None}
                else:
                    missing.difference_update(index.digests())
        return missing

    def read(self, digest: str) -> bytes:
        """Return verified bytes; what does not match its name is moved aside and missing."""
        try:
            fd = os.open(f"{self.root}/objects/{digest}", _READ)
        except FileNotFoundError:
            return self._read_packed(bytes.fromhex(digest))
        try:
            body = read_whole(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
        if blake3(body).hexdigest() != digest:
            self.put_aside(digest)
            return self._read_packed(bytes.fromhex(digest))
        return body

    def write(self, digest: str, body: bytes) -> None:
        """Keep bytes as an object, unless it is there."""
        if self.has_whole_object(digest, len(body)):
            return
        unfinished, fd = self.unfinished()
        try:
            with explained(unfinished):
                write_all(fd, body)
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(fd)
        self.adopt(unfinished, f"objects/{digest}")

    def unfinished(self) -> tuple[str, int]:
        """Return the path and descriptor of a new empty file that is not content yet."""
        path = self.unfinished_path()
        with explained(path):
            return path, os.open(path, _CREATE, 0o444)

    def unfinished_path(self) -> str:
        """Return a path for a file that is not content yet; those of dead writers are removed."""
        folder = f"{self.root}/.tmp"
        if not self._swept:
            with explained(folder):
                os.makedirs(folder, exist_ok=True)
            self._swept = True  # only now: another thread asks at the same time
            self._sweep(folder)
        return f"{folder}/{os.getpid()}-{os.urandom(8).hex()}"

    def adopt(self, unfinished: str, key: str) -> None:
        """Give a whole file its final name."""
        final = self.path(key)
        with explained(final):
            try:
                os.replace(unfinished, final)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(final), exist_ok=True)
                os.replace(unfinished, final)

    def adopt_pack(self, writer: PackWriter) -> str:
        """Finish a pack, give it its name with its index beside it, and return the name."""
        try:
            name, index = writer.close()
            self.adopt(writer.path, f"packs/{name}")
        except BaseException:
            writer.abandon()
            raise
        self.index_pack(name, index)
        return name

    def index_pack(self, name: str, index: PackIndex) -> None:
        """Put the index beside a pack that is there."""
        self._write_index(name, index)
        self._packs = {**self._packs, name: index}

    def put_aside(self, digest: str) -> None:
        """Move a damaged object out of the way, for a person to look at."""
        self._move_aside("objects", digest)

    def gather(self, places: dict[bytes, PackPlace]) -> None:
        """Write small files that lie in many packs into new ones; gc removes the old."""
        writer = PackWriter(self.unfinished_path())
        try:
            for digest in sorted(places, key=lambda one: places[one]):
                if writer.size_bytes + places[digest][2] > MOST_BYTES:
                    self.adopt_pack(writer)
                    writer = PackWriter(self.unfinished_path())
                writer.add(digest, self.read(digest.hex()))
        except BaseException:
            writer.abandon()
            raise
        self.adopt_pack(writer)

    def sync(self, keys: Iterable[str]) -> None:
        """Return when the bytes and the names of what is held are on disk for certain."""
        paths = [self.path(key) for key in keys]
        for path in paths + sorted({os.path.dirname(path) for path in paths}):
            with explained(path):
                fd = os.open(path, _READ)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def refresh(self, keys: Iterable[str]) -> None:
        """Date what is used again and has grown old, so that gc sees it is used."""
        limit = clock.now().timestamp() - _FRESH_S
        for key in keys:
            path = self.path(key)
            try:
                if os.stat(path).st_mtime < limit:
                    os.utime(path)
            except OSError:  # it vanished, or is somebody else's: then gc's own grace must do
                continue

    def objects_among(self, digests: Collection[str]) -> set[str]:
        """Return those of the digests that are held as objects of their own."""
        if len(digests) > _FEW:
            return self.object_names().intersection(digests)
        return {digest for digest in digests if self.has_object(digest)}

    def object_names(self) -> set[str]:
        """Return all digests that are held as objects of their own."""
        return set(self._names("objects"))

    def _names(self, folder: str) -> list[str]:
        try:
            return os.listdir(f"{self.root}/{folder}")
        except FileNotFoundError:
            return []

    def _load_index(self, name: str) -> PackIndex | None:
        try:
            with open(f"{self.root}/packs/{name}.idx", "rb") as file:
                return decode_index(file.read())
        except (FileNotFoundError, ValueError):
            pass
        try:
            index = rebuilt_index(f"{self.root}/packs/{name}")
        except FileNotFoundError:
            return None
        except ValueError:
            self._move_aside("packs", name)
            return None
        self._write_index(name, index)
        return index

    def _write_index(self, name: str, index: PackIndex) -> None:
        unfinished, fd = self.unfinished()
        try:
            with explained(unfinished):
                write_all(fd, index.encode())
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(fd)
        self.adopt(unfinished, f"packs/{name}.idx")

    def _read_packed(self, digest: bytes) -> bytes:
        while place := self.place(digest):
            name, offset, length = place
            try:
                fd = os.open(f"{self.root}/packs/{name}", _READ)
            except FileNotFoundError:
                self.packs(again=True)
                if name in self._packs:
                    raise
                continue
            try:
                body = os.pread(fd, length, offset)
            finally:
                os.close(fd)
            if blake3(body).digest() == digest:
                return body
            self.mend(name)
        raise ContentMissing(digest.hex(), self.root)

    def mend(self, name: str) -> None:
        """Replace a damaged pack by one of what is whole in it, and move it aside."""
        index = self._packs.get(name)
        if index is None:  # another thread was first
            return
        self._packs = {other: one for other, one in self._packs.items() if other != name}
        writer = PackWriter(self.unfinished_path())
        try:
            with open(f"{self.root}/packs/{name}", "rb") as pack:
                for digest in index.digests():
                    offset, length = index.find(digest) or (0, 0)
                    pack.seek(offset)
                    body = pack.read(length)
                    if blake3(body).digest() == digest:
                        writer.add(digest, body)
        except BaseException:
            writer.abandon()
            raise
        self._move_aside("packs", name)
        if writer.count:
            self.adopt_pack(writer)
        else:
            writer.abandon()

    def _move_aside(self, folder: str, name: str) -> None:
        os.makedirs(f"{self.root}/damaged", exist_ok=True)
        aside = f"{self.root}/damaged/{name}-{os.urandom(4).hex()}"
        for suffix in ("", ".idx") if folder == "packs" else ("",):
            try:
                os.replace(f"{self.root}/{folder}/{name}{suffix}", aside + suffix)
            except FileNotFoundError:  # another process saw the damage first
                continue

    def _sweep(self, folder: str) -> None:
        limit = clock.now().timestamp() - _STALE_S
        for name in os.listdir(folder):
            try:
                if os.stat(f"{folder}/{name}").st_mtime < limit:
                    os.unlink(f"{folder}/{name}")
            except OSError:  # another process swept it first
                continue
