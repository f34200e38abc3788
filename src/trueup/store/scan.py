"""What lies at a path now, without reading again what has not changed."""

import os
import stat
import threading
from array import array
from collections.abc import Callable
from pathlib import Path

from trueup.errors import StageFailed, WrongUsage
from trueup.store import ignore, manifest, statindex
from trueup.store.artifacts import Artifact, Manifest, ManifestEntry
from trueup.store.hashing import ContentMissing, explained, is_settled, now_ns
from trueup.store.reading import (
    EXECUTABLE,
    FolderReader,
    Keeper,
    Known,
    read_file,
    rows_of,
)
from trueup.store.statindex import Details, FileSeen, FolderSeen, Index
from trueup.store.walk import record, refuse_kind, refuse_name, target_of_link, walk

_ROUNDS = 4


class Scanner:
    """Names files and folders by content; remembers stat records so that nothing is read twice."""

    def __init__(
        self, root: Path, state: Path, prepare: Callable[[], object] = lambda: None
    ) -> None:
        self.root = os.path.abspath(root)
        self.kept: Callable[[str], bytes] | None = None  # where else manifests are found
        self._real = os.path.realpath(self.root)
        self._state = os.path.abspath(state)
        self._prepare = prepare  # called before anything is written to state
        self._index: Index | None = None
        self._fresh = Index()
        self._used: set[str] = set()
        self._parents: dict[str, bool] = {}
        self._lock = threading.Lock()

    def scan(self, path: Path) -> Artifact | None:
        """Return what is at a path now; None when nothing is there.

        A folder's artifact is its manifest's digest; empty folders within it do not count.
        """
        return self.look(path)

    def look(
        self, path: Path, keeper: Keeper | None = None, known: Known | None = None
    ) -> Artifact | None:
        """Return what is at a path; a keeper is given what it lacks, known spares the reading."""
        top = self.absolute(path)
        refuse_name(top)
        with explained(top):
            try:
                found = os.lstat(top)
            except (FileNotFoundError, NotADirectoryError):
                return None
            self._refuse_outside(top)
            if stat.S_ISLNK(found.st_mode):
                found = target_of_link(top, self._is_inside)
            self._used.add(self._name(top))
            if stat.S_ISREG(found.st_mode):
                return self._file(top, found, keeper)
            if stat.S_ISDIR(found.st_mode):
                return self._folder(top, keeper, known)
        raise refuse_kind(found.st_mode, top)

    def check_inside(self, path: Path) -> None:
        """Raise WrongUsage for a path of the project that a linked folder leads out of it."""
        self._refuse_outside(self.absolute(path))

    def manifest(self, artifact: Artifact) -> Manifest:
        """Return the manifest of a folder that was scanned before or is kept."""
        for index in (self._fresh, self._loaded()):
            for name, seen in list(index.folders.items()):
                if seen.artifact.digest == artifact.digest:
                    details = self._details(name)
                    if details and details.digest == artifact.digest:
                        rows = sorted(_rows(details))
                        return Manifest(tuple(ManifestEntry(*row) for row in rows))
        if self.kept is None:
            raise ContentMissing(artifact.digest)
        return manifest.decode(self.kept(artifact.digest))

    def save(self) -> None:
        """Write down what was learnt, for later processes; two at once lose nothing but time."""
        with self._lock:
            if not (self._fresh.files or self._fresh.folders):
                return
            path = f"{self._state}/index"
            index = statindex.load(path, Index) or Index()
            fresh, self._fresh = self._fresh, Index()
            index.files.update(fresh.files)
            index.folders.update(fresh.folders)
            self._index = statindex.pruned(index, self._used, self.root)
            for name in index.folders.keys() - self._index.folders.keys():
                Path(statindex.details_path(self._state, name)).unlink(missing_ok=True)
            statindex.store(path, self._index)

    def remember(self, path: Path, digest: str, visible_ns: int) -> None:
        """Note a file that was just written whole, so that it is not read to learn its digest."""
        top = self.absolute(path)
        found = os.stat(top)
        if is_settled(found.st_mtime_ns, found.st_mtime_ns, visible_ns):
            self._fresh.files[self._name(top)] = FileSeen(record(found), digest)

    def absolute(self, path: str | Path) -> str:
        """Return a path in full; relative ones count from the project's root."""
        return os.path.normpath(os.path.join(self.root, path))

    def _loaded(self) -> Index:
        if self._index is None:
            self._index = statindex.load(f"{self._state}/index", Index) or Index()
        return self._index

    def _details(self, name: str) -> Details | None:
        details = statindex.load(statindex.details_path(self._state, name), Details)
        return details if details is not None and details.name == name else None

    def _name(self, top: str) -> str:
        if top == self.root:
            return "."
        return top[len(self.root) + 1 :] if top.startswith(f"{self.root}/") else top

    def _is_inside(self, real: str) -> bool:
        return f"{real}/".startswith(f"{self._real}/")

    def _refuse_outside(self, top: str) -> None:
        """Refuse a path of the project that leaves it through a linked folder above."""
        if not top.startswith(f"{self.root}/"):
            return
        above = os.path.dirname(top)
        if above not in self._parents:
            self._parents[above] = self._is_inside(os.path.realpath(above))
        if not self._parents[above]:
            raise WrongUsage(
                f"leads out of the project, to {os.path.realpath(above)}, by a symbolic link",
                remedy="Copy it into the project, or declare it as external",
                place=top,
            )

    def _file(self, top: str, found: os.stat_result, keeper: Keeper | None) -> Artifact:
        name, fields = self._name(top), record(found)
        seen = self._fresh.files.get(name) or self._loaded().files.get(name)
        if (
            seen is not None
            and seen.record == fields
            and not (keeper and keeper.lacks({bytes.fromhex(seen.digest)}))
        ):
            digest = seen.digest
        else:
            raw, fields, settled = read_file(top, fields, now_ns(), keeper)
            digest = raw.hex()
            if settled:
                self._fresh.files[name] = FileSeen(fields, digest)
        size, _, _, _, mode = array("q", fields)
        return Artifact(digest, size, executable=bool(mode & EXECUTABLE))

    def _folder(self, top: str, keeper: Keeper | None, known: Known | None) -> Artifact | None:
        for _ in range(_ROUNDS):
            try:
                return self._folder_once(top, keeper, known)
            except (FileNotFoundError, NotADirectoryError):
                if not os.path.isdir(top):
                    return None
        raise StageFailed(
            "files vanish from the folder while it is read",
            remedy="Wait until whatever writes it is done, then run again",
            place=top,
        )

    def _folder_once(self, top: str, keeper: Keeper | None, known: Known | None) -> Artifact:
        name, seen_ns = self._name(top), now_ns()
        below = "" if name == "." else f"{name}/"
        tree = walk(top, below, self._inside_of(top), self._rules_above(name))
        seen = self._fresh.folders.get(name) or self._loaded().folders.get(name)
        unchanged = seen and seen.settled and seen.fingerprint == tree.fingerprint
        if seen and unchanged and (keeper is None or keeper.holds(seen.artifact.digest)):
            return seen.artifact
        hashed = FolderReader(top, tree, seen_ns, keeper).hashed(self._details(name), known)
        artifact, body = manifest.folder(hashed.rows())
        if keeper:
            keeper.folder(artifact.digest, body, hashed.digests)
        details = hashed.details(name, artifact.digest)
        self._prepare()
        statindex.store(statindex.details_path(self._state, name), details)
        self._fresh.folders[name] = FolderSeen(tree.fingerprint, not hashed.unsettled, artifact)
        return artifact

    def _inside_of(self, top: str) -> Callable[[str], bool]:
        if top == self.root or top.startswith(f"{self.root}/"):
            return self._is_inside
        real = os.path.realpath(top)
        return lambda path: f"{path}/".startswith(f"{real}/") or self._is_inside(path)

    def _rules_above(self, name: str) -> ignore.Rules:
        """Return the ignore rules of the folders from the project's root down to a folder."""
        if os.path.isabs(name):
            return ()
        rules: ignore.Rules = ignore.rules_in(self.root, "")
        parts = name.split("/")[:-1]
        for at in range(1, len(parts) + 1):
            below = "/".join(parts[:at])
            rules += ignore.rules_in(f"{self.root}/{below}", f"{below}/")
        return rules


def _rows(details: Details) -> list[manifest.Row]:
    return rows_of(details.paths, array("q", details.records), details.digest_list())
