"""Which live rows a version was trained on: by the ids they were asked with, else by their time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from trueup.config.model_entries import EvaluateEntry
from trueup.delivery.moments import moments
from trueup.delivery.seen import Seen, rows_seen
from trueup.delivery.trials.live import Live

if TYPE_CHECKING:
    import polars as pl

    from trueup.gate.arrays import Truths

_WEST_H = 12  # a time without a zone is at most so much later in UTC
_STEPS = 1e8  # numbers below are no seconds since 1970


@dataclass(frozen=True)
class _Asked:
    """Rows as they were asked, by one id or time of each."""

    entry: EvaluateEntry
    frame: "pl.DataFrame"
    ids: "pl.Series | None"
    time: "pl.Series | None"


def live_seen(seen: Seen, live: Live) -> "Truths | None":
    """Return a mask of the chosen rows that a version has seen; None where it cannot be known.

    A row counts as seen if either its prediction's id or its `evaluate.id`, where that was
    captured, is among the ids that the version has seen.
    """
    if seen.by_ids:
        return _by_ids(seen, live)
    if not seen.cutoff:
        return None
    own = live.column(live.entry.time)
    if own is not None and not own.null_count():
        mask = rows_seen(seen, _Asked(live.entry, live.chosen, None, own))
        if mask is not None:
            return mask
    time = _like(seen.cutoff, live.chosen["time"])
    return None if time is None else rows_seen(seen, _Asked(live.entry, live.chosen, None, time))


def _by_ids(seen: Seen, live: Live) -> "Truths | None":
    mask = rows_seen(seen, _Asked(live.entry, live.chosen, live.chosen["id"], None))
    own = live.column(live.entry.id)
    if own is None or mask is None:
        return mask
    by_own = rows_seen(seen, _Asked(live.entry, live.chosen, own, None))
    return mask if by_own is None else mask | (by_own & own.is_not_null().to_numpy())


def _like(cutoff: str, times: "pl.Series") -> "pl.Series | None":
    """Return the times of captures as a cut-off is written: with a zone, without, as seconds."""
    import polars as pl

    known = moments(pl.Series([cutoff]))
    if known is None or known.kind == "zoned":
        return times
    if known.kind == "local":
        return times.dt.replace_time_zone(None) - timedelta(hours=_WEST_H)
    latest = known.values[0]
    return times.dt.epoch("us") / 1e6 if latest is not None and latest >= _STEPS else None
