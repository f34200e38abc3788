"""Content: what is added comes back the same, and nothing damaged is ever given out."""

import os
from pathlib import Path

import pytest

from trueup.errors import WrongUsage
from trueup.store.artifacts import Artifact
from trueup.store.content import Content
from trueup.store.hashing import SMALL_BYTES, ContentMissing
from trueup.store.scan import Scanner


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
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return what a folder holds: path to bytes and executable bit."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


def test_a_folder_that_was_added_comes_back_the_same(place: Place) -> None:
    for at in range(40):
        place.write(f"data/part {at % 3}/-{at} ü\n.txt", f"row {at}")
    place.write("data/large", os.urandom(SMALL_BYTES * 3))
    place.write("data/empty", b"")
    place.write("data/run.sh", "#!/bin/sh\n").chmod(0o755)
    artifact = place.content.add(Path("data"))
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")
    assert (artifact.kind, artifact.files) == ("folder", 43)
    assert place.scanner.scan(Path("copy")) == artifact


@pytest.mark.parametrize("size_bytes", [0, 5, SMALL_BYTES, 20 << 20])
def test_a_file_that_was_added_comes_back_the_same(place: Place, size_bytes: int) -> None:
    body = os.urandom(size_bytes)
    place.write("model.bin", body)
    artifact = place.content.add(Path("model.bin"))
    place.content.checkout(artifact, Path("there/model.bin"))
    assert (place.root / "there/model.bin").read_bytes() == body
    assert artifact.size_bytes == size_bytes
    assert place.scanner.scan(Path("there/model.bin")) == artifact


def test_a_users_edit_does_not_reach_the_store(place: Place) -> None:
    place.write("a", "first")
    artifact = place.content.add(Path("a"))
    place.write("a", "other")
    place.content.checkout(artifact, Path("a"))
    (place.root / "a").write_text("third")
    assert place.content.read(artifact.digest) == b"first"


def test_what_was_never_added_is_missing(place: Place) -> None:
    unknown = Artifact("00" * 32, 3)
    assert not place.content.has(unknown)
    with pytest.raises(ContentMissing):
        place.content.read(unknown.digest)
    with pytest.raises(ContentMissing):
        place.content.checkout(unknown, Path("x"))
    assert not (place.root / "x").exists()


def test_nothing_to_add_is_an_error_that_names_the_path(place: Place) -> None:
    with pytest.raises(WrongUsage, match="nowhere"):
        place.content.add(Path("nowhere"))


def test_a_file_in_place_of_a_folder_and_back(place: Place) -> None:
    place.write("x", "a file")
    file = place.content.add(Path("x"))
    (place.root / "x").unlink()
    place.write("x/y", "in a folder")
    folder = place.content.add(Path("x"))
    place.content.checkout(file, Path("x"))
    assert (place.root / "x").read_text() == "a file"
    place.content.checkout(folder, Path("x"))
    assert tree(place.root / "x") == {"y": (b"in a folder", False)}
