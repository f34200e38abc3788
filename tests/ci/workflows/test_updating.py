"""Files that are there already: what a person wrote is kept, or nothing is written."""

from pathlib import Path

import pytest

from trueup.ci.workflows.updating import apply, made_path
from trueup.errors import WrongUsage

PATH = ".github/workflows/trueup-check.yml"
OLD = "".join(f"line {nth}\n" for nth in range(20))
NEW = OLD.replace("line 3\n", "line three\n")


def state(root: Path, text: str, *, merge: bool = False) -> str:
    (one,) = apply(root, {PATH: text}, merge=merge)
    return one.state


def test_a_file_is_written_once_and_anew_where_it_should_be_another(tmp_path: Path) -> None:
    assert state(tmp_path, OLD) == "new"
    assert state(tmp_path, OLD) == "unchanged"
    assert state(tmp_path, NEW) == "updated"
    assert (tmp_path / PATH).read_text() == (tmp_path / made_path(PATH)).read_text() == NEW


def test_edits_are_kept_where_nothing_new_comes_and_merged_where_it_does(tmp_path: Path) -> None:
    state(tmp_path, OLD)
    file = tmp_path / PATH
    file.write_text(OLD.replace("line 15\n", "my own line\n"))
    assert state(tmp_path, OLD) == "edited"
    with pytest.raises(WrongUsage, match="was changed by hand"):
        state(tmp_path, NEW)
    assert "line 3\n" in file.read_text()
    assert state(tmp_path, NEW, merge=True) == "merged"
    assert file.read_text() == NEW.replace("line 15\n", "my own line\n")
    newer = NEW.replace("line 8\n", "line eight\n")
    assert state(tmp_path, newer, merge=True) == "merged"
    assert file.read_text() == newer.replace("line 15\n", "my own line\n")


@pytest.mark.parametrize("known", [True, False])
def test_where_both_changed_a_line_or_nobody_knows_what_was_made_nothing_is_written(
    tmp_path: Path, known: bool
) -> None:
    state(tmp_path, OLD)
    mine = OLD.replace("line 3\n", "line drei\n")
    (tmp_path / PATH).write_text(mine)
    if not known:
        (tmp_path / made_path(PATH)).unlink()
    with pytest.raises(WrongUsage, match="where the new one differs too") as error:
        state(tmp_path, NEW, merge=True)
    assert "--print" in error.value.remedy
    assert (tmp_path / PATH).read_text() == mine
