"""The jobs that trueup writes for GitLab are executed, unchanged, against a real bucket."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.execution.conftest import LOOP_OF_IT
from tests.ci.execution.gitlab import GitLabTeam, with_tools
from tests.ci.projects import YAML, commit, git, noise, shop
from tests.forges.worlds import BRANCH, world_of
from tests.support.seaweed import BUCKET, TEAM, seaweed
from trueup.project.registering import registry_of
from trueup.project.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.s3]


@pytest.fixture
def team(weed: Path, tmp_path: Path) -> Iterator[GitLabTeam]:
    """Yield a team whose main branch holds the shop and its generated jobs, unchanged."""
    program = Path(sys.executable).parent / "trueup"
    stored = YAML.replace("project: shop", f"project: shop\n    store: s3://{BUCKET}/{TEAM}")
    root = shop(tmp_path / "repository", **{"trueup.yaml": stored + LOOP_OF_IT})
    git(root, "remote", "add", "origin", "https://gitlab.com/acme/flights.git")
    subprocess.run([program, "-C", str(root), "ci", "gitlab"], check=True, capture_output=True)
    with (root / ".gitignore").open("a") as ignored:
        ignored.write(".gitlab-ci-local/\ntrueup-report/\n")
    commit(root)
    with (
        seaweed(weed, tmp_path / "weed") as server,
        world_of("gitlab", tmp_path / "forge") as world,
    ):
        world.standin.branch(BRANCH)
        world.standin.open_by_hand(BRANCH, "noise")
        yield GitLabTeam(root, server, world, with_tools(tmp_path / "home", program))


def champion(team: GitLabTeam) -> int | None:
    return registry_of(Workspace(team.root, team.server.env)).history("shop/sale").champion("dev")


def test_a_push_promotes_a_request_is_judged_a_fork_stops_nobody_and_the_loop_makes_its_pass(
    team: GitLabTeam,
) -> None:
    first = team.push()
    assert first.code == 0, first.said
    assert "shop/sale/1 promoted: champion of dev" in first.said
    assert "it has left no sign of life yet" in first.said
    assert champion(team) == 1
    again = team.push()
    assert again.code == 0, again.said
    assert again.said.count(": fetched") == 3, again.said

    git(team.root, "switch", "-qc", "topic")
    noise(team.root, 1)
    commit(team.root)
    worse = team.request()
    assert worse.code != 0
    assert "FAIL 3" in worse.said, worse.said
    ((_, comment),) = team.world.standin.said(1)
    assert "❌ shop: fail" in comment
    assert champion(team) == 1

    noise(team.root, 0.31)
    commit(team.root)
    fork = team.request(fork=True)
    assert fork.code == 0, fork.said
    assert "no_bucket" in fork.said or "without the bucket" in fork.said, fork.said
    assert len(team.world.standin.said(1)) == 1

    git(team.root, "switch", "-q", "main")
    ticked = team.schedule()
    assert ticked.code == 0, ticked.said
    assert "What is not done" in ticked.said
    assert "shop/sale: its last sign of life was at" in team.push().said
