"""The action and the component of this repository are executed as others use them."""

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

import trueup
from tests.ci.execution.conftest import acted, used
from tests.ci.execution.gitlab import executed, with_tools
from tests.ci.execution.standins import actions
from tests.ci.projects import FILES, commit, git, noise, shop
from tests.project.projects import write
from trueup.ci.workflows.actions import pinned

TOP = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).parent / "trueup"
WORKFLOW = """\
on: push
jobs:
  check:
    runs-on: ubuntu-24.04
    env: {TRUEUP_SCOPE: trusted}
    steps:
      - uses: %s
      - id: trueup
        uses: ./ours
        with: {comment: "false"}
      - if: always()
        env:
          RESULT: ${{ steps.trueup.outputs.result }} ${{ steps.trueup.outputs.exit-code }}
        run: echo "it said $RESULT"; ls trueup-report
"""
PIPELINE = """\
include:
  - local: templates/check.yml
    inputs: {folder: models, how: --no-comment}
"""


def test_the_action_installs_this_version_and_uses_others_at_commits() -> None:
    action = yaml.safe_load((TOP / "action.yml").read_text())
    assert action["inputs"]["version"]["default"] == trueup.__version__
    (line,) = re.findall(r"uses: (.+)", (TOP / "action.yml").read_text())
    assert line == pinned("astral-sh/setup-uv")
    component = next(yaml.safe_load_all((TOP / "templates/check.yml").read_text()))
    assert component["spec"]["inputs"]["version"]["default"] == trueup.__version__


@pytest.mark.slow
def test_the_action_checks_a_push_and_says_what_came_out(tmp_path: Path) -> None:
    workflow = WORKFLOW % pinned("actions/checkout")
    root = shop(tmp_path / "shop", **{".github/workflows/own.yml": workflow})
    (root / "ours").mkdir()
    shutil.copy(TOP / "action.yml", root / "ours")
    commit(root)
    made = actions(tmp_path / "actions", PROGRAM, "https://github.com", {})
    standins = used((TOP / "action.yml").read_text(), made)
    good = acted(root, standins, "push", {}, ".github/workflows/own.yml")
    assert not good.failed, good.said
    assert "it said pass 0" in good.said
    assert "trueup.sarif" in good.said
    noise(root, 1)
    commit(root)
    bad = acted(root, standins, "push", {}, ".github/workflows/own.yml")
    assert bad.failed
    assert "it said fail 3" in bad.said, bad.said


@pytest.mark.slow
def test_the_component_checks_a_project_in_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    component = (TOP / "templates/check.yml").read_text()
    write(root / "models", FILES)
    write(root, {".gitlab-ci.yml": PIPELINE, ".gitignore": ".gitlab-ci-local/\n"})
    write(root, {"templates/check.yml": component})
    git(root, "init", "-q", "-b", "main")
    commit(root)
    home = with_tools(tmp_path / "home", PROGRAM)
    given = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "TRUEUP_SCOPE": "trusted"}
    good = executed(root, home, given)
    assert good.code == 0, good.said
    assert "shop/sale/1 promoted: champion of dev" in good.said
    noise(root / "models", 1)
    commit(root)
    bad = executed(root, home, given)
    assert "FAIL 3" in bad.said, bad.said
