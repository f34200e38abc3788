"""Several detectors on one promise: who may alarm, who stands apart, and what failing does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from trueup.errors import NotProven, WrongUsage
from trueup.monitoring.calibration.records import DAY_S, Plan, Promise, Rule
from trueup.monitoring.detectors.findings import Finding
from trueup.monitoring.detectors.functions import FunctionDetector
from trueup.monitoring.detectors.naming import Catalogue
from trueup.monitoring.detectors.panel import (
    decode_panel,
    encode_panel,
    panel_of,
    plan_of,
    triggering,
    watch,
)
from trueup.monitoring.detectors.report import detector_blocks
from trueup.monitoring.detectors.tables import MOST_ROWS, cut, packed, unpacked, windows_of
from trueup.reporting.blocks import Table

PLAN = Plan(promise=Promise(1, 10 * DAY_S))


def tables(seed: int, count: int, mean: float = 0.0) -> list[pl.DataFrame]:
    rng = np.random.default_rng(seed)
    return [pl.DataFrame({"x": rng.normal(mean, 1, 50)}) for _ in range(count)]


def apart(reference: pl.DataFrame, window: pl.DataFrame) -> Any:
    return abs(float(str(reference["x"].mean())) - float(str(window["x"].mean())))


def function(compare: Any = apart, name: str = "checks:far") -> dict[str, FunctionDetector]:
    return {name: FunctionDetector(name, compare)}


def test_a_long_enough_reference_makes_a_detector_calibrated_and_a_shift_an_alarm() -> None:
    panel = panel_of(function(), tables(1, 60), PLAN)
    assert panel.claimed
    came = watch(panel, function(), tables(2, 1, mean=2.0)[0])
    assert (came.alarmed, came.incident) == (True, True)
    assert triggering(came) == ("checks:far",)
    again = watch(came.panel, function(), tables(3, 1, mean=2.0)[0])
    assert (again.alarmed, again.incident) == (True, False)


@pytest.mark.parametrize("count", [5, 15])
def test_too_short_a_reference_leaves_it_uncalibrated_and_it_never_alarms(count: int) -> None:
    panel = panel_of(function(), tables(1, count), PLAN)
    assert not panel.claimed
    assert panel.members[0].standing == "uncalibrated"
    assert panel.members[0].says
    came = watch(panel, function(), tables(2, 1, mean=5.0)[0])
    assert not came.alarmed


def test_what_is_uncalibrated_triggers_only_where_the_policy_names_it() -> None:
    fires = function(lambda reference, window: {"score": 1.0, "drifted": True})
    came = watch(panel_of(fires, tables(1, 5), PLAN), fires, tables(2, 1)[0])
    assert came.findings[0].fired
    assert triggering(came) == ()
    assert triggering(came, ["checks:far"]) == ("checks:far",)
    assert triggering(came, ["checks:other"]) == ()


def test_one_that_fails_says_so_and_the_others_are_heard() -> None:
    class Moody(FunctionDetector):
        is_well = True

        def look(self, state: bytes, window: pl.DataFrame, *, keep: bool = False) -> Any:
            if not self.is_well:
                raise WrongUsage("it has a headache", remedy="Wait.")
            return super().look(state, window, keep=keep)

    moody = Moody("checks:moody", apart)
    both: dict[str, Any] = {"checks:moody": moody, **function()}
    panel = panel_of(both, tables(1, 60), PLAN)
    moody.is_well = False
    came = watch(panel, both, tables(2, 1, mean=2.0)[0])
    assert [(one.standing, one.counts) for one in came.findings] == [
        ("failed", False),
        ("calibrated", True),
    ]
    assert came.findings[0].says == ("it has a headache",)
    assert came.alarmed


def test_scores_by_other_names_than_before_are_not_compared() -> None:
    given = ["x"]
    changing = function(lambda reference, window: {"scores": {given[0]: apart(reference, window)}})
    panel = panel_of(changing, tables(1, 60), PLAN)
    given[0] = "y"
    came = watch(panel, changing, tables(2, 1, mean=2.0)[0])
    assert came.findings[0].standing == "failed"
    assert "other scores" in came.findings[0].says[0]


def test_a_detector_whose_scores_change_their_names_within_the_reference_is_uncalibrated() -> None:
    calls = iter(range(1000))
    odd = function(lambda reference, window: {"scores": {f"of {next(calls) % 2}": 1.0}})
    panel = panel_of(odd, tables(1, 30), PLAN)
    assert panel.members[0].standing == "uncalibrated"
    assert "other scores" in panel.members[0].says


def test_the_e_detector_refuses_where_windows_remember_and_is_shown_as_refused() -> None:
    steps = np.cumsum(np.random.default_rng(4).normal(size=60))
    slow = [pl.DataFrame({"x": step + np.linspace(-1, 1, 40)}) for step in steps]
    found = {"e_detector": Catalogue().find("e_detector")}
    panel = panel_of(found, slow, PLAN)
    assert panel.members[0].standing == "refused"
    came = watch(panel, found, slow[0])
    assert not came.alarmed
    assert "remember" in came.findings[0].says[0]


def test_the_rule_of_several_windows_holds_for_detectors_too() -> None:
    plan = msgspec.structs.replace(PLAN, rule=Rule(2, 3))
    panel = panel_of(function(), tables(1, 90), plan)
    alarmed, triggers = [], []
    for each in (*tables(2, 1), *tables(3, 2, mean=2.0)):
        came = watch(panel, function(), each)
        panel = decode_panel(encode_panel(came.panel))
        alarmed.append(came.alarmed)
        triggers.append(triggering(came))
    assert alarmed == [False, False, True]
    assert triggers == [(), (), ("checks:far",)]


def test_detectors_take_a_share_of_the_promise_and_leave_the_rest_to_drift() -> None:
    drift, detectors = plan_of(Plan(promise=Promise(share=0.5)))
    assert (drift.promise.share, detectors.promise.share) == pytest.approx((0.4, 0.1))


def test_a_panel_that_is_no_panel_is_refused() -> None:
    with pytest.raises(NotProven, match="no detectors' states"):
        decode_panel(b"nothing")
    with pytest.raises(NotProven, match="no detector's state"):
        unpacked(b"nothing")


@pytest.mark.parametrize(
    "said", [None, "far", float("nan"), {}, {"score": "far"}, {"score": 1.0, "other": 2}]
)
def test_what_is_no_score_is_refused_with_what_would_be_one(said: Any) -> None:
    one = FunctionDetector("checks:far", lambda reference, window: said)
    with pytest.raises(WrongUsage, match="checks:far returned"):
        one.look(one.begin(tables(1, 2), PLAN), tables(2, 1)[0])


def test_a_record_may_say_more_and_bring_a_page() -> None:
    record = {"score": 1, "scores": {"x": 2.0}, "drifted": True, "says": "far", "html": "<p>"}
    one = FunctionDetector("checks:far", lambda reference, window: record)
    look = one.look(one.begin(tables(1, 2), PLAN), tables(2, 1)[0], keep=True).look
    assert look.scores == (("x", 2.0), ("score", 1.0))
    assert (look.fired, look.says) == (True, ("far",))
    assert [(each.name, each.body) for each in look.artefacts] == [("checks.far.html", b"<p>")]


def test_a_table_is_cut_into_windows_of_time_in_their_order() -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    hours = [30, 1, 2, 25, None, 80]
    times = [None if hour is None else begin + timedelta(hours=hour) for hour in hours]
    table = pl.DataFrame({"at": times, "x": [4, 1, 2, 3, 0, 5]})
    found = windows_of(table, "at", DAY_S)
    assert [each["x"].to_list() for each in found] == [[1, 2], [3, 4], [5]]
    assert found[0].columns == ["x"]


def test_rows_are_cut_to_the_same_ones_whatever_their_order() -> None:
    table = pl.DataFrame({"x": np.random.default_rng(5).normal(size=3 * MOST_ROWS)})
    kept, other = cut(table), cut(table.reverse())
    assert len(kept) == MOST_ROWS
    assert kept["x"].sort().equals(other["x"].sort())
    assert [each.to_dicts() for each in unpacked(packed([kept, kept[:1]]))] == [
        kept.to_dicts(),
        kept[:1].to_dicts(),
    ]


def test_the_report_shows_the_uncalibrated_apart() -> None:
    findings = (
        Finding("river.adwin", "calibrated", significant=True, score=3.0, at=2.0),
        Finding("checks:far", "uncalibrated", fired=True),
        Finding("e_detector", "refused", says=("too few",)),
    )
    shown = [one for one in detector_blocks(findings) if isinstance(one, Table)]
    assert [[row[:2] for row in one.rows] for one in shown] == [
        [("river.adwin", "drifted")],
        [("checks:far", "fired, which does not count"), ("e_detector", "refused")],
    ]
