"""The last check of a model as gauges, for ``GET /metrics``: bounded, whatever came."""

from collections.abc import Iterator
from typing import get_args

import msgspec

from trueup.monitoring.watching.events import Checked, Matured, State

COLUMNS = 8
METRICS = 4
DETECTORS = 8


class Gauge(msgspec.Struct, frozen=True):
    """One sample: its name, its labels, its value; times are seconds since 1970."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def gauges(model: str, check: Checked, matured: Matured | None = None) -> tuple[Gauge, ...]:
    """Return what is shown of a model's last check: at most some fifty samples.

    ``matured`` is the last window whose labels are complete. Of columns those with the largest
    effects are shown; their names are the only labels that data can make.
    """
    return tuple(_gauges((("model", model),), check, matured))


def _gauges(
    of: tuple[tuple[str, str], ...], check: Checked, matured: Matured | None
) -> Iterator[Gauge]:
    yield Gauge("trueup_monitor_window_end_seconds", check.window.end.timestamp(), of)
    yield Gauge("trueup_monitor_checked_seconds", check.at.timestamp(), of)
    yield Gauge("trueup_monitor_version", check.version, of)
    yield Gauge("trueup_monitor_rows", check.rows, of)
    for state in get_args(State):
        yield Gauge("trueup_monitor_state", check.state == state, (*of, ("state", state)))
    yield Gauge("trueup_monitor_broken", len(check.broken), of)
    if check.drift is not None:
        drift = check.drift
        yield Gauge("trueup_monitor_drift_score", drift.score, of)
        yield Gauge("trueup_monitor_drift_threshold", drift.at, of)
        yield Gauge("trueup_monitor_drifted_columns", len(drift.moved), of)
        for one in drift.columns[:COLUMNS]:
            yield Gauge("trueup_monitor_effect", one.effect, (*of, ("column", one.name[:80])))
    for found in (check.detected.findings if check.detected else ())[:DETECTORS]:
        labels = (*of, ("detector", found.detector[:80]))
        if found.standing in ("calibrated", "promised"):
            yield Gauge("trueup_monitor_detector", found.counts, labels)
        else:
            yield Gauge("trueup_monitor_uncalibrated_detector", found.fired, labels)
    made = check.performance.estimated if check.performance else ()
    for each in made[:METRICS]:
        if each.value is not None:
            yield Gauge("trueup_monitor_estimated", each.value, (*of, ("metric", each.metric)))
    if matured is not None:
        window = matured.window.end.timestamp()
        for came in matured.performance.realised[:METRICS]:
            if came.value is not None:
                labels = (*of, ("metric", came.name))
                yield Gauge("trueup_monitor_realised", came.value, labels)
        yield Gauge("trueup_monitor_realised_window_end_seconds", window, of)
