"""River's detectors through our port give the very results that River gives."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

pytest.importorskip("river", reason="the extra river is not installed")

from river import drift

from trueup.errors import NotProven, WrongUsage
from trueup.integrations.river.detectors import (
    NAMES,
    NUMBERS,
    SEED,
    TRUTHS,
    RiverDetector,
    river_detector,
)
from trueup.monitoring.calibration.records import Plan

PLAN = Plan()
THEIRS: dict[str, Any] = {
    "river.adwin": drift.ADWIN,
    "river.kswin": lambda: drift.KSWIN(seed=SEED),
    "river.page_hinkley": drift.PageHinkley,
    "river.ddm": drift.binary.DDM,
    "river.eddm": drift.binary.EDDM,
    "river.fhddm": drift.binary.FHDDM,
    "river.hddm_a": drift.binary.HDDMA,
    "river.hddm_w": drift.binary.HDDMW,
}


def shifting(takes_truths: bool, rows: int = 6000) -> list[Any]:
    """Return a stream whose mean is another in each third."""
    rng = np.random.default_rng(7)
    share = np.repeat([0.2, 0.5, 0.35], rows // 3)
    if takes_truths:
        return list((rng.random(rows) < share).tolist())
    return list(rng.normal(20 * share, 1).tolist())


def oil(takes_truths: bool) -> list[Any]:
    """Return the price of oil since 1987, of River's own data; or whether it fell."""
    load: Any = drift.datasets.BrentSpotPrice
    prices = [float(price) for _, price in load()]
    return [b < a for a, b in pairwise(prices)] if takes_truths else prices


def directly(name: str, values: list[Any]) -> list[int]:
    detector, found = THEIRS[name](), []
    for row, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found


def through_port(name: str, values: list[Any], size: int) -> list[int]:
    """Return where it fires, with everything stored and read again after each window."""
    table = pl.DataFrame({"value": values})
    state = river_detector(name).begin([table[:0]], PLAN)
    found = []
    for at in range(0, len(values), size):
        seen = RiverDetector(name).look(state, table[at : at + size])
        found += [at + one.row for one in seen.look.firings]
        state = bytes(bytearray(seen.state))
    return found


@pytest.mark.parametrize("stream", [shifting, oil])
@pytest.mark.parametrize("name", NAMES)
def test_it_fires_at_the_very_rows_where_river_fires(
    name: str, stream: Callable[[bool], list[Any]]
) -> None:
    values = stream(name.removeprefix("river.") in TRUTHS)
    wanted = directly(name, values)
    assert wanted or stream is oil
    assert through_port(name, values, 700) == wanted


def test_every_detector_of_river_is_there_but_those_that_detect_nothing() -> None:
    theirs = {
        name
        for room in (drift, drift.binary)
        for name in room.__all__
        if isinstance(getattr(room, name, None), type)
    }
    left_out = {"DriftRetrainingClassifier", "DummyDriftDetector", "NoDrift", "PeriodicTrigger"}
    assert theirs - left_out == {*NUMBERS.values(), *TRUTHS.values()}


def test_each_column_has_its_own_detector_and_nulls_are_passed_over() -> None:
    values = shifting(takes_truths=False)
    holes = [None if at % 10 == 3 else value for at, value in enumerate(values)]
    table = pl.DataFrame({"steady": [1.0] * len(values), "moving": holes, "word": ["a"] * 6000})
    detector = river_detector("river.adwin")
    seen = detector.look(detector.begin([table[:0]], PLAN), table)
    there = [at for at, value in enumerate(holes) if value is not None]
    wanted = [there[at] for at in directly("river.adwin", [holes[at] for at in there])]
    assert [(one.column, one.row) for one in seen.look.firings] == [("moving", at) for at in wanted]
    assert seen.look.scores == (("steady", 0.0), ("moving", float(len(wanted))))


def test_a_column_that_is_gone_is_said_and_goes_on_once_it_is_back() -> None:
    table = pl.DataFrame({"a": [1.0, 2.0] * 50, "b": [1.0, 2.0] * 50})
    detector = river_detector("river.page_hinkley")
    state = detector.begin([table], PLAN)
    gone = detector.look(state, table.drop("b"))
    assert gone.look.says == ("b is missing",)
    assert detector.look(gone.state, table).look.says == ()


def test_a_detector_of_truths_without_any_column_of_truths_is_refused() -> None:
    with pytest.raises(WrongUsage, match="looks at truths"):
        river_detector("river.ddm").begin([pl.DataFrame({"a": [1.0]})], PLAN)


def test_a_name_that_river_does_not_have_is_refused_with_the_nearest() -> None:
    with pytest.raises(WrongUsage, match=r"Did you mean 'river\.adwin'"):
        river_detector("river.adwim")


def test_a_state_of_another_river_is_refused_with_its_version() -> None:
    detector = river_detector("river.adwin")
    state = detector.begin([pl.DataFrame({"a": [1.0]})], PLAN)
    older = {**msgspec.msgpack.decode(state), "river": "0.1.0"}
    with pytest.raises(WrongUsage, match=r"begun with river 0\.1\.0"):
        detector.look(msgspec.msgpack.encode(older), pl.DataFrame({"a": [1.0]}))
    with pytest.raises(NotProven, match="no state of"):
        detector.look(b"?", pl.DataFrame({"a": [1.0]}))
