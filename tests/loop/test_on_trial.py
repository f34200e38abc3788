"""A version on trial: its decision stays open until live rows, a person or time have ended it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import pytest

from tests.loop.scenes import MODEL, Freeze, after, decided, drift, nothing, policy, seen, windows
from tests.loop.world import LOOPER, TERMS, World, loop_of
from tests.registry.events import AT
from trueup.errors import NotProven
from trueup.loop.events import Decided
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal
from trueup.loop.policy import Policy
from trueup.loop.ports import Found, Move
from trueup.loop.steps import MOST_EPOCHS
from trueup.loop.ticking import Ticked, tick
from trueup.registry.promotion import PromotionRequest
from trueup.store.memory import MemoryBucket

CANARY = policy(drift(1, 1), then="canary")
NOW = after(1.5)


@pytest.fixture
def world() -> World:
    found = World(MemoryBucket())
    found.begin()
    return found


def passed(world: World, by: Policy = CANARY, now: datetime = NOW) -> Ticked:
    return tick(loop_of(world, by, lambda at: windows("D")), now)


def history_of(world: World) -> History:
    return Journal(world.bucket, MODEL).history()


def course_of(world: World) -> Course:
    (found,) = history_of(world).courses.values()
    return found


def challenger(world: World) -> int | None:
    return world.history().aliases("prod").get("challenger")


def test_while_it_is_on_trial_people_know_and_no_other_retrain_begins(world: World) -> None:
    (carried,) = passed(world).carried
    assert (carried.end, carried.says, challenger(world)) == ("", "no label yet", 2)
    assert f"decision/{carried.decision}/on trial" in world.times("sent")
    left = nothing(decided(history_of(world), CANARY, seen(*windows("DD")), after(9)))
    assert left.why == "under way"
    assert "version 2 is on trial" in left.says


def test_what_waits_leaves_no_trace(world: World) -> None:
    passed(world)
    world.waits = lambda course, now: "later"  # type: ignore[method-assign] # not due yet
    number = history_of(world).number
    assert [one.says for one in passed(world).carried] == ["later"]
    assert history_of(world).number == number


def test_many_looks_use_no_workers_up(world: World) -> None:
    world.look = lambda course, now: Found("open", "not yet")  # type: ignore[method-assign] # for long
    for _ in range(3 * MOST_EPOCHS):
        assert passed(world).carried[0].end == ""
    assert course_of(world).epoch > 2 * MOST_EPOCHS


def test_what_has_passed_in_a_freeze_is_promoted_after_it(world: World) -> None:
    frozen = policy(drift(1, 1), then="canary", freeze=(Freeze("03-04", "03-05"),))
    passed(world, frozen)
    (waiting,) = passed(world, frozen, now=after(2.5)).carried
    assert "nothing is promoted before 2026-03-06" in waiting.says
    assert passed(world, frozen, now=after(4.5)).carried[0].end == "promoted"
    assert len(world.times("looked")) == 2


def test_where_the_champion_moves_it_is_judged_against_the_new_one(world: World) -> None:
    passed(world)
    promote, moved = world.promote, list[int]()

    def overtaken(decided: Decided, version: int) -> Move:
        if not moved:
            moved.append(world._judge(99, "pass")[0])
            world.registry.promote(MODEL, PromotionRequest(moved[0], TERMS, LOOPER, AT))
        return promote(decided, version)

    world.promote = overtaken  # type: ignore[method-assign] # somebody is quicker
    (carried,) = passed(world).carried
    assert (carried.end, world.history().champion("prod")) == ("promoted", 2)
    assert len(world.times("looked")) == 3
    assert course_of(world).acts["promote"].before == moved[0]


@pytest.mark.parametrize(
    ("word", "end"),
    [("fail", "rolled back"), ("latency", "rolled back"), ("undecided", "undecided")],
)
def test_what_ends_it_takes_the_alias_away(world: World, word: Any, end: str) -> None:
    world.live = lambda decided: word
    passed(world)
    (carried,) = passed(world).carried
    assert (carried.end, carried.says, challenger(world)) == (end, f"it is {word}", None)
    assert world.history().champion("prod") == 1


def test_a_look_that_fails_ends_it_too(world: World) -> None:
    def look(course: Course, now: datetime) -> Found:
        raise NotProven("the captures are damaged", remedy="Mend them")

    passed(world)
    world.look = look  # type: ignore[method-assign] # it breaks its word
    (carried,) = passed(world).carried
    assert (carried.end, challenger(world)) == ("failed", None)
    assert carried.says == "the captures are damaged. Mend them"


@pytest.mark.parametrize(
    ("move", "end", "stays"),
    [
        (Move(False, 2, says="an approval is missing", ask=True), "asked", 2),
        (Move(False, 2, says="it was deprecated"), "refused", None),
    ],
)
def test_what_may_not_be_promoted_waits_for_a_person_or_is_let_go(
    world: World, move: Move, end: str, stays: int | None
) -> None:
    passed(world)
    world.promote = lambda decided, version: move  # type: ignore[method-assign] # the registry says no
    (carried,) = passed(world).carried
    assert (carried.end, carried.says, challenger(world)) == (end, move.says, stays)


def test_without_what_looks_at_trials_it_stays_on_trial(world: World) -> None:
    whole = loop_of(world, CANARY, lambda at: windows("D"))
    bare = replace(whole, ports=msgspec.structs.replace(whole.ports, trial=None))
    for _ in range(2):
        (carried,) = tick(bare, NOW).carried
        assert carried.says == "it is on trial, and nothing here looks at trials"
