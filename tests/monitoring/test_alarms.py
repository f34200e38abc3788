"""Checks: what alarms, what is shown of it, and what does not count."""

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from tests.monitoring.streams import EDGES, categories, following, numbers, stable
from trueup.errors import WrongUsage
from trueup.monitoring.alarms import Alarm, Moment, check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.records import Plan, Rule, Threshold
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells

RNG = np.random.default_rng(11)
EACH = calibrate(stable(365), Plan())
PAIRS = calibrate(stable(365), Plan(rule=Rule(2, 3)))


def with_one(moved: Cells) -> list[Cells]:
    return [moved if each.name == moved.name else each for each in stable(1, 5)]


FAR = with_one(numbers("x1", [1.0], RNG, 500))


def test_a_window_like_the_reference_does_not_alarm() -> None:
    found = check(EACH, stable(1, 5))
    assert not found.drifted
    assert not found.alarmed
    assert found.reasons == ()


def test_a_column_that_has_moved_alarms_and_stands_first_with_all_that_is_known() -> None:
    found = check(EACH, FAR, Moment(window="2027-01-03"))
    first = found.findings[0]
    assert found.alarmed
    assert found.incident
    assert found.claimed
    assert found.window == "2027-01-03"
    assert found.exceeded_by == 0
    assert (first.name, first.rank) == ("x1", 1)
    assert first.strongest in ("level", "shape")
    assert 0.1 < first.shift.lower < first.shift.corrected < first.shift.raw
    assert first.score > first.threshold
    assert found.reasons[0].startswith("x1: jensen_shannon at least 0.")


def test_columns_are_ranked_by_effect_times_importance() -> None:
    window = with_one(numbers("x1", [1.0], RNG, 500))
    window[3] = numbers("x3", [0.8], RNG, 500)
    assert [one.name for one in check(EACH, window).findings[:2]] == ["x1", "x3"]
    by_importance = check(EACH, window, importance={"x1": 0.1, "x3": 0.9})
    assert by_importance.findings[0].name == "x3"
    assert [one.rank for one in by_importance.findings] == [1, 2, 3, 4, 5]


def test_what_is_significant_and_too_small_to_matter_does_not_alarm() -> None:
    columns = [numbers("x", np.zeros(250), np.random.default_rng(1), 5000)]
    threshold = calibrate(columns, Plan())
    found = check(threshold, [numbers("x", [0.15], RNG, 5000)])
    assert found.findings[0].significant
    assert not found.findings[0].material
    assert not found.drifted
    assert "too little to matter" in found.reasons[0]


def test_two_of_three_windows_need_a_second_one() -> None:
    once = check(PAIRS, FAR)
    assert once.drifted
    assert not once.alarmed
    assert "1 of the last 3 windows have drifted" in once.reasons
    assert check(PAIRS, FAR, Moment(drifted=(True, False))).alarmed
    assert not check(PAIRS, FAR, Moment(drifted=(True, False, False))).alarmed


def test_an_incident_starts_once_until_it_has_been_quiet() -> None:
    assert not check(EACH, FAR, Moment(alarmed=(True, *[False] * 6))).incident
    assert check(EACH, FAR, Moment(alarmed=(True, *[False] * 7))).incident
    assert not check(EACH, stable(1, 5), Moment(alarmed=(True,))).incident


def test_a_check_scores_a_window_as_a_replay_does() -> None:
    window = stable(8, 21)
    every = replayed(EACH, window)
    for day in range(8):
        found = check(EACH, [each.part([day]) for each in window])
        scores = {one.name: one.score / one.threshold for one in found.findings}
        assert list(every[day]) == pytest.approx([scores[each.name] for each in window])


def test_a_window_of_several_blocks_is_taken_as_one() -> None:
    window = stable(2, 5)
    together = [each.pooled() for each in window]
    assert check(EACH, window) == check(EACH, together)


