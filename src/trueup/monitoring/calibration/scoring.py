"""One column's statistics over the reference, each window judged by what the others expect."""

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.calibration.expecting import Conditions, fitting, weighed, windowed
from trueup.monitoring.calibration.statistics import (
    Directions,
    Seen,
    directions,
    seen,
    statistics,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.calibration.records import Pace
    from trueup.monitoring.cells import Cells

    Floats = NDArray[np.float64]

_LEAST_SCALE = 0.5  # of what rows alone have: less is discreteness, not calm


class Folds(msgspec.Struct, frozen=True):
    """The reference cut into stretches; each is judged by what lies ``apart`` from it."""

    bounds: tuple[tuple[int, int], ...]
    apart: int

    def without(self, fold: tuple[int, int]) -> slice:
        """Return the windows that a fold's expectation leaves out."""
        return slice(max(fold[0] - self.apart, 0), fold[1] + self.apart)


def folds(count: int, many: int, apart: int) -> Folds:
    """Cut windows into so many stretches of about the same length."""
    cuts = [count * at // many for at in range(many + 1)]
    return Folds(tuple(pairwise(cuts)), apart)


class Scales(msgspec.Struct, frozen=True):
    """By how much each statistic strays in the reference: what makes columns comparable."""

    extra: "Floats"  # variance between windows, a row
    centre: "Floats"
    scale: "Floats"

    def applied(self, values: "Floats", rows: "Floats", one_sided: "NDArray[np.bool_]") -> "Floats":
        """Return studentised statistics, larger meaning farther, windows by statistics."""
        found = (_evened(values, rows, self.extra, one_sided) - self.centre) / self.scale
        result: Floats = np.where(one_sided, found, np.abs(found))
        return result


def _evened(
    values: "Floats", rows: "Floats", extra: "Floats", one_sided: "NDArray[np.bool_]"
) -> "Floats":
    """Return statistics whose spread no longer depends on a window's rows."""
    grown = 1 + np.multiply.outer(rows, extra)
    found: Floats = np.where(
        one_sided, np.cbrt(np.maximum(values, 0.0) / grown), values / np.sqrt(grown)
    )
    return found


def scales(values: "Floats", rows: "Floats", one_sided: "NDArray[np.bool_]") -> Scales:
    """Return the scales that windows show."""
    squares = np.where(one_sided, values, values**2)
    extra = np.maximum(squares.mean(axis=0) - 1, 0.0) / rows.mean()
    even = _evened(values, rows, extra, one_sided)
    centre = np.where(one_sided, even.mean(axis=0), 0.0)
    scale = np.sqrt(((even - centre) ** 2).mean(axis=0))
    least = np.where(one_sided, 0.05, _LEAST_SCALE)
    return Scales(extra, centre, np.maximum(scale, least))


class Column(msgspec.Struct, frozen=True):
    """A column of the reference: what is kept of its windows, and all of them taken together."""

    cells: "Cells"
    pace: "Pace"
    windows: Seen
    weights: "Floats"
    shares: "Floats"
    usual_rows: float
    look: Directions
    fit: "Floats"  # conditions by cells and nulls


def column(cells: "Cells", pace: "Pace", known: Conditions) -> Column:
    """Fit a column to all windows, and fix in which directions it is looked at."""
    counts, missing = windowed(cells, pace)
    rows = counts.sum(axis=1)
    shares = counts.sum(axis=0) / max(float(rows.sum()), 1.0)
    shares = shares.astype(np.float32).astype(np.float64)  # as it is stored
    usual = float(np.median(rows[rows > 0])) if (rows > 0).any() else 1.0
    look = directions(shares, usual, None if cells.is_ordered else cells.labels)
    windows, weights = seen(look, counts, missing), weighed(rows)
    counts /= windows.rows[:, None]
    cell_fit = fitting(counts, weights, known).fit()
    null_fit = fitting(windows.features[:, -1:], weights, known).fit()
    fit = np.concatenate([cell_fit, null_fit], axis=1)
    return Column(cells, pace, windows, weights, shares, usual, look, fit)


def plain(one: Column, known: Conditions) -> "Floats":
    """Return the statistics of all windows against all windows: enough to see what is slow."""
    usual = known.values @ fitting(one.windows.features, one.weights, known).fit()
    return statistics(one.look, one.windows, usual)


def crossed(one: Column, known: Conditions, cut: Folds) -> "tuple[Floats, Floats]":
    """Return statistics of all windows, and these studentised, each fold judged by the others."""
    regression = fitting(one.windows.features, one.weights, known)
    parts = []
    for fold in cut.bounds:
        some = slice(*fold)
        usual = known.values[some] @ regression.fit(cut.without(fold))
        parts.append(statistics(one.look, one.windows.part(some), usual))
    values = np.concatenate(parts)
    return values, _studentised(one, values, cut)


def _studentised(one: Column, values: "Floats", cut: Folds) -> "Floats":
    rows, one_sided = one.windows.every, one.look.one_sided
    found = np.empty_like(values)
    for fold in cut.bounds:
        kept = rows > 0
        kept[cut.without(fold)] = False
        scale = scales(values[kept], rows[kept], one_sided)
        some = slice(*fold)
        found[some] = scale.applied(values[some], rows[some], one_sided)
    found[rows == 0] = 0.0
    return found
