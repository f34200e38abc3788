"""A checkout that a retrain borrows: what it will change is kept first, and put back afterwards."""

import fcntl
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from trueup import git
from trueup.errors import SomebodyElseFirst
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.store.artifacts import Artifact
from trueup.store.formats import Stored

FORMAT = 1
FILE, LOCK = "borrowed.json", "borrowed.lock"


class Before(msgspec.Struct, frozen=True):
    """What lay in a checkout before a retrain; None: nothing did."""

    commit: str
    paths: dict[str, Artifact | None]
    format: int = FORMAT


class Borrowed:
    """One checkout, for as long as one pass of a loop changes it.

    What is kept is written down before anything changes, so that a later pass puts back what a
    killed one has left. Only one process at a time borrows a checkout.
    """

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        self._root, self._env = root, env
        self._lock, self.held = -1, False  # held: this pass has the checkout already

    def take(self, paths: Iterable[str]) -> None:
        """Keep what lies at the paths, once; SomebodyElseFirst where another pass is at work."""
        if self.held:
            return
        own = prepare_own_folder(self._root)
        if self._lock < 0 and not self._locked(own):
            raise SomebodyElseFirst(
                "another pass of a loop trains in this checkout",
                remedy="Wait for it, or use a second checkout",
            )
        self._restored(own / FILE)
        workspace = Workspace(self._root, self._env)
        there = {path: (self._root / path).exists() for path in dict.fromkeys(paths)}
        kept = {
            path: workspace.content.add(Path(path), sync=True) if is_there else None
            for path, is_there in there.items()
        }
        workspace.close()
        _written(own / FILE, msgspec.json.encode(Before(git.head(self._root).commit, kept)))
        self.held = True

    def give_back(self) -> None:
        """Put back what this pass has changed, or a killed one; nothing while another is at it."""
        own = Workspace(self._root, self._env).own
        if self._lock < 0 and not ((own / FILE).exists() and self._locked(own)):
            return
        try:
            self._restored(own / FILE)
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Leave the checkout to others as it is, as the kernel does for a process that dies."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock, self.held = -1, False

    def _locked(self, own: Path) -> bool:
        file = os.open(own / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._lock = file
        return True

    def _restored(self, file: Path) -> None:
        """Put back what is written down; whoever has moved to another commit since, keeps that."""
        try:
            before = _STORED.read(file.read_bytes(), str(file))
        except FileNotFoundError:
            return
        if before.commit == git.head(self._root).commit:
            workspace = Workspace(self._root, self._env)
            for path, artifact in before.paths.items():
                if artifact is None:
                    _removed(self._root / path)
                else:
                    workspace.content.checkout(artifact, Path(path))
            workspace.close()
        file.unlink()


def _written(file: Path, body: bytes) -> None:
    """Write a file so that after a kill it is there whole, or not at all."""
    staged = file.with_suffix(".new")
    with staged.open("wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    staged.replace(file)


def _removed(path: Path) -> None:
    from shutil import rmtree

    if path.is_dir() and not path.is_symlink():
        rmtree(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


_STORED = Stored(
    msgspec.json.Decoder(Before),
    FORMAT,
    "what a retrain has borrowed is written down",
    "not what a retrain has borrowed",
    remedy="Look at what differs with git status, put it back, and remove the file",
)