def test_new_categories_alarm_by_their_total_share() -> None:
    found = check(EACH, with_one(categories("kind", [0.5, 0.25, 0.05, 0.2], 1, RNG, 500)))
    assert found.alarmed
    assert found.findings[0].name == "kind"
    assert found.findings[0].strongest in ("rare or new", "shape")


def test_new_nulls_alarm_as_a_share_of_their_own() -> None:
    window = stable(1, 5)
    part = msgspec.structs.replace(window[0], missing=np.array([250]))
    found = check(EACH, [part, *window[1:]])
    assert found.alarmed
    assert found.findings[0].strongest == "nulls"
    assert found.findings[0].null_shift.lower > 0.1
    assert found.findings[0].shift.lower == 0.0


def test_a_column_that_the_promise_leaves_out_is_noticed_and_never_alarms() -> None:
    rng = np.random.default_rng(3)
    columns = stable(365, columns=8)
    columns[2] = numbers("slow", 0.3 * following(0.99, 365, rng), rng, 300)
    threshold = calibrate(columns, Plan())
    window = stable(1, 6, columns=8)
    window[2] = numbers("slow", [6.0], rng, 300)
    found = check(threshold, window)
    assert found.noticed == ("slow",)
    assert not found.alarmed
    assert any("outside the promise" in reason for reason in found.reasons)


def test_a_column_without_rows_is_named() -> None:
    window = stable(1, 5)
    empty = msgspec.structs.replace(window[0], counts=0 * window[0].counts)
    for some in ([empty, *window[1:]], window[1:]):
        found = check(EACH, some)
        assert found.reasons == ("x0 has no rows in this window",)
        assert len(found.findings) == 4


@dataclass
class Grid:
    edges: object = None
    labels: tuple[str, ...] = ()
    cells: int = len(EDGES) + 1


@pytest.mark.parametrize(
    "grid", [Grid(EDGES + 1.0), Grid(EDGES[1:], cells=len(EDGES)), Grid(None, ("a",))]
)
def test_a_window_on_another_grid_is_refused(grid: Grid) -> None:
    counts = np.ones((1, grid.cells), int)
    other = Cells(
        name="x0",
        counts=counts,
        missing=np.zeros(1, int),
        edges=grid.edges,  # type: ignore[arg-type] # arrays or nothing
        labels=grid.labels,
    )
    with pytest.raises(WrongUsage, match="another grid"):
        check(EACH, [other])


def test_an_alarm_is_stored_and_read_again() -> None:
    found = check(EACH, FAR)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Alarm) == found
    assert found.format == 1
    assert msgspec.json.decode(msgspec.json.encode(EACH), type=Threshold).format == 1


def test_an_unclaimed_threshold_alarms_without_a_claim() -> None:
    threshold = calibrate(stable(60), Plan())
    found = check(threshold, FAR)
    assert found.alarmed
    assert not found.claimed
    assert "No rate is claimed" in found.support.says


@pytest.mark.parametrize(("moved", "drifts"), [(0.05, False), (1.2, True)])
def test_a_verdict_on_the_same_shift_does_not_depend_on_the_rows_of_the_window(
    moved: float, drifts: bool
) -> None:
    rng = np.random.default_rng(12)
    for rows in (200, 500, 5_000, 50_000):
        window = [numbers("x1", [moved], rng, rows)]
        assert check(EACH, window).drifted is drifts, rows


def test_the_order_of_rows_and_of_columns_changes_no_verdict() -> None:
    found, turned = check(EACH, FAR), check(EACH, FAR[::-1])
    assert turned == found
    parts = [each.part([0, 0]) for each in FAR]
    halves = [msgspec.structs.replace(each, counts=_halved(each.counts)) for each in parts]
    assert check(EACH, halves) == found


def _halved(
    counts: "np.ndarray[tuple[int, int], np.dtype[np.int64]]",
) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    return np.stack([counts[0] // 2, counts[1] - counts[1] // 2])
