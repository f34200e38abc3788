"""A pull request is opened once, brought up to date in place, and remembered when it is over."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.server import Fault
from tests.forges.worlds import BRANCH, World
from trueup.forges.failures import ForgeInvalid, ForgeSilent
from trueup.forges.markers import Marker, marked
from trueup.forges.port import Draft

DRAFT = Draft(
    branch=BRANCH,
    base="main",
    title="Retrain flight-late",
    body="Drift in `origin`.\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    subject="flights/flight-late",
    decision="d-0001",
    labels=("trueup", "trueup: pass"),
)


def but(**other: object) -> Draft:
    return msgspec.structs.replace(DRAFT, **other)


def test_a_request_is_opened_once_however_often_it_is_proposed(world: World) -> None:
    commit = world.standin.branch(BRANCH)
    first = world.forge().propose(DRAFT)
    written = len(world.standin.writes)
    assert world.forge().propose(DRAFT) == world.forge().propose(DRAFT)
    assert len(world.standin.writes) == written
    assert (first.number, first.state, first.commit) == (1, "open", commit)
    assert first.subject == DRAFT.subject
    assert set(first.labels) == set(DRAFT.labels)
    assert world.forge().find(BRANCH, DRAFT.subject) == world.forge().propose(DRAFT)


def test_nothing_is_found_on_a_branch_that_nobody_proposed(world: World) -> None:
    assert world.forge().find(BRANCH, DRAFT.subject) is None


def test_the_open_request_is_brought_up_to_date_in_place(world: World) -> None:
    world.standin.branch(BRANCH)
    world.standin.branch("release")
    world.forge().propose(DRAFT)
    later = world.standin.branch(BRANCH, "{'later': 1}")
    wanted = but(title="Again", body="More.", base="release", decision="d-0002", labels=("trueup",))
    after = world.forge().propose(wanted)
    assert (after.number, after.title, after.base) == (1, "Again", "release")
    assert (after.commit, after.decision, after.labels) == (later, "d-0002", ("trueup",))
    title, body, labels = world.standin.shown(1)
    assert (title, labels) == ("Again", ["trueup"])
    assert body.replace("\r", "").split("\n\n")[1:] == ["More."]


def test_the_labels_of_people_stay_when_ours_change(world: World) -> None:
    world.standin.branch(BRANCH)
    world.forge().propose(DRAFT)
    title, body, labels = world.standin.shown(1)
    world.standin.retitle(1, title, body, ["urgent", *labels])
    world.forge().propose(but(labels=("trueup", "trueup: inconclusive")))
    assert set(world.standin.shown(1)[2]) == {"urgent", "trueup", "trueup: inconclusive"}


def test_what_a_person_wrote_over_the_body_is_found_and_replaced(world: World) -> None:
    world.standin.branch(BRANCH)
    world.forge().propose(DRAFT)
    world.standin.retitle(1, "Mine", "no mark at all", [])
    assert world.forge().propose(DRAFT).number == 1
    assert world.standin.shown(1)[0] == DRAFT.title


def test_closing_is_remembered_for_the_decision_and_by_whom(world: World) -> None:
    world.standin.branch(BRANCH)
    world.forge().propose(DRAFT)
    world.standin.close(1, by="grace")
    written = len(world.standin.writes)
    again = world.forge().propose(but(title="Please"))
    assert (again.number, again.state, again.closed_by) == (1, "closed", "grace")
    assert len(world.standin.writes) == written
    found = world.forge().find(BRANCH, DRAFT.subject)
    assert found is not None
    assert (found.state, found.closed_by, found.decision) == ("closed", "grace", "d-0001")


def test_another_decision_after_a_closed_one_opens_a_new_request(world: World) -> None:
    world.standin.branch(BRANCH)
    world.forge().propose(DRAFT)
    world.standin.close(1, by="grace")
    assert world.forge().propose(but(decision="d-0002")).number == 2
    assert world.forge().propose(but(decision="d-0002")).number == 2


def test_a_squashed_merge_is_seen_with_the_commit_that_landed(world: World) -> None:
    commit = world.standin.branch(BRANCH)
    world.forge().propose(DRAFT)
    landed = world.standin.merge_squashed(1)
    found = world.forge().find(BRANCH, DRAFT.subject)
    assert found is not None
    assert (found.state, found.merge_commit, found.commit) == ("merged", landed, commit)
    assert found.closed_by == ""
    assert world.forge().propose(DRAFT).state == "merged"
    assert world.standin.main == landed != commit


def test_an_open_request_names_no_merge_commit(world: World) -> None:
    world.standin.branch(BRANCH)
    assert world.forge().propose(DRAFT).merge_commit == ""


def test_a_request_that_somebody_opens_meanwhile_is_taken_over(world: World) -> None:
    world.standin.branch(BRANCH)
    world.standin.meanwhile = lambda: world.standin.open_by_hand(BRANCH, "Mine")
    assert world.forge().propose(DRAFT).number == 1
    assert world.standin.shown(1)[0] == DRAFT.title


def test_many_that_propose_at_once_open_one_request(world: World) -> None:
    world.standin.branch(BRANCH)
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: world.forge().propose(DRAFT).number, range(6)))
    assert found == [1] * 6


def test_a_repository_that_was_renamed_is_known_by_its_new_name(github: World) -> None:
    assert isinstance(github.standin, GitHubStandIn)
    github.standin.branch(BRANCH)
    github.forge().propose(DRAFT)
    for side in ("head", "base"):
        github.standin.pulls[0][side]["repo"] = {"full_name": "acme/departures"}
    assert github.forge().find(BRANCH, DRAFT.subject) is not None


def test_a_request_whose_answer_was_lost_is_found_and_not_opened_again(world: World) -> None:
    world.standin.branch(BRANCH)
    world.standin.faults.append(Fault(method="POST", lose=True))
    with pytest.raises(ForgeSilent, match="does not answer"):
        world.forge().propose(DRAFT)
    assert world.forge().propose(DRAFT).number == 1
    assert world.forge().propose(DRAFT).labels == DRAFT.labels


def test_a_fork_that_names_its_branch_as_ours_is_not_ours(world: World) -> None:
    world.standin.branch(BRANCH)
    world.standin.from_fork(BRANCH, marked(Marker(DRAFT.subject, DRAFT.decision), "mine"))
    assert world.forge().find(BRANCH, DRAFT.subject) is None
    assert world.forge().propose(DRAFT).number == 2


def test_a_branch_that_was_not_pushed_is_invalid_and_says_so(world: World) -> None:
    with pytest.raises(ForgeInvalid, match="open a"):
        world.forge().propose(DRAFT)
    assert world.forge().find(BRANCH, DRAFT.subject) is None


def test_a_body_beyond_the_limit_is_shortened_with_a_word(world: World) -> None:
    world.standin.branch(BRANCH)
    long = "\n\n".join(f"paragraph {number} " + "x" * 900 for number in range(1200))
    world.forge().propose(but(body=long))
    body = world.standin.shown(1)[1].replace("\r", "")
    assert body.startswith("<!-- trueup:")
    assert body.endswith("_Shortened to fit._")
    assert world.forge().propose(but(body=long)).number == 1


def test_a_fast_forward_of_a_squash_names_the_squashed_commit(gitlab: World) -> None:
    gitlab.standin.branch(BRANCH)
    gitlab.standin.fast_forward = True  # type: ignore[union-attr]  # the fixture is GitLab's
    gitlab.forge().propose(DRAFT)
    landed = gitlab.standin.merge_squashed(1)
    found = gitlab.forge().find(BRANCH, DRAFT.subject)
    assert found is not None
    assert found.merge_commit == landed


def test_a_quick_action_in_a_body_is_text_to_gitlab(gitlab: World) -> None:
    gitlab.standin.branch(BRANCH)
    gitlab.forge().propose(but(body="/merge\n\n```\n/close\n```"))
    gitlab.forge().comment(1, "report", "/approve\r\n/label ~urgent")
    assert "\\/merge\n\n```\n /close\n```" in gitlab.standin.shown(1)[1]
    assert gitlab.standin.said(1)[0][1].endswith("\\/approve\n\\/label ~urgent")
