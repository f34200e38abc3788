"""The doctor finds the token that could not carry a pull request to its merge."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.gitlab import GitLabStandIn
from tests.forges.standins.server import TOKEN, Fault
from tests.forges.worlds import World
from tests.project.projects import opened, write
from trueup.cli.group import trueup
from trueup.project.doctor import blocked
from trueup.project.forge_access import Access, look_at_forge

pytestmark = pytest.mark.slow
PROJECT = """
    project: flights
    stages:
      train: {cmd: "true", outs: [m.onnx]}
    models:
      late: {path: m.onnx, task: binary, loop: {when: [{drift: {}, do: retrain}], then: THEN}}
"""


def project(root: Path, world: World, then: str = "pull_request") -> Path:
    root.mkdir()
    write(root, {"trueup.yaml": PROJECT.replace("THEN", then)})
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    remote = ["remote", "add", "origin", world.place.git_url]
    subprocess.run(["git", "-C", str(root), *remote], check=True)
    return root


def variables(world: World, token: str = TOKEN) -> dict[str, str]:
    if world.kind == "github":
        return {"GITHUB_SERVER_URL": world.standin.url, "GITHUB_TOKEN": token}
    return {"GITLAB_HOST": urlsplit(world.standin.url).netloc, "GITLAB_TOKEN": token}


def missing(access: Access) -> dict[str, str]:
    return {one.subject: one.detail for one in access.findings if one.state == "missing"}


@pytest.fixture
def looked(world: World, tmp_path: Path) -> Callable[..., Access]:
    root = project(tmp_path / "project", world)

    def look(**env: str) -> Access:
        return look_at_forge(opened(root, **(env or variables(world))), world.patience)

    return look


def test_a_good_token_stands_in_nobodys_way(world: World, looked: Callable[..., Access]) -> None:
    found = looked()
    assert missing(found) == {}
    assert found.findings[0].detail.startswith("trueup-bot at ")
    assert [table.columns[0].name for table in found.tables] == ["may"]
    assert world.standin.writes == []


def test_one_that_is_absent_or_expired_is_found(
    world: World, looked: Callable[..., Access]
) -> None:
    env = variables(world)
    name = next(one for one in env if one.endswith("TOKEN"))
    absent = looked(**{key: text for key, text in env.items() if key != name})
    assert "no token for" in missing(absent)["forge token"]
    assert name in absent.findings[0].remedy
    expired = looked(**variables(world, "expired-secret"))
    assert "does not accept the token" in missing(expired)["forge token"]
    assert expired.findings[0].remedy == f"make a new one and give it as {name}"
    assert "expired-secret" not in str(expired)
    assert blocked(expired.findings)


def test_one_that_may_only_read_is_found(world: World, looked: Callable[..., Access]) -> None:
    if isinstance(world.standin, GitHubStandIn):
        world.standin.repo_permissions = {"pull": True, "push": False}
        assert set(missing(looked())) == {"forge: push a branch"}
    else:
        world.standin.scopes = ["read_api"]
        assert "the token lacks the scope api" in missing(looked())["forge: open pull requests"]


def test_a_forge_that_is_down_is_not_waited_for(
    world: World, looked: Callable[..., Access]
) -> None:
    world.standin.faults.extend(Fault(503) for _ in range(9))
    assert "does not answer" in missing(looked())["forge"]


def test_the_token_of_a_job_whose_pull_request_would_start_no_checks_is_found(
    world: World, looked: Callable[..., Access]
) -> None:
    world.standin.tokens.add("ghs_of-the-job")
    if world.kind == "github":
        found = looked(**variables(world, "ghs_of-the-job"), GITHUB_ACTIONS="true")
        assert set(missing(found)) == {"forge: checks of pull requests"}
        assert "start no workflow" in missing(found)["forge: checks of pull requests"]
    else:
        found = looked(CI_SERVER_URL=world.standin.url, CI_JOB_TOKEN=TOKEN)
        assert "opens no merge requests" in missing(found)["forge: open pull requests"]
        assert "forge: checks of pull requests" in missing(found)
    assert any("use a GitHub App" in one.remedy for one in found.findings)


def test_one_that_ends_soon_is_told_before_it_does(github: World, tmp_path: Path) -> None:
    root = project(tmp_path / "project", github)
    ends = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d %H:%M:%S} UTC"
    headers = {"github-authentication-token-expiration": ends}
    body = {"full_name": "acme/flights", "private": True, "permissions": {"push": True}}
    github.standin.faults.append(Fault(200, headers, body))
    found = look_at_forge(opened(root, **variables(github)))
    assert "only until" in found.findings[0].detail
    assert not blocked(found.findings)


def test_nothing_is_asked_where_no_loop_proposes(github: World, tmp_path: Path) -> None:
    root = project(tmp_path / "project", github, then="person")
    assert look_at_forge(opened(root, **variables(github))) == Access()
    assert github.standin.asked == []


def test_the_command_shows_the_table_and_ends_with_2(
    gitlab: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert isinstance(gitlab.standin, GitLabStandIn)
    gitlab.standin.level = 20
    root = project(tmp_path / "project", gitlab)
    for name, text in variables(gitlab).items():
        monkeypatch.setenv(name, text)
    assert trueup.main(["-C", str(root), "doctor"], standalone_mode=False) == 2
    shown = capsys.readouterr().out
    assert "its user is not at least a developer there" in shown
    assert "open and update requests" in shown
