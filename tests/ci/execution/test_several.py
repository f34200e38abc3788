"""Two projects in one repository: a check for each that a change reaches, and one comment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.execution.conftest import Team, working
from tests.ci.projects import FILES, YAML, commit, git, noise
from tests.project.projects import write
from tests.support.seaweed import BUCKET, TEAM
from trueup.ci.workflows.github import CHECK

pytestmark = [pytest.mark.slow, pytest.mark.s3]


@pytest.fixture
def team(weed: Path, tmp_path: Path) -> Iterator[Team]:
    root = tmp_path / "repository"
    for name in ("one", "two"):
        stored = f"project: {name}\n    store: s3://{BUCKET}/{TEAM}"
        yaml = YAML.replace("project: shop", stored)
        write(root / "models" / name, FILES | {"trueup.yaml": yaml})
    git(root, "init", "-q", "-b", "main")
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
