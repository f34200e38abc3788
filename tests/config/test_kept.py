"""What was read is kept until a file that it came from changes."""

import sys
import threading
import time
from pathlib import Path

import pytest

from trueup.config import kept
from trueup.config.load import load
from trueup.config.mistakes import ConfigInvalid
from trueup.config.records import Project

WHOLE = (Path(__file__).parent / "whole.yaml").read_text("utf-8")
TEMPLATED = "stages: {a: {cmd: 'x ${k}', meta: {n: [1, 2.5, true, ~]}}}"


def read(root: Path) -> Project:
    """Read a project whose files are old enough for their clock to show a change while reading."""
    files = [path for path in root.rglob("*") if path.is_file()]
    while time.time_ns() <= max(path.stat().st_ctime_ns for path in files) + 25_000_000:
        threading.Event().wait(0.005)
    return load(root, cache=root / ".trueup" / "project")


def kept_project(root: Path) -> Project | None:
    return kept.kept(root / ".trueup" / "project", root, "trueup.yaml")


@pytest.mark.parametrize("text", [WHOLE, TEMPLATED])
def test_a_kept_project_is_the_one_that_was_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "trueup.yaml").write_text(text)
    (tmp_path / "params.yaml").write_text("k: 1")
    first = read(tmp_path)
    assert kept_project(tmp_path) == first
    assert read(tmp_path) == first == load(tmp_path)


@pytest.mark.parametrize("name", ["trueup.yaml", "params.yaml", "dvc.yaml", ".dvc/config"])
def test_a_change_of_any_file_it_came_from_is_seen(tmp_path: Path, name: str) -> None:
    (tmp_path / "trueup.yaml").write_text(TEMPLATED)
    (tmp_path / "params.yaml").write_text("k: 1")
    read(tmp_path)
    changed = {
        "trueup.yaml": TEMPLATED.replace("x", "y"),
        "params.yaml": "k: 2",
        "dvc.yaml": "vars: [{z: 1}]",
        ".dvc/config": "[parsing]\nlist = append\n",
    }
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(changed[name])
    assert kept_project(tmp_path) is None
    assert read(tmp_path) == load(tmp_path)


def test_a_project_that_became_wrong_is_refused_though_a_right_one_is_kept(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: x}}")
    read(tmp_path)
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: 1}}")
    with pytest.raises(ConfigInvalid):
        read(tmp_path)


def test_what_is_kept_of_another_folder_or_broken_is_not_believed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for root in (here, there):
        root.mkdir()
        (root / "trueup.yaml").write_text("stages: {a: {cmd: x}}")
    project = read(here)
    kept.keep(there / ".trueup" / "project", project, time.time_ns())
    assert kept_project(there) is None
    (here / ".trueup" / "project").write_bytes(b"\x00")
    assert read(here) == project


def test_what_cannot_be_kept_exactly_is_read_every_time(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: x, meta: {day: 2001-01-01}}}")
    assert read(tmp_path) == read(tmp_path)
    assert kept_project(tmp_path) is None


def test_a_place_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: x}}")
    (tmp_path / ".trueup").write_text("a file where a folder should be")
    assert read(tmp_path).stages


def test_a_kept_project_is_opened_without_the_yaml_library(tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: x}}")
    read(tmp_path)
    code = (
        "import sys; from pathlib import Path; from trueup.config.load import load;"
        f"root = Path({str(tmp_path)!r}); load(root, cache=root / '.trueup' / 'project');"
        "print(sorted({'yaml', 'trueup.config.loading'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_what_changed_while_it_was_read_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: x}}")
    project = load(tmp_path)
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: y}}")
    kept.keep(tmp_path / ".trueup" / "project", project, time.time_ns())
    assert kept_project(tmp_path) is None
