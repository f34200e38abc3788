"""The last check of a model as gauges, for ``GET /metrics``: bounded, whatever came."""

from collections.abc import Iterator
from typing import get_args

import msgspec

from trueup.monitoring.watching.events import Checked, State

COLUMNS = 8


class Gauge(msgspec.Struct, frozen=True):
    """One sample: its name, its labels, its value; times are seconds since 1970."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def gauges(model: str, check: Checked) -> tuple[Gauge, ...]:
    """Return what is shown of a model's last check: at most some forty samples.

    Of columns those with the largest effects; their names are the only labels that data can make.
    """
    return tuple(_gauges((("model", model),), check))


def _gauges(of: tuple[tuple[str, str], ...], check: Checked) -> Iterator[Gauge]:
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
    for each in check.measured[:COLUMNS]:
        if each.value is not None:
            labels = (*of, ("metric", each.metric), ("kind", each.kind))
            yield Gauge("trueup_monitor_metric", each.value, labels)
