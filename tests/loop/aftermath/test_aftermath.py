"""Whether a retrain helped is told by a paired difference in blocks, and by nothing else."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats
from trueup.loop.aftermath.judging import effect_of, judge
from trueup.loop.aftermath.records import (
    Basis,
    Judged,
    Levels,
    Losses,
    Plan,
    Question,
    decode_judged,
    encode_judged,
)
from trueup.loop.aftermath.report import aftermath_report, written
from trueup.loop.aftermath.stopping import without_help
from trueup.loop.events import Effect
from trueup.reporting.terminal import render_text

AT = datetime(2013, 9, 1, tzinfo=UTC)
DAYS = np.datetime64("2013-08-01", "us")
QUESTION = Question(
    decision="d1",
    model="flights/flight-late",
    version=4,
    old=3,
    metric="log_loss",
    higher=False,
    windows=("2013-08-05", "2013-08-12", "2013-08-19", "2013-08-26"),
    at=AT,
)
PLAN = Plan(margin=0.01)


def losses(
    better: float, days: int = 28, a_day: int = 200, between: float = 0.0, basis: Basis = "shadow"
) -> Losses:
    """Return losses of an old version, and of a new one that is so much better on average."""
    draw = np.random.default_rng(11)
    day = np.repeat(np.arange(days), a_day)
    hard = draw.gamma(2.0, 0.3, len(day)) + draw.normal(0, 0.1, days)[day]
    moved = draw.normal(0, 0.05, len(day)) + draw.normal(0, between, days)[day]
    old, new = hard, hard - better - moved + moved.mean()
    time = DAYS + day.astype("timedelta64[D]")
    if basis == "live split":
        by_new = draw.random(len(day)) < 0.3
        new, old = np.where(by_new, new, np.nan), np.where(by_new, np.nan, old)
    return Losses(new=new, old=old, basis=basis, time=time)


@pytest.mark.parametrize(
    ("better", "effect"),
    [(0.05, "helped"), (-0.05, "harmed"), (0.001, "no effect"), (0.011, "undecided")],
)
def test_the_effect_is_what_the_interval_shows(better: float, effect: Effect) -> None:
    wide = 0.06 if effect == "undecided" else 0.0
    found = judge(losses(better, between=wide), QUESTION, PLAN)
    assert found.effect == effect
    assert found.difference == pytest.approx(better)
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower < better < found.upper
    assert "days" in found.method or "day" in found.method


def test_days_that_stand_and_fall_together_make_the_interval_wider() -> None:
    alone, together = (
        judge(losses(0.01, between=between), QUESTION, Plan()) for between in (0.0, 0.03)
    )
    assert width(together) > 3 * width(alone)


def width(found: Judged) -> float:
    assert found.lower is not None
    assert found.upper is not None
    return found.upper - found.lower


def test_without_a_margin_nothing_is_without_effect() -> None:
    assert judge(losses(0.0), QUESTION, Plan()).effect == "undecided"
    with pytest.raises(WrongUsage, match="margin"):
        Plan(margin=0.0)


def test_nothing_is_said_before_all_windows_are_there() -> None:
    early = Question(**{**fields(QUESTION), "windows": QUESTION.windows[:3]})
    found = judge(losses(0.5), early, PLAN)
    assert found.effect == "undecided"
    assert found.difference is None
    assert found.says == "1 more windows with mature labels are awaited"


def fields(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in question.__struct_fields__}


def test_where_predictions_influence_outcomes_only_a_live_split_counts() -> None:
    plan = Plan(margin=0.01, influences=True)
    for basis in ("shadow", "replay"):
        found = judge(losses(0.3, basis=basis), QUESTION, plan)
        assert found.effect == "cannot be known"
        assert found.difference is None
    found = judge(losses(0.3, basis="live split"), QUESTION, plan)
    assert found.effect == "helped"
    assert found.lower is not None
    assert found.lower > 0


def test_a_live_split_is_less_sure_than_both_on_the_same_rows() -> None:
    paired = judge(losses(0.1), QUESTION, PLAN)
    apart = judge(losses(0.1, basis="live split"), QUESTION, PLAN)
    assert width(apart) > 2 * width(paired)
    assert apart.difference == pytest.approx(0.1, abs=0.03)


def test_the_interval_of_a_split_holds_what_is_true_as_often_as_it_says() -> None:
    held = told = 0
    draw = np.random.default_rng(5)
    for _ in range(100):
        day = np.repeat(np.arange(28), 100)
        hard = draw.gamma(2.0, 0.3, len(day)) + draw.normal(0, 0.1, 28)[day]
        by_new = draw.random(len(day)) < 0.5
        new, old = np.where(by_new, hard - 0.05, np.nan), np.where(by_new, np.nan, hard)
        time = DAYS + day.astype("timedelta64[D]")
        found = judge(Losses(new=new, old=old, basis="live split", time=time), QUESTION, Plan())
        if found.lower is None or found.upper is None:
            continue  # the gate says nothing where days go together by chance
        told += 1
        held += found.lower <= 0.05 <= found.upper
    assert told > 80
    assert held / told > 0.92


def test_versions_that_say_the_same_have_no_effect() -> None:
    same = losses(0.0)
    found = judge(
        Losses(new=same.old, old=same.old, basis="replay", time=same.time), QUESTION, PLAN
    )
    assert found.effect == "no effect"


def test_few_rows_or_few_days_decide_nothing() -> None:
    assert "30 are needed" in judge(losses(1.0, days=1, a_day=20), QUESTION, PLAN).says
    assert judge(losses(1.0, days=2, a_day=50), QUESTION, PLAN).effect == "undecided"


def test_rows_that_one_of_them_has_no_loss_for_are_left_out() -> None:
    whole = losses(0.05)
    new: Floats = whole.new.copy()
    new[::2] = np.nan
    found = judge(Losses(new=new, old=whole.old, basis="shadow", time=whole.time), QUESTION, PLAN)
    assert found.rows == len(new) // 2
    with pytest.raises(WrongUsage, match="same rows"):
        Losses(new=new[:-1], old=whole.old, basis="shadow")


def test_recovery_without_an_effect_is_never_called_one() -> None:
    back = Levels(usual=0.50, trigger=0.60, after=0.51)
    asked = Question(**{**fields(QUESTION), "levels": back})
    found = judge(losses(0.0), asked, PLAN)
    assert found.effect == "no effect"
    assert found.recovered == pytest.approx(0.9)
    shown = render_text(aftermath_report(found))
    assert "90% of the way back. Recovery is no effect" in shown
    assert shown.index("Effect") < shown.index("Recovery")


def test_an_aftermath_is_read_as_it_was_written_and_told_to_the_log() -> None:
    found = judge(losses(0.05), QUESTION, PLAN)
    assert decode_judged(encode_judged(found)) == found
    event = written(found, AT, "ada", "loop/x/aftermath/1.json")
    assert (event.effect, event.basis, event.version) == ("helped", "shadow", 4)
    assert event.windows == QUESTION.windows


@given(st.floats(-1, 1), st.floats(0, 1), st.one_of(st.none(), st.floats(0.001, 1)))
def test_what_is_harm_one_way_round_is_help_the_other(
    lower: float, wide: float, margin: float | None
) -> None:
    swapped: dict[Effect, Effect] = {"helped": "harmed", "harmed": "helped"}
    one, two = effect_of(lower, lower + wide, margin), effect_of(-lower - wide, -lower, margin)
    assert two == swapped.get(one, one)


@given(st.lists(st.sampled_from(["helped", "no effect", "harmed", "undecided", "cannot be known"])))
def test_only_what_is_known_counts_and_help_begins_anew(effects: list[Effect]) -> None:
    known = [one for one in effects if one in ("helped", "no effect", "harmed")]
    assert without_help(effects) == without_help(known)
    assert without_help([*effects, "helped"]) == 0
    assert without_help([*effects, "harmed"]) == without_help(effects) + 1
