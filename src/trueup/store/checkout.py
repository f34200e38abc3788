"""Puts content where a user works with it: reflinks or copies, never links to the store."""

import os
from collections import defaultdict
from collections.abc import Iterable

from blake3 import blake3

from trueup import clock
from trueup.store.artifacts import Artifact, Manifest, ManifestEntry
from trueup.store.hashing import ContentMissing, copy_hashed, explained, now_ns, settle, write_all
from trueup.store.ignore import UNFINISHED
from trueup.store.reading import Known
from trueup.store.shelf import Shelf
from trueup.store.walk import record

_WORTH_WAITING_BYTES = 64 << 20
_STALE_S = 24 * 3600
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
_Files = dict[str, tuple[bytes, bytes]]


def place_file(shelf: Shelf, artifact: Artifact, to: str) -> int:
    """Replace what is at a path by a file, at once; return when others could first change it."""
    entry = ManifestEntry("", artifact.digest, artifact.size_bytes, artifact.executable)
    with explained(to):
        _make_room(os.path.dirname(to), shelf)
        staged = _staged_beside(to)
        try:
            _write([("", entry)], staged, shelf)
            visible_ns = now_ns()
            if os.path.isdir(to) and not os.path.islink(to):
                _remove_tree(to)
            os.replace(staged, to)
        except BaseException:
            _remove_tree(staged)
            raise
    return visible_ns


def place_folder(shelf: Shelf, manifest: Manifest, to: str, current: Manifest | None) -> Known:
    """Make a folder hold these files and no others; current says what is in it now, if it is one.

    Only files that differ are touched. All bytes are written and verified before any file changes.
    """
    with explained(to):
        if current is None:
            return _place_anew(shelf, manifest, to)
        return _Change(shelf, manifest, to, current).made()


def _place_anew(shelf: Shelf, manifest: Manifest, to: str) -> Known:
    _make_room(os.path.dirname(to), shelf)
    staged = _staged_beside(to)
    try:
        os.mkdir(staged)
        _make_folders(staged, (entry.path for entry in manifest.entries))
        files = _write([(entry.path, entry) for entry in manifest.entries], f"{staged}/", shelf)
        visible_ns = now_ns()
        if os.path.lexists(to):
            _remove_tree(to)
        os.rename(staged, to)
    except BaseException:
        _remove_tree(staged)
        raise
    return Known(files, visible_ns)


class _Change:
    """The steps from what a folder holds to what it is to hold."""

    def __init__(self, shelf: Shelf, manifest: Manifest, to: str, current: Manifest) -> None:
        self.shelf, self.to = shelf, to
        self.wanted = {entry.path: entry for entry in manifest.entries}
        self.present = {entry.path: entry for entry in current.entries}
        self.links = self._links_in_the_way()
        for path in [path for path in self.present if self._is_below_link(path)]:
            del self.present[path]

    def made(self) -> Known:
        changed = [
            (path, entry) for path, entry in self.wanted.items() if self.present.get(path) != entry
        ]
        staged = f"{self.to}/{UNFINISHED}{os.urandom(6).hex()}"
        os.mkdir(staged)
        try:
            numbered = [(str(at), entry) for at, (_, entry) in enumerate(changed)]
            _write(numbered, f"{staged}/", self.shelf)
            visible_ns = now_ns()
            self._clear()
            _make_folders(self.to, (path for path, _ in changed))
            files = {}
            for at, (path, entry) in enumerate(changed):
                final = f"{self.to}/{path}"
                if os.path.isdir(final) and not os.path.islink(final):
                    _remove_tree(final)  # nothing but ignored files and empty folders is left in it
                os.replace(f"{staged}/{at}", final)
                files[path] = (record(os.stat(final)), bytes.fromhex(entry.digest))
        finally:
            _remove_tree(staged)
        return Known(files, visible_ns)

    def _links_in_the_way(self) -> list[str]:
        """Return the linked folders whose files differ: the link goes, what it leads to stays."""
        folders = {os.path.dirname(path) for path in self.present} - {""}
        above = {folder[:at] for folder in folders for at in _ends(folder)}
        links = sorted(one for one in above if os.path.islink(f"{self.to}/{one}"))
        return [
            f"{link}/"
            for link in links
            if _below(self.present, f"{link}/") != _below(self.wanted, f"{link}/")
        ]

    def _is_below_link(self, path: str) -> bool:
        return any(path.startswith(link) for link in self.links)

    def _clear(self) -> None:
        for link in self.links:
            if os.path.islink(f"{self.to}/{link[:-1]}"):
                os.unlink(f"{self.to}/{link[:-1]}")
        extra = self.present.keys() - self.wanted.keys()
        for path in extra:
            os.unlink(f"{self.to}/{path}")
        emptied = {path[:at] for path in extra for at in _ends(os.path.dirname(path))}
        for folder in sorted(emptied, key=len, reverse=True):
            try:
                os.rmdir(f"{self.to}/{folder}")
            except OSError:  # something is left in it, or it is a link
                continue


