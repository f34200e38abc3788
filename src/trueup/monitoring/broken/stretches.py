"""The distributions of a reference's parts, and how far others are from the nearest of them."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.broken.bounds import together
from trueup.monitoring.broken.windows import Pair
from trueup.monitoring.profiles.grids import BINS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVELS = np.linspace(0.025, 0.975, 39)
_STRETCHES = 128  # of the reference, at most
_LEAST_STRETCH = 200  # rows


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
        found: Floats = np.maximum(least - LEVELS, LEVELS - most).max(axis=1)
        return np.maximum(found, 0.0)

    def middle(self) -> "Floats":
        """Return the median of each stretch."""
        return np.array([np.interp(0.5, one[1:-1], self.edges) for one in self.below])

    def apart(self) -> float:
        """Return how far a stretch is from the nearest other, at most."""
        found = []
        for k, one in enumerate(self.below):
            others = self.distances(_quantiles(self.edges, one[1:-1]))
            others[k] = np.inf
            found.append(float(others.min()))
        return max((one for one in found if np.isfinite(one)), default=0.0)


def stretches(pair: Pair, rows: int) -> Stretches | None:
    """Return the reference's distributions, of stretches as long as a window of so many rows.

    None where it has too few rows or values.
    """
    edges, counts = pair.before.edges, pair.before.counts
    if edges is None or len(edges) < 3 or counts.sum() < 2 * _LEAST_STRETCH:
        return None
    joined = _joined(counts, rows)
    below = np.zeros((len(joined), joined.shape[1] + 1))
    below[:, 1:] = np.cumsum(joined, axis=1) / joined.sum(axis=1, keepdims=True)
    pooled = counts.sum(axis=0)
    heavy = pooled >= 2 / BINS * pooled.sum()
    heavy[[0, -1]] = False
    return Stretches(edges, below, heavy)


def _joined(counts: "NDArray[np.int64]", window_rows: int) -> "NDArray[np.int64]":
    """Return blocks put together until each has enough rows, and there are not too many."""
    rows = counts.sum(axis=1)
    most = min(_STRETCHES, max(1, int(rows.sum()) // _LEAST_STRETCH))
    starts = together(rows, window_rows, most)
    found: NDArray[np.int64] = np.add.reduceat(counts, starts, axis=0)
    sizes = found.sum(axis=1)
    enough: NDArray[np.int64] = found[sizes >= np.median(sizes) / 2]
    return enough


def _quantiles(edges: "Floats", below: "Floats") -> "Floats":
    """Return the quantiles of one stretch, of which each lies at a bound of its cells."""
    cell = np.searchsorted(below, LEVELS, side="right") - 1
    found: Floats = edges[np.clip(cell, 0, len(edges) - 1)]
    return found
