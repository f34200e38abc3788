"""The machine can fail: it finds each of the promises broken by one bug that is planted."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from tests.loop.scenes import MODEL
from tests.loop.test_machine import LoopMachine
from tests.loop.world import LOOPER, World
from tests.registry.events import AT
from trueup.loop import deciding
from trueup.loop.claiming import Fenced
from trueup.loop.events import Decided
from trueup.loop.history import Course
from trueup.loop.ports import Judgement, Move
from trueup.registry.records import Promoted

Plant = Callable[[pytest.MonkeyPatch], None]


def no_cooldown(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(deciding, "_cool", lambda *given: None)


def no_budget(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(deciding, "_over_budget", lambda *given: iter(()))


def no_claims(plant: pytest.MonkeyPatch) -> None:
    def free(course: Course, now: datetime) -> bool:
        return course.ended is None

    plant.setattr(Course, "free", free)


def nothing_looked_up(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(World, "find", lambda *given: None)


def whatever_the_gate_says(plant: pytest.MonkeyPatch) -> None:
    judged = World.judge

    def judge(world: World, decided: Decided, training: str) -> Judgement:
        found = judged(world, decided, training)
        return Judgement("pass", True, found.version, found.verdict)

    def promote(world: World, decided: Decided, version: int) -> Move:
        live = world.history().champion("prod")
        event = Promoted(
            at=AT, by=LOOPER, version=version, environment="prod", grounds="pass", before=live
        )
        world.registry.write(MODEL, lambda now: event)
        return Move(True, version)

    plant.setattr(World, "judge", judge)
    plant.setattr(World, "promote", promote)


BUGS: list[tuple[Plant, str]] = [
    (no_cooldown, "cooldown_and_budget_hold"),
    (no_budget, "cooldown_and_budget_hold"),
    (no_claims, "nothing_is_done_twice_that_can_be_looked_up"),
    (nothing_looked_up, "nothing_is_done_twice_that_can_be_looked_up"),
    (whatever_the_gate_says, "nothing_is_promoted_without_a_passing_verdict"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "promise"), BUGS, ids=[bug.__name__ for bug, _ in BUGS])
def test_a_planted_bug_is_found_by_the_promise_that_it_breaks(
    bug: Plant, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    with pytest.raises((AssertionError, Fenced)) as found:
        _find()
    fenced = bug is no_claims and isinstance(found.value, Fenced)  # a tick that cannot go on
    assert fenced or promise in _broken(found.value)


def _find() -> None:
    """Run the machine until what it finds is found again when hypothesis runs it once more.

    Ticks of several threads at once do not meet in the same order each time.
    """
    for _ in range(5):
        with suppress(Flaky):
            return run_state_machine_as_test(LoopMachine, settings=_SETTINGS)
    return run_state_machine_as_test(LoopMachine, settings=_SETTINGS)


_SETTINGS = settings(
    max_examples=2000, stateful_step_count=30, derandomize=True, database=None, deadline=None,
    phases=(Phase.generate,), report_multiple_bugs=False,
)  # fmt: skip


def _broken(error: BaseException) -> list[str]:
    """Return the functions that the error came through."""
    names, trace = [], error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return names
