"""One repository, several projects."""

import subprocess
import sys
from pathlib import Path

from tests.project.projects import write

STAGE = "format: 1\nproject: {0}\nstages:\n  s: {{cmd: {1}, outs: [o]}}\n"


def trueup(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "trueup", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_runs_every_project_and_ends_with_the_worst_code(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a/trueup.yaml": STAGE.format("a", "echo 1 > o"),
            "b/trueup.yaml": STAGE.format("b", "exit 3"),
            "c/d/trueup.yaml": STAGE.format("d", "echo 1 > o"),
        },
    )
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = trueup(tmp_path / "a", "--all", "run")
    assert done.returncode == 6
    assert (tmp_path / "a" / "o").exists()
    assert (tmp_path / "c" / "d" / "o").exists()
    assert "exit code 3" in done.stderr


def test_the_nearest_project_upward_wins_and_c_chooses_another(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "trueup.yaml": STAGE.format("outer", "echo outer > o"),
            "sub/trueup.yaml": STAGE.format("inner", "echo inner > o"),
            "sub/deep/note.txt": "",
        },
    )
    assert trueup(tmp_path / "sub" / "deep", "run").returncode == 0
    assert (tmp_path / "sub" / "o").read_text() == "inner\n"
    assert not (tmp_path / "o").exists()
    assert trueup(tmp_path / "sub", "-C", "..", "run").returncode == 0
    assert (tmp_path / "o").read_text() == "outer\n"


def test_outside_any_project_the_error_says_what_to_do(tmp_path: Path) -> None:
    for words in (["run"], ["--all", "run"]):
        done = trueup(tmp_path, *words)
        assert done.returncode == 2
        assert "trueup init" in done.stderr
        assert done.stdout == ""
