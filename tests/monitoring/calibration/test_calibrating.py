"""Calibration: what a reference supports, what it does not, and what is said of it."""

import msgspec
import numpy as np
import pytest

from tests.monitoring.streams import following, numbers, stable
from trueup.errors import WrongUsage
from trueup.monitoring.alarms import Moment, check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.records import Pace, Plan, Promise, Rule, Season, Threshold
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells

PAIRS = Plan(rule=Rule(hits=2, of=3))


def test_a_year_supports_one_false_incident_a_quarter() -> None:
    found = calibrate(stable(365), Plan()).support
    assert found.claimed
    assert found.basis == "played"
    assert found.spared == 1
    assert found.needed == 208


def test_a_quarter_does_not_and_says_what_would_do() -> None:
    found = calibrate(stable(90), Plan()).support
    assert not found.claimed
    assert "No rate is claimed" in found.says
    assert "208 days would do" in found.says
    assert "2 of 3 windows needs" in found.says


def test_a_quarter_supports_two_of_three_windows() -> None:
    found = calibrate(stable(90), PAIRS).support
    assert found.claimed
    assert found.basis == "resampled"


def test_half_of_a_promise_asks_for_twice_the_reference() -> None:
    whole = calibrate(stable(365), Plan()).support
    half = calibrate(stable(365), Plan(promise=Promise(share=0.5))).support
    assert half.needed == pytest.approx(2 * whole.needed, abs=2)
    assert not half.claimed


def test_no_reference_of_less_than_three_weeks_supports_any_rate() -> None:
    plan = msgspec.structs.replace(PAIRS, pace=Pace(block_s=3600.0))
    assert not calibrate(stable(400, columns=2), plan).support.claimed
    assert calibrate(stable(600, columns=2), plan).support.claimed


def test_the_threshold_lies_where_the_reference_itself_has_been_and_never_beyond() -> None:
    found = calibrate(stable(365), Plan())
    at = {each.at for each in found.columns}
    assert len(at) == 1
    assert found.ranked[1] == pytest.approx(at.pop())


def test_without_a_claim_the_threshold_lies_above_all_that_the_reference_has_shown() -> None:
    found = calibrate(stable(40), Plan())
    assert not found.support.claimed
    assert all(each.at >= found.ranked[0] for each in found.columns)


def test_a_stream_that_wanders_slowly_is_refused() -> None:
    rng = np.random.default_rng(2)
    columns = [numbers(f"x{at}", 0.3 * following(0.99, 365, rng), rng, 300) for at in range(8)]
    found = calibrate(columns, Plan()).support
    assert not found.claimed
    assert found.basis == "unsteady"
    assert "go together" in found.says
    assert found.needed > 365


def test_one_column_that_wanders_is_left_out_of_the_promise_of_the_others() -> None:
    rng = np.random.default_rng(3)
    columns = stable(365, columns=8)
    columns[2] = numbers("slow", 0.3 * following(0.99, 365, rng), rng, 300)
    found = calibrate(columns, Plan())
    assert found.support.claimed
    assert [each.name for each in found.columns if not each.steady] == ["slow"]
    assert found.columns[2].at >= found.columns[0].at


def test_a_season_of_fewer_than_three_cycles_is_out_of_season() -> None:
    months = tuple(f"{day // 30 % 12}" for day in range(365))
    found = calibrate(stable(365), Plan(), Season(months))
    assert not found.support.claimed
    assert found.support.basis == "out_of_season"
    assert "tell season from drift" in found.support.says
    assert found.phases == ()


def weekly(days: int, seed: int) -> list[Cells]:
    rng = np.random.default_rng(seed)
    weekend = 0.5 * (np.arange(days) % 7 >= 5)
    return [numbers(f"x{at}", weekend, rng, 500) for at in range(4)]


def test_days_are_compared_with_the_same_weekday_where_that_is_declared() -> None:
    phases = tuple(f"{day % 7}" for day in range(365))
    by_weekday = calibrate(weekly(365, 1), PAIRS, Season(phases))
    alike = calibrate(weekly(365, 1), PAIRS)
    # A Monday that looks like a Sunday: only who knows the weekday can tell.
    rng = np.random.default_rng(9)
    sunday = [numbers(f"x{at}", [0.5], rng, 500) for at in range(4)]
    known = check(by_weekday, sunday, Moment(phase="0"))
    assert known.drifted
    assert not check(by_weekday, sunday, Moment(phase="6")).drifted
    assert known.score > 2 * check(alike, sunday).score


def test_an_unknown_phase_claims_nothing() -> None:
    phases = tuple(f"{day % 7}" for day in range(365))
    found = check(calibrate(weekly(365, 1), PAIRS, Season(phases)), weekly(1, 5), Moment(phase="x"))
    assert not found.claimed
    assert any("'x'" in reason for reason in found.reasons)


