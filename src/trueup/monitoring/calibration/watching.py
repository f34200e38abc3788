"""A column of the reference as it is stored with the threshold, and back."""

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.calibration.expecting import expected_shares, windowed
from trueup.monitoring.calibration.records import Watched
from trueup.monitoring.calibration.scoring import Column, Scales
from trueup.monitoring.calibration.statistics import (
    Directions,
    directions,
    expected_features,
    seen,
    statistics,
)
from trueup.monitoring.effects import Beyond, Effect, Sample, beyond, ruler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.calibration.expecting import Conditions

    Floats = NDArray[np.float64]


class Limits(msgspec.Struct, frozen=True):
    """From where on a column's score is significant, and whether a promise stands behind it."""

    at: float
    steady: bool
    memory: float


_MEASURED = 256  # windows of the reference whose effects are measured


def watched(
    one: Column, known: "Conditions", scale: Scales, effect: Effect, limits: Limits
) -> Watched:
    """Return what a threshold keeps of a column."""
    edges = one.cells.edges
    days, nulls, chance = _days(one, known, effect)
    return Watched(
        name=one.cells.name,
        role=one.cells.role,
        rows=float(one.windows.every.sum()),
        usual_rows=one.usual_rows,
        shares=one.shares.astype("<f4").tobytes(),
        fit=one.fit.astype("<f4").tobytes(),
        edges=None if edges is None else tuple(edges.tolist()),
        labels=one.cells.labels,
        extra=tuple(scale.extra.tolist()),
        centre=tuple(scale.centre.tolist()),
        scale=tuple(scale.scale.tolist()),
        at=limits.at,
        steady=limits.steady,
        memory=limits.memory,
        days=days,
        null_days=nulls,
        chance=chance,
    )


def _days(
    one: Column, known: "Conditions", effect: Effect
) -> tuple[Beyond, Beyond, tuple[float, float] | None]:
    """Return what the reference's windows have beyond chance: cells, and nulls."""
    there = np.flatnonzero(one.windows.every > 0)
    some = there[:: max(1, -(-len(there) // _MEASURED))]
    counts, _ = windowed(one.cells, one.pace, some)
    usual, rows = expected_shares(known.values[some], one.fit), one.windows.every[some]
    found = counts / one.windows.rows[some, None]
    missing = one.windows.features[some, -1]
    total = float(one.windows.every.sum())
    whole, window = Sample(one.shares, total), Sample(one.shares, one.usual_rows)
    measure = ruler(effect, whole, window, one.cells.edges)
    chance = (measure.mean, measure.spread) if measure.is_drawn else None
    days = beyond(measure, measure.square(usual[:, :-1], found), rows, total)
    share = float(missing.mean()) if len(found) else 0.0
    pair = two_cells(np.array([share]))[0]
    narrow = ruler(effect, Sample(pair, total), Sample(pair, one.usual_rows))
    off = narrow.square(two_cells(usual[:, -1]), two_cells(missing))
    return days, beyond(narrow, off, rows, total), chance


def two_cells(shares: "Floats") -> "Floats":
    """Return shares of something and of its contrary, (windows, 2)."""
    return np.stack([shares, 1 - shares], axis=-1)


class Kept(msgspec.Struct, frozen=True):
    """A stored column's arrays."""

    look: Directions
    shares: "Floats"
    fit: "Floats"
    scales: Scales
    edges: "Floats | None"


@lru_cache(maxsize=2048)
def kept(stored: Watched) -> Kept:
    """Return a stored column's arrays, made once."""
    shares = np.frombuffer(stored.shares, dtype="<f4").astype(np.float64)
    fit = np.frombuffer(stored.fit, dtype="<f4").astype(np.float64)
    edges = None if stored.edges is None else np.array(stored.edges)
    look = directions(shares, stored.usual_rows, None if edges is not None else stored.labels)
    spread = Scales(np.array(stored.extra), np.array(stored.centre), np.array(stored.scale))
    return Kept(look, shares, fit.reshape(-1, len(shares) + 1), spread, edges)


def scores(stored: Watched, known: "Floats", counts: "Floats", missing: "Floats") -> "Floats":
    """Return the studentised statistics of windows, one row each, larger meaning farther.

    ``known`` are the windows' conditions, one row each or one for all.
    """
    arrays = kept(stored)
    windows = seen(arrays.look, counts, missing)
    usual = expected_features(arrays.look, expected_shares(known, arrays.fit))
    values = statistics(arrays.look, windows, usual)
    found = arrays.scales.applied(values, windows.every, arrays.look.one_sided)
    found[windows.every == 0] = 0.0
    return found
