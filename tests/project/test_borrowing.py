"""What a retrain changes in a checkout is kept before, and put back after it."""

from pathlib import Path

import pytest

from tests.forges.standins.githttp import git
from tests.project.projects import opened, write
from trueup.errors import NotProven, SomebodyElseFirst
from trueup.project.borrowing import FILE, Borrowed

PATHS = ("params.yaml", "trueup.lock", "model", "made")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a file, a folder and a program, and one file that is not made yet."""
    files = {
        "trueup.yaml": 'project: p\nstages: {a: {cmd: "true"}}\n',
        "params.yaml": "a: 1\n",
        "trueup.lock": "{}\n",
    }
    write(tmp_path, {**files, "model/a": "a", "model/deep/b": "b"})
    (tmp_path / "model" / "a").chmod(0o755)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def borrowed(root: Path) -> Borrowed:
    return Borrowed(root, opened(root).env)


def change(root: Path) -> None:
    write(root, {"params.yaml": "a: 2\n", "model/c": "c", "made": "now"})
    (root / "trueup.lock").unlink()
    (root / "model" / "a").unlink()


def lies(root: Path) -> dict[str, tuple[bytes, int]]:
    found = (each for path in PATHS for each in ((root / path), *(root / path).rglob("*")))
    return {str(each): (each.read_bytes(), each.stat().st_mode) for each in found if each.is_file()}


def test_a_checkout_is_put_back_byte_for_byte(root: Path) -> None:
    before, one = lies(root), borrowed(root)
    one.take(PATHS)
    change(root)
    one.take(PATHS)
    assert lies(root) != before
    one.give_back()
    assert (lies(root), git(root, "status", "--porcelain")) == (before, "")
    assert not (root / ".trueup" / FILE).exists()
    one.give_back()
    assert lies(root) == before


def test_what_a_killed_pass_has_left_is_put_back_by_the_next(root: Path) -> None:
    before, killed = lies(root), borrowed(root)
    killed.take(PATHS)
    change(root)
    with pytest.raises(SomebodyElseFirst, match="another pass of a loop trains"):
        borrowed(root).take(PATHS)
    borrowed(root).give_back()
    assert lies(root) != before
    killed.let_go()
    again = borrowed(root)
    again.take(PATHS)
    assert lies(root) == before
    change(root)
    again.let_go()
    borrowed(root).give_back()
    assert lies(root) == before


def test_who_has_moved_to_another_commit_since_keeps_that(root: Path) -> None:
    killed = borrowed(root)
    killed.take(PATHS)
    change(root)
    killed.let_go()
    git(root, "commit", "-qam", "mine")
    mine = lies(root)
    borrowed(root).give_back()
    assert lies(root) == mine
    assert not (root / ".trueup" / FILE).exists()


def test_a_record_that_cannot_be_read_is_told_and_nothing_is_put_back(root: Path) -> None:
    write(root, {f".trueup/{FILE}": "{"})
    with pytest.raises(NotProven, match="not what a retrain has borrowed"):
        borrowed(root).give_back()
    assert (root / ".trueup" / FILE).exists()