def mixed(days: int, shares: np.ndarray, seed: int) -> list[Cells]:
    """Return a context column of two values, and a column that depends on it row by row."""
    rng = np.random.default_rng(seed)
    context = np.stack([rng.multinomial(1000, [share, 1 - share]) for share in shares[:days]])
    rows = []
    for many, few in context:
        one = numbers("x", [0.0], rng, int(many)) if many else None
        two = numbers("x", [1.5], rng, int(few)) if few else None
        rows.append(sum(each.counts[0] for each in (one, two) if each is not None))
    like = numbers("x", [0.0], rng, 1)
    column = Cells(name="x", counts=np.array(rows), missing=np.zeros(days, int), edges=like.edges)
    labels = ("a", "b")
    return [column, Cells(name="c", counts=context, missing=np.zeros(days, int), labels=labels)]


def test_a_window_of_another_context_is_no_drift_where_the_context_is_conditioned_on() -> None:
    rng = np.random.default_rng(4)
    column, context = mixed(300, rng.uniform(0.3, 0.8, size=300), 4)
    threshold = calibrate([column], PAIRS, context=[context])
    plain = calibrate([column], PAIRS)
    rare = mixed(1, np.array([0.1]), 5)
    assert check(threshold, rare).score < 0.7 * threshold.columns[0].at
    assert check(plain, rare).score > 1.5 * check(threshold, rare).score
    moved = [numbers("x", [0.9], rng, 1000), rare[1]]
    assert not check(threshold, rare).drifted
    assert check(threshold, [moved[0], mixed(1, np.array([0.6]), 6)[1]]).drifted


def test_a_window_without_the_context_column_is_refused() -> None:
    column, context = mixed(60, np.full(60, 0.5), 4)
    threshold = calibrate([column], PAIRS, context=[context])
    with pytest.raises(WrongUsage, match="'c'"):
        check(threshold, [column.part([0])])


def test_a_threshold_is_stored_and_judges_as_before() -> None:
    threshold = calibrate(stable(120), PAIRS)
    again = msgspec.json.decode(msgspec.json.encode(threshold), type=Threshold)
    assert again == threshold
    assert replayed(again, stable(5, 7)).tolist() == replayed(threshold, stable(5, 7)).tolist()


def test_the_order_of_columns_changes_no_threshold() -> None:
    columns = stable(120)
    one, other = calibrate(columns, PAIRS), calibrate(columns[::-1], PAIRS)
    assert [each.at for each in one.columns] == pytest.approx([each.at for each in other.columns])
    assert one.support == other.support


def test_windows_of_several_blocks_may_overlap() -> None:
    plan = msgspec.structs.replace(PAIRS, pace=Pace(window=3, every=1))
    found = calibrate(stable(365, columns=3), plan)
    assert found.support.windows == 363
    assert found.columns[0].usual_rows == 1500


def test_traffic_that_grows_and_falls_does_not_alarm() -> None:
    rng = np.random.default_rng(8)
    rows = rng.integers(50, 3000, size=450)
    days = [numbers("x", [0.0], rng, int(many)) for many in rows]
    column = Cells(
        name="x",
        counts=np.concatenate([day.counts for day in days]),
        missing=np.zeros(450, int),
        edges=days[0].edges,
    )
    threshold = calibrate([column.part(slice(250))], Plan())
    assert (replayed(threshold, [column.part(slice(250, None))]) > 1).sum() <= 6


def test_odd_columns_each_get_an_answer() -> None:
    days = 60
    nothing, none = np.zeros((days, 4), int), np.zeros(days, int)
    labels = ("a", "b", "c", "(rest)")
    constant = nothing.copy()
    constant[:, 1] = 300
    columns = [
        Cells(name="constant", counts=constant, missing=none, labels=labels),
        Cells(name="still", counts=constant, missing=none, edges=np.array([1.0, 2.0, 3.0])),
        Cells(name="null", counts=nothing, missing=none + 300, labels=labels),
        Cells(name="one row", counts=constant // 300, missing=none, labels=labels),
        Cells(name="one cell", counts=constant[:, 1:2], missing=none, edges=np.zeros(0)),
        *stable(days, columns=2),
    ]
    threshold = calibrate(columns, PAIRS)
    found = check(threshold, [each.part([3]) for each in columns])
    assert len(found.findings) == len(columns)
    assert not found.drifted
    moved = constant[:1].copy()
    moved[0] = [0, 0, 300, 0]
    for name, extra in (("constant", {"labels": labels}), ("still", {"edges": columns[1].edges})):
        other = Cells(name=name, counts=moved, missing=none[:1], **extra)
        assert check(threshold, [other]).drifted


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(WrongUsage, match="too few"):
        calibrate(stable(9), Plan())


def test_columns_over_different_blocks_are_refused() -> None:
    with pytest.raises(WrongUsage, match="different numbers"):
        calibrate([stable(40)[0], stable(41)[1]], Plan())


def test_phases_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WrongUsage, match="3 phases"):
        calibrate(stable(40), Plan(), Season(("a", "b", "c")))
