"""Checkout: only what differs is touched, and nothing outside the path is."""

import os
from pathlib import Path

import pytest

from tests.support.content import Place, opened, tree
from trueup.store.artifacts import Artifact


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


@pytest.fixture
def kept(place: Place) -> Artifact:
    """A folder with ten files and one in a folder below."""
    place.fill({f"{at}": f"body {at}".encode() for at in range(10)})
    place.write("data/sub/x", "below")
    return place.content.add(Path("data"))


def inodes(folder: Path) -> dict[str, int]:
    """Tell whether files were written anew."""
    return {str(p.relative_to(folder)): p.stat().st_ino for p in folder.rglob("*") if p.is_file()}


def test_only_files_that_differ_are_touched(place: Place, kept: Artifact) -> None:
    before = inodes(place.root / "data")
    whole = tree(place.root / "data")
    place.write("data/3", "changed")
    (place.root / "data/4").unlink()
    (place.root / "data/5").chmod(0o755)
    place.write("data/extra/deep/file", "extra")
    place.content.checkout(kept, Path("data"))
    after = inodes(place.root / "data")
    assert tree(place.root / "data") == whole
    assert {name for name in after if after[name] == before.get(name)} == set(whole) - {
        "3",
        "4",
        "5",
    }
    assert not (place.root / "data/extra").exists()
    assert not list((place.root / "data").glob(".trueup*"))


def test_what_is_there_already_is_not_touched_at_all(place: Place, kept: Artifact) -> None:
    before = inodes(place.root / "data")
    place.content.checkout(kept, Path("data"))
    assert inodes(place.root / "data") == before


def test_the_scanner_knows_a_folder_that_was_checked_out_without_reading_it(
    place: Place, kept: Artifact
) -> None:
    place.content.checkout(kept, Path("copy"))
    with opened() as paths:
        place.scanner.scan(Path("copy"))
    place.wait_until_settled("copy/9", "copy/sub/x")
    read_once = {path for path in paths if "/copy/" in path}
    assert len(read_once) <= 11  # those as young as the clock is coarse
    place.scanner.scan(Path("copy"))
    with opened() as paths:
        assert place.scanner.scan(Path("copy")) == kept
    assert not [path for path in paths if "/copy/" in path]


def test_a_large_file_that_was_checked_out_is_not_read_again(place: Place) -> None:
    path = place.write("large", b"")
    os.truncate(path, 80 << 20)
    artifact = place.content.add(Path("large"))
    place.content.checkout(artifact, Path("copy"))
    with opened() as paths:
        assert place.scanner.scan(Path("copy")) == artifact
        assert place.scanner.scan(Path("large")) == artifact
    assert not [path for path in paths if path.endswith(("copy", "large"))]


def test_a_linked_folder_in_the_way_goes_and_what_it_leads_to_stays(
    place: Place, kept: Artifact
) -> None:
    place.write("elsewhere/x", "mine")
    place.write("elsewhere/y", "mine too")
    (place.root / "data/sub/x").unlink()
    (place.root / "data/sub").rmdir()
    (place.root / "data/sub").symlink_to("../elsewhere")
    place.content.checkout(kept, Path("data"))
    assert not (place.root / "data/sub").is_symlink()
    assert (place.root / "data/sub/x").read_text() == "below"
    assert tree(place.root / "elsewhere") == {"x": (b"mine", False), "y": (b"mine too", False)}


def test_a_linked_folder_with_the_same_files_stays(place: Place, kept: Artifact) -> None:
    place.write("elsewhere/x", "below")
    (place.root / "data/sub/x").unlink()
    (place.root / "data/sub").rmdir()
    (place.root / "data/sub").symlink_to("../elsewhere")
    place.write("data/1", "changed")
    place.content.checkout(kept, Path("data"))
    assert (place.root / "data/sub").is_symlink()
    assert (place.root / "data/1").read_text() == "body 1"


def test_a_link_at_the_path_is_replaced_and_what_it_leads_to_stays(
    place: Place, kept: Artifact
) -> None:
    place.write("elsewhere/x", "mine")
    (place.root / "link").symlink_to("elsewhere")
    place.content.checkout(kept, Path("link"))
    assert not (place.root / "link").is_symlink()
    assert tree(place.root / "link") == tree(place.root / "data")
    assert tree(place.root / "elsewhere") == {"x": (b"mine", False)}
    file = place.content.add(Path("elsewhere/x"))
    (place.root / "file").symlink_to("data/1")
    place.content.checkout(file, Path("file"))
    assert (place.root / "file").read_text() == "mine"
    assert (place.root / "data/1").read_text() == "body 1"


def test_files_and_folders_that_change_places(place: Place, kept: Artifact) -> None:
    whole = tree(place.root / "data")
    (place.root / "data/1").unlink()
    place.write("data/1/inner", "x")
    (place.root / "data/2").unlink()
    (place.root / "data/2").mkdir()
    (place.root / "data/sub/x").unlink()
    (place.root / "data/sub").rmdir()
    place.write("data/sub", "a file now")
    place.content.checkout(kept, Path("data"))
    assert tree(place.root / "data") == whole


def test_the_umask_holds_for_what_is_written(place: Place) -> None:
    place.write("a", "1").chmod(0o755)
    place.write("b", "1").chmod(0o600)
    mask = os.umask(0o027)
    try:
        for name in ("a", "b"):
            place.content.checkout(place.content.add(Path(name)), Path(f"new-{name}"))
    finally:
        os.umask(mask)
    modes = [(place.root / name).stat().st_mode & 0o777 for name in ("new-a", "new-b")]
    assert modes == [0o750, 0o640]
