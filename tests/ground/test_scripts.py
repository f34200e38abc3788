"""The scripts that set up, check and count do as their first lines say."""

import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHELL = sorted([*(CHECKOUT / "scripts").glob("*.sh"), CHECKOUT / ".ci" / "run"])


@pytest.mark.parametrize("script", SHELL, ids=[path.name for path in SHELL])
def test_a_script_can_be_started_and_its_shell_understands_it(script: Path) -> None:
    shell = script.read_text().splitlines()[0].rpartition("/")[2].split()[-1]
    assert os.access(script, os.X_OK)
    subprocess.run([shell, "-n", str(script)], check=True)


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(CHECKOUT / "scripts" / "env.sh", tmp_path / "scripts")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "cmp"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as one without its venv module
    old.chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / "scripts" / "env.sh"), "test"],
        env={"PATH": str(tools)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "No Python with its venv module was found" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


@pytest.mark.skipif(not (CHECKOUT / ".build" / "venv-uv").exists(), reason="run: scripts/env.sh")
def test_an_environment_that_has_no_lock_is_named() -> None:
    done = subprocess.run(
        [str(CHECKOUT / "scripts" / "env.sh"), "nowhere"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "There is no environment called nowhere" in done.stderr


def count(folder: Path) -> tuple[int, str]:
    command = [sys.executable, str(CHECKOUT / "scripts" / "count_tests.py"), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_the_tests_of_all_reports_are_added_up(tmp_path: Path) -> None:
    suite = '<testsuites><testsuite tests="{}" failures="{}" errors="0" skipped="{}"/></testsuites>'
    (tmp_path / "a.xml").write_text(suite.format(10, 0, 1))
    (tmp_path / "b.xml").write_text(suite.format(5, 0, 0))
    assert count(tmp_path) == (0, "ci: 14 passed, 0 failed, 1 skipped\n")
    (tmp_path / "c.xml").write_text(suite.format(1, 1, 0))
    assert count(tmp_path) == (1, "ci: 14 passed, 1 failed, 1 skipped\n")


def test_no_report_at_all_is_a_failure(tmp_path: Path) -> None:
    assert count(tmp_path) == (1, "ci: 0 passed, 0 failed, 0 skipped\n")


def test_every_marker_is_chosen_by_exactly_one_part_of_the_checks() -> None:
    listed = subprocess.run(
        ["make", "-pqn", "help"], cwd=CHECKOUT, check=False, capture_output=True, text=True
    ).stdout.splitlines()
    words = dict(line.split(" := ", 1) for line in listed if line.startswith(("QUICK :", "SLOW :")))
    alone = "torch" if "-m torch" in (CHECKOUT / "scripts" / "torch.sh").read_text() else "False"
    parts = [expression.replace("$(QUICK)", words["QUICK"]) for expression in words.values()]
    names = ("slow", "s3", "oracle", "torch")
    for marks in product([False, True], repeat=len(names)):
        chosen = [eval(part, {}, dict(zip(names, marks, strict=True))) for part in [*parts, alone]]  # noqa: S307 - our own Makefile
        assert chosen.count(True) == 1, dict(zip(names, marks, strict=True))
