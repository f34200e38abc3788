"""Columns whose unit has changed: the same shape, at another scale.

A window's quantiles, converted back, must lie as near to some stretch of the reference as its own
stretches lie to each other, and as they came they must not; and no mere shift may explain them as
well, for a shift is drift. So seasons do no harm: January in Celsius is near a January.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.broken.conversions import CONVERSIONS, Conversion
from trueup.monitoring.broken.records import Finding, Sure
from trueup.monitoring.broken.windows import Basis, Pair, Window, since_row
from trueup.monitoring.profiles.grids import BINS, NumberTrack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LEVELS = np.linspace(0.025, 0.975, 39)
_STRETCHES = 128  # of the reference, at most
_LEAST_STRETCH = 200  # rows
_FEWEST = 300  # rows of a window, or of its part
_PARTS = (1, 2, 4, 8)  # into which the window is cut, to find where it begins
_FURTHER = 0.1  # by how much more the distance must be as it came
_BETTER = 0.05  # than by a shift
_LARGE = 9.0  # a factor that nothing but units explains
_CHANCE = 1.63  # of a distance of so many rows, 1 in 100 (Kolmogorov 1933)


class Stretches(msgspec.Struct, frozen=True):
    """Distributions of parts of the reference that follow each other, on its cells."""

    edges: "Floats"
    below: "Floats"  # stretches by cells and one: the share of rows below each cell
    heavy: "NDArray[np.bool_]"  # cells that stand for one value: their lower bound

    def distances(self, quantiles: "Floats") -> "Floats":
        """Return how far quantiles are from those of each stretch (Kolmogorov-Smirnov).

        What one cell hides is no distance, unless it stands for one value, and this is another.
        """
        cell = np.searchsorted(self.edges, quantiles, side="right")
        other = self.heavy[cell] & (self.edges[np.maximum(cell - 1, 0)] != quantiles)
        most = self.below[:, cell + 1]
        least = np.where(other, most, self.below[:, cell])
        found: Floats = np.maximum(least - _LEVELS, _LEVELS - most).max(axis=1)
        return np.maximum(found, 0.0)

    def middle(self) -> "Floats":
        """Return the median of each stretch."""
        return np.array([np.interp(0.5, one[1:-1], self.edges) for one in self.below])

    def apart(self) -> tuple[float, float]:
        """Return how far each stretch is from the nearest other: as a rule, and at most."""
        found = []
        for k, one in enumerate(self.below):
            others = self.distances(_quantiles(self.edges, one[1:-1]))
            others[k] = np.inf
            found.append(float(others.min()))
        there = [one for one in found if np.isfinite(one)] or [0.0]
        return float(np.median(there)), max(there)


def unit(basis: Basis, window: Window, pair: Pair) -> Iterator[Finding]:
    """Yield a finding where all rows, or all from some row on, are in another unit.

    From a row on, only factors are told that nothing else explains: the hours of a day differ.
    """
    track = pair.track
    seen = window.survey.columns.get(track.column) if window.survey else None
    if not isinstance(track, NumberTrack) or track.measure != "value" or track.kind == "time":
        return
    if seen is None or seen.sample is None or seen.places is None or window.survey is None:
        return
    if len(seen.sample) < _FEWEST or (reference := stretches(pair)) is None:
        return
    size = len(seen.sample)
    for parts in _PARTS:
        begin = 0 if parts == 1 else size - size // parts
        found = _converted(reference, seen.sample[begin:], is_part=parts > 1)
        if found is not None:
            row = int(seen.places[begin]) if begin else 0
            yield _finding(pair, found, window.survey.rows - row, window, row)
            return


class Fit(msgspec.Struct, frozen=True):
    """A conversion, and how far the window is from the reference as it came and undone."""

    conversion: Conversion
    came: float
    undone: float
    allowed: float
    near: float  # how far stretches of the reference are from each other, at most


def _converted(reference: Stretches, values: "Floats", is_part: bool) -> Fit | None:
    """Return the conversion that the values have gone through, if one explains them."""
    if len(values) < _FEWEST:
        return None
    quantiles = np.quantile(values, _LEVELS)
    if quantiles[0] == quantiles[-1]:
        return None
    chance = _CHANCE / float(np.sqrt(len(values)))
    came = float(reference.distances(quantiles).min())
    if came <= chance + _FURTHER:
        return None
    usual, near = reference.apart()
    if came <= 2 * near + chance + _FURTHER:
        return None
    fits = [
        Fit(each, came, _undone(reference, quantiles, each), usual + chance, near)
        for each in possible(reference)
        if not is_part or _is_large(each)
    ]
    best = min(fits, key=lambda one: one.undone)
    if best.undone > best.allowed or best.undone > came / 2:
        return None
    if best.conversion.factor == 1.0:  # is a shift itself
        return best
    return best if best.undone < _shifted(reference, quantiles) - _BETTER else None


def _undone(reference: Stretches, quantiles: "Floats", each: Conversion) -> float:
    back = (quantiles - each.offset) / each.factor
    return float(reference.distances(back).min())


def _shifted(reference: Stretches, quantiles: "Floats") -> float:
    """Return how near a mere shift brings quantiles to a stretch."""
    shifts = quantiles[len(quantiles) // 2] - reference.middle()
    return min(float(reference.distances(quantiles - shift)[k]) for k, shift in enumerate(shifts))


def possible(reference: Stretches) -> list[Conversion]:
    """Return the conversions whose first unit the reference may be in: temperatures have limits."""
    usual = reference.below.mean(axis=0)[1:-1]
    low, high = (float(np.interp(level, usual, reference.edges)) for level in (0.01, 0.99))
    return [one for one in CONVERSIONS if one.least <= low and high <= one.most]


def _is_large(each: Conversion) -> bool:
    return max(each.factor, 1 / each.factor) >= _LARGE


def stretches(pair: Pair) -> Stretches | None:
    """Return the reference's distributions; None where it has too few rows or values."""
    edges, counts = pair.before.edges, pair.before.counts
    if edges is None or len(edges) < 3 or counts.sum() < 2 * _LEAST_STRETCH:
        return None
    joined = _joined(counts)
    below = np.zeros((len(joined), joined.shape[1] + 1))
    below[:, 1:] = np.cumsum(joined, axis=1) / joined.sum(axis=1, keepdims=True)
    pooled = counts.sum(axis=0)
    heavy = pooled >= 2 / BINS * pooled.sum()
    heavy[[0, -1]] = False
    return Stretches(edges, below, heavy)


