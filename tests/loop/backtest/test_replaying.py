"""A policy is taken through a history by questions and answers alone."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.config.backtest_entries import read_policies
from trueup.config.loop_entries import (
    DriftTrigger,
    LabelsTrigger,
    LoopEntry,
    RetrainEntry,
    TriggerEntry,
)
from trueup.config.mistakes import ConfigInvalid
from trueup.config.model_entries import ModelEntry
from trueup.config.units import Rate
from trueup.errors import WrongUsage
from trueup.loop.backtest.policies import Line, Named, lines_of
from trueup.loop.backtest.questions import (
    Answer,
    Judge,
    Look,
    Looked,
    Made,
    Make,
    Question,
    Verdict,
)
from trueup.loop.backtest.replaying import Course, FirstFailed, Replayed, replay
from trueup.loop.observations import Labels, WindowSeen
from trueup.project.retraining import resolved

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
COURSE = Course(BEGIN, BEGIN + timedelta(days=70), 7 * 86400.0)
NAMED = Named("shop/sale", "dev", "trueup.yaml")
WEEKLY = TriggerEntry(do="retrain", schedule="0 0 * * 1")
RECIPE = RetrainEntry(params={"until": "now"})
MODEL = ModelEntry(loop=LoopEntry(when=(WEEKLY,), cooldown=0.0, retrain=RECIPE))
PASS = Verdict("pass", go_on=True)


def line(*, when: tuple[TriggerEntry, ...] = (WEEKLY,), **loop: object) -> Line:
    """Return the model's own policy."""
    entry = LoopEntry(when=when, retrain=RECIPE, **{"cooldown": 0.0, **loop})  # type: ignore[arg-type]  # keyword arguments of several types
    return lines_of(NAMED, ModelEntry(loop=entry), {}, ("yours",))[0]


def answered(
    policy: Line,
    judged: Callable[[Judge], Verdict] = lambda asked: PASS,
    windows: Callable[[Look], tuple[WindowSeen, ...]] = lambda asked: (),
    course: Course = COURSE,
) -> tuple[Replayed, list[Question]]:
    """Take a policy to its end; each moment makes a model of its own."""
    asked: list[Question] = []
    going = replay(policy, course, resolved)
    answer: Answer | None = None
    while True:
        try:
            question = next(going) if answer is None else going.send(answer)
        except StopIteration as over:
            return over.value, asked
        asked.append(question)
        if isinstance(question, Make):
            answer = Made(digest=f"{question.as_of:%m%d}", seconds=2.0)
        elif isinstance(question, Judge):
            answer = judged(question)
        else:
            answer = Looked(windows(question))


def drifted(asked: Look) -> tuple[WindowSeen, ...]:
    """Return windows of which each has drifted from the day 21 on."""
    found, begin = [], asked.since
    while begin + timedelta(days=7) <= asked.now:
        late = begin >= BEGIN + timedelta(days=21)
        end = begin + timedelta(days=7)
        found.append(WindowSeen(f"{begin:%Y-%m-%d}", begin, end, version=99, drifted=late))
        begin = end
    return tuple(found)


def test_a_policy_that_never_retrains_asks_for_its_first_champion_alone() -> None:
    never = lines_of(NAMED, MODEL, {}, ("never",))[0]

    came, asked = answered(never)

    assert asked == [Make(('until="2026-01-05T00:00:00Z"',), BEGIN)]
    assert [one.digest for one in came.reigns] == ["0105"]
    assert came.steps == ()


def test_what_passes_is_champion_from_the_decision_on_and_is_what_the_next_is_judged_against() -> (
    None
):
    came, asked = answered(line())

    judged = [one for one in asked if isinstance(one, Judge)]
    assert [one.outcome for one in came.steps] == ["promoted"] * 9
    assert [one.begin for one in came.reigns[1:]] == [one.at for one in came.steps]
    assert all(later.champion == before.candidate for before, later in itertools.pairwise(judged))


