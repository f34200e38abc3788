"""Two projects in one repository: a check for each that a change reaches, and one comment."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.execution.conftest import Team, working
from tests.ci.execution.gitlab import executed, with_tools
from tests.ci.projects import FILES, YAML, commit, git, noise
from tests.project.projects import write
from tests.support.seaweed import BUCKET, TEAM
from trueup.ci.workflows.github import CHECK

pytestmark = [pytest.mark.slow, pytest.mark.s3]
PROGRAM = Path(sys.executable).parent / "trueup"


def two_projects(root: Path, further: str = "") -> Path:
    for name in ("one", "two"):
        yaml = YAML.replace("project: shop", f"project: {name}{further}")
        write(root / "models" / name, FILES | {"trueup.yaml": yaml})
    git(root, "init", "-q", "-b", "main")
    return root


@pytest.fixture
def team(weed: Path, tmp_path: Path) -> Iterator[Team]:
    root = two_projects(tmp_path / "repository", f"\n    store: s3://{BUCKET}/{TEAM}")
    with working(root, weed, [CHECK]) as team:
        yield team


def test_each_is_checked_where_a_change_reaches_it_and_all_are_told_in_one_comment(
    team: Team,
) -> None:
    first = team.push()
    assert not first.failed, first.said
    for name in ("one", "two"):
        assert f"{name}/sale/1 promoted: champion of dev" in first.said

    git(team.root, "switch", "-qc", "topic")
    noise(team.root / "models" / "two", 1)
    commit(team.root)
    one_of_them = team.request()
    assert one_of_them.failed
    ((_, comment),) = team.world.standin.said(1)
    assert "❌ two" in comment
    assert "one/sale" not in one_of_them.said

    noise(team.root / "models" / "one", 0.31)
    commit(team.root)
    assert team.request().failed
    ((_, comment),) = team.world.standin.said(1)
    assert "| one \\(models/one\\) |" in comment
    assert "| two \\(models/two\\) |" in comment


def test_on_gitlab_a_job_ends_where_the_change_does_not_reach_its_project(tmp_path: Path) -> None:
    root = two_projects(tmp_path / "repository")
    git(root, "remote", "add", "origin", "https://gitlab.com/acme/flights.git")
    subprocess.run([PROGRAM, "-C", str(root), "ci", "gitlab"], check=True, capture_output=True)
    (root / ".gitignore").write_text(".gitlab-ci-local/\n")
    before = commit(root)
    noise(root / "models" / "two", 0.31)
    commit(root)
    given = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_DEFAULT_BRANCH": "main"}
    home = with_tools(tmp_path / "home", PROGRAM)
    pushed = executed(root, home, given | {"CI_COMMIT_BEFORE_SHA": before})
    assert pushed.code == 0, pushed.said
    assert "models/one: not affected by this change" in pushed.said
    assert "two/sale/1 promoted: champion of dev" in pushed.said
    lost = executed(root, home, given | {"CI_COMMIT_BEFORE_SHA": "--nonsense"})
    assert lost.code != 0, lost.said