def _joined(counts: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return blocks put together until each has enough rows, and there are not too many."""
    rows = counts.sum(axis=1)
    least = max(_LEAST_STRETCH, int(rows.sum()) // _STRETCHES)
    number = np.cumsum(rows) // least
    starts = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    found: NDArray[np.int64] = np.add.reduceat(counts, starts, axis=0)
    enough = found.sum(axis=1) >= least // 2
    return found[enough] if enough.any() else found


def _quantiles(edges: "Floats", below: "Floats") -> "Floats":
    """Return the quantiles of one stretch, of which each lies at a bound of its cells."""
    cell = np.searchsorted(below, _LEVELS, side="right") - 1
    found: Floats = edges[np.clip(cell, 0, len(edges) - 1)]
    return found


def _finding(pair: Pair, fit: Fit, rows: int, window: Window, row: int) -> Finding:
    by = f"{fit.conversion.factor:.6g} times"
    if fit.conversion.offset:
        by += f" and {fit.conversion.offset:+.6g}"
    sure: Sure = "very likely" if _is_large(fit.conversion) else "likely"
    where = "" if row == 0 else f" from row {row:,} on"
    return Finding(
        "unit", pair.track.column,
        f"numbers are {by} what they were{where}, as of {fit.conversion.says}",
        sure, fit.conversion.factor, 1.0, fit.allowed,
        f"undone they are {fit.undone:.3g} from the nearest stretch of the reference, as they "
        f"came {fit.came:.3g}; its own stretches are at most {fit.near:.3g} apart",
        rows, fit.came / max(fit.allowed, 1e-9), (), since_row(window, row),
    )  # fmt: skip


def explained(findings: Sequence[Finding]) -> frozenset[str]:
    """Return the columns whose unit has changed: that explains their range."""
    return frozenset(one.column for one in findings if one.check == "unit")
