"""A comment is written once and rewritten on either forge, and never stops a check."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forges.standins.server import TOKEN, Fault
from tests.forges.worlds import BRANCH, World, world_of
from trueup.ci.places import Where
from trueup.forges.places import Kind
from trueup.project.ci_commenting import write_comment


@pytest.fixture(params=["github", "gitlab"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    kind: Kind = request.param
    with world_of(kind, tmp_path / "forge") as found:
        found.standin.branch(BRANCH)
        found.standin.open_by_hand(BRANCH, "noise")
        yield found


def said(world: World, body: str, token: str = TOKEN) -> str:
    """Write a comment as the job of request 1 does."""
    url = world.standin.url
    server = {"github": "GITHUB_SERVER_URL", "gitlab": "CI_SERVER_URL"}[world.kind]
    env = {server: url, f"{world.kind.upper()}_TOKEN": token}
    where = Where(kind=world.kind, event="request", number=1, remote=f"{url}/acme/flights")
    return write_comment(where, body, env, world.patience)


def test_the_one_comment_is_rewritten_in_place(world: World) -> None:
    first, again, later = said(world, "one"), said(world, "one"), said(world, "two")
    assert first.startswith("comment written: http")
    assert again.startswith("comment unchanged: http")
    assert later.startswith("comment written: http")
    ((_, body),) = world.standin.said(1)
    assert body.replace("\r", "").endswith("two")
    assert world.standin.violations == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_said_in_one_line(world: World, status: int) -> None:
    world.standin.faults.extend(Fault(status=status, body={"message": "no"}) for _ in range(9))
    line = said(world, "one")
    assert line.startswith("no comment: ")
    assert "\n" not in line
    assert TOKEN not in line


def test_no_token_and_no_request_are_said_too(world: World) -> None:
    assert said(world, "one", token="").startswith("no comment: no token for")
    assert write_comment(Where(kind=world.kind), "one", {}).startswith("no comment: this is no")
    fork = Where(kind=world.kind, event="request", number=1, fork=True)
    assert write_comment(fork, "one", {}).startswith("no comment: a fork")
    assert world.standin.asked == []
