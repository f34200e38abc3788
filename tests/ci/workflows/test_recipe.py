"""The script for any runner is run as it is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci.execution.conftest import LOOP_OF_IT
from tests.ci.execution.gitlab import with_tools
from tests.ci.projects import YAML, commit, git, noise, shop
from tests.ci.workflows.test_github import MANY
from trueup.ci.workflows.recipe import SCRIPT, recipe


def test_it_is_a_script_of_posix_whatever_the_projects_are(tmp_path: Path) -> None:
    for facts in MANY:
        file = tmp_path / SCRIPT
        file.write_text(recipe(facts)[SCRIPT])
        subprocess.run(["sh", "-n", str(file)], check=True)


@pytest.mark.slow
def test_it_promotes_judges_and_ticks_on_any_machine(tmp_path: Path) -> None:
    program = Path(sys.executable).parent / "trueup"
    root = shop(tmp_path / "shop", **{"trueup.yaml": YAML + LOOP_OF_IT})
    home = with_tools(tmp_path / "home", program)
    env = {"PATH": f"{home / 'tools'}:{os.environ['PATH']}", "HOME": str(home)}
    subprocess.run([program, "-C", str(root), "ci", "shell"], check=True, capture_output=True)
    commit(root)

    def ran(*words: str) -> "subprocess.CompletedProcess[str]":
        script = [str(root / SCRIPT), *words]
        return subprocess.run(script, env=env, capture_output=True, text=True, check=False)

    first = ran("push")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "shop/sale/1 promoted: champion of dev" in first.stdout + first.stderr
    git(root, "switch", "-qc", "topic")
    noise(root, 1)
    commit(root)
    worse = ran("request", "7", "main")
    assert worse.returncode == 3, worse.stdout + worse.stderr
    assert "base" in (root / "trueup-report" / "comment.md").read_text()
    noise(root, 0.31)
    assert ran("fork", "7").returncode == 0
    assert "What is not done" in ran("tick").stdout
    for words in ((), ("request",), ("deploy",)):
        refused = ran(*words)
        assert refused.returncode == 2
        assert "./trueup-ci.sh request NUMBER [BASE]" in refused.stderr