def _ends(folder: str) -> list[int]:
    """Return where the folder's path and those of the folders above it end."""
    if not folder:
        return []
    return [at for at, sign in enumerate(folder) if sign == "/"] + [len(folder)]


def _below(entries: dict[str, ManifestEntry], prefix: str) -> dict[str, ManifestEntry]:
    return {path: entry for path, entry in entries.items() if path.startswith(prefix)}


def _write(files: list[tuple[str, ManifestEntry]], prefix: str, shelf: Shelf) -> _Files:
    """Write verified files under new names; return the stat record and digest of each."""
    written: _Files = {}
    packed: dict[str, list[tuple[int, int, str, ManifestEntry]]] = defaultdict(list)
    held = shelf.objects_among({entry.digest for _, entry in files})
    young: os.stat_result | None = None
    small: list[tuple[str, ManifestEntry]] = []
    for name, entry in files:
        if entry.digest not in held:
            small.append((name, entry))
            continue
        found = _write_object(shelf, entry, prefix + name)
        written[name] = (record(found), bytes.fromhex(entry.digest))
        if found.st_size >= _WORTH_WAITING_BYTES:
            young = found
    where = shelf.places({bytes.fromhex(entry.digest) for _, entry in small})
    for name, entry in small:
        place = where.get(bytes.fromhex(entry.digest))
        if place is None:
            raise ContentMissing(entry.digest, shelf.root)
        packed[place[0]].append((place[1], place[2], name, entry))
    for pack, places in packed.items():
        written.update(_write_packed(shelf, pack, sorted(places), prefix))
    if young is not None:
        settle(young.st_mtime_ns, young.st_ctime_ns)
    return written


def _write_object(shelf: Shelf, entry: ManifestEntry, target: str) -> os.stat_result:
    try:
        source = os.open(shelf.path(f"objects/{entry.digest}"), _READ)
    except FileNotFoundError as error:
        raise ContentMissing(entry.digest, shelf.root) from error
    try:
        fd = os.open(target, _CREATE, 0o777 if entry.executable else 0o666)
        try:
            digest = copy_hashed(source, fd, entry.size_bytes)
            found = os.fstat(fd)
        finally:
            os.close(fd)
    finally:
        os.close(source)
    if digest.hex() != entry.digest:
        shelf.put_aside(entry.digest)
        raise ContentMissing(entry.digest, shelf.path(f"objects/{entry.digest}"))
    return found


def _write_packed(
    shelf: Shelf, pack: str, places: list[tuple[int, int, str, ManifestEntry]], prefix: str
) -> _Files:
    written: _Files = {}
    try:
        source = os.open(shelf.path(f"packs/{pack}"), _READ)
    except FileNotFoundError as error:
        raise ContentMissing(places[0][3].digest, shelf.root) from error
    try:
        for offset, length, name, entry in places:
            body = os.pread(source, length, offset)
            digest = blake3(body).digest()
            if digest.hex() != entry.digest:
                body = shelf.read(entry.digest)  # mends the pack; another may hold it whole
            fd = os.open(prefix + name, _CREATE, 0o777 if entry.executable else 0o666)
            try:
                write_all(fd, body)
                written[name] = (record(os.fstat(fd)), digest)
            finally:
                os.close(fd)
    finally:
        os.close(source)
    return written


def _make_folders(top: str, paths: Iterable[str]) -> None:
    for folder in sorted({os.path.dirname(path) for path in paths} - {""}):
        os.makedirs(f"{top}/{folder}", exist_ok=True)


def _make_room(above: str, shelf: Shelf) -> None:
    """Make the folder, and remove what a killed checkout left in it long ago."""
    os.makedirs(above, exist_ok=True)
    if above in shelf.swept:
        return
    shelf.swept.add(above)
    limit = clock.now().timestamp() - _STALE_S
    for name in os.listdir(above):
        path = f"{above}/{name}"
        if name.startswith(UNFINISHED) and os.lstat(path).st_mtime < limit:
            _remove_tree(path)


def _staged_beside(to: str) -> str:
    return f"{os.path.dirname(to)}/{UNFINISHED}{os.urandom(6).hex()}"


def _remove_tree(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
