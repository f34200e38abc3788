"""A comment is found again by its mark and by who wrote it, and rewritten in place."""

import pytest

from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.server import TOKEN
from tests.forges.test_proposing import DRAFT
from tests.forges.worlds import World
from trueup.forges.credentials import Fixed, Token
from trueup.forges.markers import Marker, marked


@pytest.fixture(autouse=True)
def opened(pushed: World) -> None:
    pushed.forge().propose(DRAFT)


def bodies(world: World) -> list[str]:
    return [
        body.replace("\r", "").partition("\n\n")[2] or body for _, body in world.standin.said(1)
    ]


def test_a_comment_is_written_once_and_then_rewritten(world: World) -> None:
    first = world.forge().comment(1, "report", "one")
    again = world.forge().comment(1, "report", "one")
    later = world.forge().comment(1, "report", "two")
    assert (first.written, again.written, later.written) == (True, False, True)
    assert first.id == again.id == later.id
    assert bodies(world) == ["two"]
    assert str(first.id) in first.url


def test_each_subject_has_a_comment_of_its_own(world: World) -> None:
    world.forge().comment(1, "report/a", "one")
    world.forge().comment(1, "report/b", "two")
    assert bodies(world) == ["one", "two"]


def test_a_copied_mark_does_not_make_a_comment_ours(world: World) -> None:
    world.standin.say(1, "mallory", marked(Marker("report"), "all is well"))
    world.forge().comment(1, "report", "ours")
    world.forge().comment(1, "report", "ours still")
    assert bodies(world) == ["all is well", "ours still"]


def test_a_mark_further_down_is_a_quotation(world: World) -> None:
    world.forge().comment(1, "other", f"> {Marker('report')}")
    world.forge().comment(1, "report", "ours")
    assert len(world.standin.said(1)) == 2


def test_a_token_of_actions_finds_its_own_comment(github: World) -> None:
    standin = github.standin
    assert isinstance(standin, GitHubStandIn)
    standin.me = None  # such a token may not ask who it is
    forge = github.forge(Fixed(Token(TOKEN, "actions", "GITHUB_TOKEN")))
    assert forge.comment(1, "report", "one").written
    assert not forge.comment(1, "report", "one").written


def test_an_installations_token_takes_the_comments_of_bots_alone(github: World) -> None:
    standin = github.standin
    assert isinstance(standin, GitHubStandIn)
    standin.say(1, "mallory", marked(Marker("report"), "all is well"))
    standin.me = None
    forge = github.forge(Fixed(Token(TOKEN, "app", "GH_TOKEN")))
    assert forge.comment(1, "report", "one").id == 2
    assert forge.comment(1, "report", "two").id == 2
