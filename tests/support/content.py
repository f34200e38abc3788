"""A project's folder with its scanner and its store, and what tests ask of them."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

from trueup.store.content import Content
from trueup.store.hashing import is_settled, now_ns
from trueup.store.scan import Scanner

_watchers: list[Callable[[str], None]] = []
_hooked: list[bool] = []


class Place:
    """A project's folder with its scanner and its content store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.reopen()

    def reopen(self) -> None:
        """Begin anew, as a later process does."""
        self.scanner = Scanner(self.root, self.root / ".trueup/state")
        self.content = Content(self.root / ".trueup/store", self.scanner)

    def write(self, name: str, body: bytes | str) -> Path:
        """Write a file, with the folders that it needs."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    def fill(self, files: dict[str, bytes], below: str = "data") -> None:
        """Write many files below a folder, which is there afterwards even if there are none."""
        (self.root / below).mkdir(parents=True, exist_ok=True)
        for name, body in files.items():
            self.write(f"{below}/{name}", body)

    def stored(self, folder: str) -> list[str]:
        """Return the names in a folder of the store."""
        path = self.root / ".trueup/store" / folder
        return sorted(one.name for one in path.iterdir()) if path.is_dir() else []

    def wait_until_settled(self, *names: str) -> None:
        """Return when a change of the files is sure to show in their times."""
        for name in names:
            found = (self.root / name).stat()
            while not is_settled(found.st_mtime_ns, found.st_ctime_ns, now_ns()):
                pass


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return what a folder holds: path to bytes and executable bit."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def watching(watcher: Callable[[str], None]) -> Iterator[None]:
    """Call watcher with the path of each file that is opened within the block."""
    if not _hooked:
        sys.addaudithook(_tell)
        _hooked.append(True)
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


@contextmanager
def opened() -> Iterator[list[str]]:
    """Collect the paths of the files that are opened within the block."""
    paths: list[str] = []
    with watching(paths.append):
        yield paths


def _tell(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watchers and isinstance(arguments[0], str):
        flags = arguments[2]
        if isinstance(flags, int) and flags & os.O_DIRECTORY:
            return  # a folder is listed, not read
        for watcher in list(_watchers):
            watcher(arguments[0])


_names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12
).filter(lambda name: not name.startswith("."))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Draw the files of a folder: odd names, folders within folders, many equal bodies."""
    paths = draw(st.lists(st.lists(_names, min_size=1, max_size=3).map("/".join), max_size=30))
    files: dict[str, bytes] = {}
    for path in paths:
        above = {path[:at] for at, sign in enumerate(path) if sign == "/"}
        below = any(other.startswith(f"{path}/") for other in files)
        if not (above & files.keys() or below):
            files[path] = draw(st.binary(max_size=20))
    return files
