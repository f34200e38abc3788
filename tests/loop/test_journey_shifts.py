"""What a loop sees of a shift, day by day: in the inputs alone, or in what they mean alone."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.loop.journeys import answered, asked, contrary, day, quiet, shop, to_the_edge
from tests.loop.shop import ticked
from tests.project.watched import watched
from trueup.loop.events import Decided, IncidentOpened
from trueup.loop.ticking import Ticked
from trueup.monitoring.watching.events import Checked

pytestmark = pytest.mark.slow

MONITOR = (
    "{window: 1d, lateness: 1h, false_alarms: 1 per 5d,"
    " performance: {metric: accuracy, labels: {mature_after: 3d}}}"
)
SHIFTS = 3  # the first day on which anything has shifted


def lived(root: Path, days: int, shift: Callable[[Any], Any]) -> list[Ticked]:
    """Live through days, each with its captures, the labels that are known, and a tick."""
    tables, ticks = list[Any](), list[Ticked]()
    for nth in range(days):
        table = quiet(nth)
        tables.append(table if nth < SHIFTS else shift(table))
        asked(root, tables[nth])
        if nth >= 2:
            answered(root, nth - 2, tables[nth - 2])
        ticks.append(ticked(root, day(nth + 1) + timedelta(hours=2)))
    return ticks


def causes(ticks: list[Ticked]) -> dict[int, list[tuple[str, str, str]]]:
    """Return what was decided on which day: by which trigger, for which window, and what."""
    found: dict[int, list[tuple[str, str, str]]] = {}
    for nth, one in enumerate(ticks):
        for each in one.decision.actions:
            if isinstance(each, Decided):
                found.setdefault(nth, []).append((each.cause.kind, each.cause.window, each.do))
    return found


def told(ticks: list[Ticked]) -> list[tuple[int, str, str]]:
    """Return which incident was opened on which day, and by which window."""
    return [
        (nth, each.kind, each.window)
        for nth, one in enumerate(ticks)
        for each in one.decision.actions
        if isinstance(each, IncidentOpened)
    ]


def estimates(root: Path) -> list[float]:
    return [_estimated(one) for one in watched(root).checks]


def _estimated(check: Checked) -> float:
    assert check.performance is not None
    (found,) = check.performance.estimated
    assert found.value is not None
    return found.value


def test_where_inputs_alone_shift_the_estimate_is_first_and_labels_confirm_it(
    tmp_path: Path,
) -> None:
    loop = (
        "{when: [{estimate: {}, do: retrain}, {performance: {}, do: notify}], cooldown: 30d,"
        " retrain: {params: {prepare.until: now}}, then: person}"
    )
    root = shop(tmp_path, MONITOR, loop)
    ticks = lived(root, 7, to_the_edge)
    first = "2026-01-22"  # the fourth window
    assert causes(ticks) == {3: [("estimate", first, "retrain")]}
    assert [one.end for one in ticks[3].carried] == ["asked"]
    assert told(ticks) == [(3, "estimate", first), (6, "performance", first)]
    found = watched(root)
    late = [one.performance.realised[0].value for one in found.history.matured().values()]
    for value, estimated in zip(late, estimates(root), strict=False):
        assert value is not None
        assert abs(value - estimated) < 0.06  # 150 rows a day: two standard errors are 0.08
    assert min(estimates(root)[:SHIFTS]) > 0.8 > 0.62 > max(estimates(root)[SHIFTS:])


def test_where_only_the_meaning_shifts_the_estimate_stays_and_labels_alone_tell(
    tmp_path: Path,
) -> None:
    loop = (
        "{when: [{estimate: {}, do: retrain}, {performance: {}, do: retrain},"
        " {labels: {new: 300}, do: retrain}], cooldown: 1d,"
        " retrain: {params: {prepare.until: now}}, then: person}"
    )
    root = shop(tmp_path, MONITOR, loop)
    ticks = lived(root, 7, contrary)
    assert causes(ticks) == {
        4: [("labels", "0+300", "retrain")],  # of two quiet days
        6: [("performance", "2026-01-22", "retrain")],
    }
    assert told(ticks) == [(6, "performance", "2026-01-22")]
    assert min(estimates(root)) > 0.8
    late = list(watched(root).history.matured().values())
    values = [one.performance.realised[0].value or 0.0 for one in late]
    assert min(values[:SHIFTS]) > 0.75
    assert max(values[SHIFTS:]) < 0.25