def test_what_the_gate_refuses_changes_nothing_and_says_why() -> None:
    verdict = Verdict("inconclusive", go_on=False, reasons=("too few rows",))

    came, asked = answered(line(), lambda asked: verdict)

    assert len(came.reigns) == 1
    assert {one.outcome for one in came.steps} == {"inconclusive"}
    assert came.steps[0].reasons == ("too few rows",)
    assert all(one.champion.as_of == BEGIN for one in asked if isinstance(one, Judge))


def test_no_moment_is_asked_about_that_has_not_come() -> None:
    drift = TriggerEntry(do="retrain", drift=DriftTrigger())
    asked_at: list[tuple[datetime, datetime]] = []

    came, asked = answered(line(when=(drift,)), windows=drifted)

    for one in asked:
        if isinstance(one, Look):
            asked_at.append((one.since, one.now))
    assert asked_at == sorted(asked_at)
    made = [one.as_of for one in asked if isinstance(one, Make)][1:]
    assert made == [step.at for step in came.steps]
    assert made[0] == BEGIN + timedelta(days=28)
    assert came.hits[made[0]] == ("drift",)


def test_cooldown_and_budget_hold_in_a_backtest_as_they_do_in_the_loop() -> None:
    cooled, _ = answered(line(cooldown=20 * 86400.0))
    bounded, _ = answered(line(budget=Rate(2, 30 * 86400.0)))

    moments = [one.at for one in cooled.steps]
    assert min(b - a for a, b in itertools.pairwise(moments)) >= timedelta(days=20)
    assert len(bounded.steps) == 4


def test_labels_set_a_retrain_off_when_they_have_arrived() -> None:
    labels = TriggerEntry(do="retrain", labels=LabelsTrigger(new=100))
    arrived = {
        moment: Labels(40 * nth, moment - timedelta(days=2))
        for nth, moment in enumerate(COURSE.moments())
    }
    course = Course(COURSE.begin, COURSE.end, COURSE.step_s, arrived)

    came, _ = answered(line(when=(labels,)), course=course)

    assert [one.at for one in came.steps] == [COURSE.moments()[3], COURSE.moments()[6]]


def test_the_first_champion_has_to_be_there() -> None:
    going = replay(line(), COURSE, resolved)
    next(going)

    with pytest.raises(FirstFailed, match="no rows"):
        going.send(Made(failed="the stage prepare failed: no rows"))


def test_built_in_policies_differ_from_the_models_own_in_their_triggers_alone() -> None:
    lines = lines_of(NAMED, MODEL, {})

    assert [one.name for one in lines] == ["never", "monthly", "drift", "yours"]
    assert {one.policy.cooldown_s for one in lines} == {0.0}
    assert {tuple(one.policy.params) for one in lines} == {("until",)}


def test_a_file_of_policies_is_read_with_all_of_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(
        "policies:\n  mine:\n    when: [{shedule: '0 0 * * 1', do: retrain}]\n    gate: of\n"
    )

    with pytest.raises(ConfigInvalid) as error:
        read_policies(path, "policies.yaml")

    assert "schedule" in str(error.value)
    assert "policies.yaml:4" in str(error.value)


def test_a_policy_without_a_gate_is_the_twin_of_the_same_with_one(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    said = "when: [{schedule: '0 0 * * 1', do: retrain}], retrain: {params: {until: now}}"
    path.write_text(f"policies:\n  a: {{{said}}}\n  b: {{{said}, gate: off}}\n")

    never, gated, free = lines_of(NAMED, MODEL, read_policies(path, "policies.yaml"))

    assert never.name == "never"
    assert (gated.gated, free.gated) == (True, False)
    assert gated.policy.digest == free.policy.digest
    assert not any(isinstance(one, Judge) for one in answered(free)[1])


def test_a_policy_that_names_no_moment_is_refused() -> None:
    entry = ModelEntry(loop=LoopEntry(when=(WEEKLY,)))

    with pytest.raises(WrongUsage, match="which parameter is the moment"):
        lines_of(NAMED, entry, {})
