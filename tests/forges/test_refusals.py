"""What a forge answers when it does not do what is asked, and how long it is waited for."""

from datetime import timedelta

import pytest

from tests.forges.standins.server import TOKEN, Fault
from tests.forges.test_proposing import DRAFT
from tests.forges.worlds import BRANCH, World, given
from trueup.errors import AccessRefused, RemoteSilent
from trueup.forges.calling import Caller
from trueup.forges.failures import ForgeBusy, ForgeInvalid, ForgeRefused, ForgeSilent
from trueup.forges.port import Status

pytestmark = pytest.mark.usefixtures("pushed")


def test_an_expired_token_is_refused_access_and_never_shown(world: World) -> None:
    forge = world.forge(given("expired-secret"))
    with pytest.raises(AccessRefused, match="does not accept the token") as caught:
        forge.propose(DRAFT)
    assert "expired-secret" not in f"{caught.value!r} {forge!r} {vars(forge)!r}"
    assert "trueup doctor" in caught.value.remedy


def test_a_limit_with_a_time_is_waited_for_and_then_passed(world: World) -> None:
    world.standin.faults.append(Fault(429, {"Retry-After": "7"}, {"message": "Slow down"}))
    assert world.forge().propose(DRAFT).number == 1
    assert world.clock.waits == [7.0]


def test_a_refused_write_is_sent_again_after_the_limit_and_done_once(world: World) -> None:
    world.standin.faults.append(Fault(429, {"Retry-After": "3"}, method="POST"))
    assert world.forge().propose(DRAFT).number == 1
    assert world.clock.waits == [3.0]
    assert world.forge().propose(DRAFT).number == 1


def test_a_limit_beyond_the_bound_says_until_when(world: World) -> None:
    world.standin.faults.append(Fault(429, {"Retry-After": "3600"}))
    with pytest.raises(ForgeBusy, match="takes no more requests") as caught:
        world.forge().propose(DRAFT)
    assert caught.value.until - world.clock.at == timedelta(hours=1)
    assert isinstance(caught.value, RemoteSilent)
    assert world.clock.waits == []


def test_a_limit_that_never_ends_is_given_up_within_the_bound(world: World) -> None:
    world.standin.faults.extend(Fault(429, {"Retry-After": "40"}) for _ in range(9))
    with pytest.raises(ForgeBusy):
        world.forge().propose(DRAFT)
    assert sum(world.clock.waits) <= 90


def test_the_hourly_limit_of_github_ends_at_its_reset(github: World) -> None:
    reset = str(int(github.clock.at.timestamp()) + 30)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    github.standin.faults.append(Fault(403, headers, {"message": "API rate limit exceeded"}))
    assert github.forge().propose(DRAFT).number == 1
    assert 29 <= sum(github.clock.waits) <= 32


def test_a_secondary_limit_of_github_without_a_time_waits_for_a_minute(github: World) -> None:
    body = {"message": "You have exceeded a secondary rate limit"}
    github.standin.faults.append(Fault(403, {}, body))
    assert github.forge().propose(DRAFT).number == 1
    assert github.clock.waits == [60.0]


def test_a_plain_403_is_a_refusal_and_nobody_waits(world: World) -> None:
    world.standin.faults.append(Fault(403, {}, {"message": "Resource not accessible"}))
    with pytest.raises(ForgeRefused, match=r"may not read .*: Resource not accessible"):
        world.forge().propose(DRAFT)
    assert world.clock.waits == []


def test_a_forge_that_is_down_for_a_moment_is_asked_again(world: World) -> None:
    world.standin.faults.extend([Fault(502), Fault(503)])
    assert world.forge().propose(DRAFT).number == 1
    assert world.clock.waits == [1.0, 2.0]


def test_a_forge_that_stays_down_is_silent(world: World) -> None:
    world.standin.faults.extend(Fault(503) for _ in range(9))
    with pytest.raises(ForgeSilent, match=r"does not answer \(last: status 503\)"):
        world.forge().propose(DRAFT)


def test_a_write_that_fails_with_5xx_is_not_sent_again(world: World) -> None:
    world.standin.faults.append(Fault(502, method="POST"))
    with pytest.raises(ForgeSilent):
        world.forge().propose(DRAFT)
    assert len(world.standin.writes) == 1


def test_a_forge_that_nobody_listens_at_is_silent(world: World) -> None:
    caller = Caller("http://127.0.0.1:1/api", "GitHub (here)", dict, world.patience)
    with pytest.raises(ForgeSilent, match="Connection refused"):
        caller.ask("GET", "/user", "read")


def test_a_page_of_a_proxy_is_no_answer(world: World) -> None:
    world.standin.faults.extend(Fault(200, {}, "<html>") for _ in range(9))
    with pytest.raises(ForgeSilent, match="not what it documents"):
        world.forge().propose(DRAFT)


def test_what_is_invalid_is_told_in_one_bounded_line(world: World) -> None:
    said = "a\nb \x1b[31m " + "x" * 5000
    world.standin.faults.append(Fault(422, {}, {"message": "Invalid", "errors": [{"code": said}]}))
    with pytest.raises(ForgeInvalid, match="Invalid") as caught:
        world.forge().propose(DRAFT)
    assert len(caught.value.problem) < 600
    assert caught.value.problem.isprintable()


def test_a_list_is_read_to_its_end_page_by_page(world: World) -> None:
    world.forge().propose(DRAFT)
    for number in range(23):
        world.standin.say(1, "ada", f"comment {number}")
    world.standin.page_most = 5
    first = world.forge().comment(1, "report", "mine")
    assert first.id == 24
    assert world.forge().comment(1, "report", "mine") == type(first)(24, first.url, written=False)


def test_a_list_never_leads_to_another_server(world: World) -> None:
    link = '<http://127.0.0.1:1/steal?page=2>; rel="next"'
    world.standin.faults.append(Fault(200, {"Link": link}, []))
    assert world.forge().find(BRANCH, "flights") is None


def test_a_redirect_is_followed_on_the_same_server_only(world: World) -> None:
    api = world.standin.url + world.standin.api
    world.standin.faults.append(Fault(307, {"Location": f"{api}/elsewhere"}))
    world.standin.faults.append(Fault(200, {}, {"moved": True}))
    caller = Caller(api, "here", dict, world.patience)
    assert caller.ask("POST", "/here", "look", body={}).body == {"moved": True}
    world.standin.faults.append(Fault(302, {"Location": "http://127.0.0.1:1/api/v3/steal"}))
    with pytest.raises(ForgeRefused, match="it has moved"):
        caller.ask("GET", "/here", "look")


@pytest.mark.parametrize("outcome", ["pending", "success", "failure", "error"])
def test_a_status_is_shown_and_shown_again(world: World, outcome: str) -> None:
    commit = world.standin.tip(BRANCH)
    status = Status(commit, "trueup/gate", outcome, "passed | `x`", "https://x.org/")  # type: ignore[arg-type]  # parametrised
    world.forge().show(status)
    world.forge().show(status)
    shown = world.standin.outcomes(commit)["trueup/gate"]
    assert shown == (
        outcome
        if world.kind == "github"
        else {"failure": "failed", "error": "failed"}.get(outcome, outcome)
    )


def test_the_token_is_in_no_request_that_is_logged(world: World) -> None:
    world.forge().propose(DRAFT)
    assert TOKEN not in str(world.standin.asked)
