"""What single columns cannot show: how columns go together, as scores that are calibrated too.

Reconstruction errors are a number a row, so that they are counted and watched like any column. A
domain classifier is fitted to each window anew; its scores go through ``calibrate_scores``.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.errors import WrongUsage
from trueup.gate.distributions import normal_cdf, normal_quantile
from trueup.monitoring.cells import Cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_ROWS = 200  # of a reference, to fit anything to
_KNOTS = 201
_KEPT_VARIANCE = 0.8  # of the principal components; the rest is what is reconstructed badly
_CELLS = 32
_RIDGE = 0.01
_SEED = 20270304


class Whitened(msgspec.Struct, frozen=True):
    """Columns by their ranks in the reference, as normal scores; nulls are in the middle."""

    knots: "Floats"  # (knots, columns), quantiles of the reference

    def applied(self, rows: "Floats") -> "Floats":
        """Return normal scores, rows by columns."""
        found = np.zeros(rows.shape)
        for at in range(rows.shape[1]):
            there = ~np.isnan(rows[:, at])
            values, knots = rows[there, at], self.knots[:, at]
            middle = np.searchsorted(knots, values) + np.searchsorted(knots, values, "right")
            found[there, at] = _SCORES[np.clip(middle, 0, 2 * _KNOTS)]
        return found


def _normal_scores() -> "Floats":
    steps = (np.arange(2 * _KNOTS + 1) + 0.5) / (2 * _KNOTS + 1)
    return np.array([normal_quantile(float(each)) for each in steps])


_SCORES = _normal_scores()


class Reconstruction(msgspec.Struct, frozen=True):
    """Principal components of a reference's rows, and the grid of the errors beside them."""

    whitened: Whitened
    centre: "Floats"
    components: "Floats"  # columns by components
    edges: "Floats"

    def errors(self, rows: "Floats") -> "Floats":
        """Return each row's squared distance from what the components can tell of it."""
        off = self.whitened.applied(rows) - self.centre
        found: Floats = (off**2).sum(axis=1) - ((off @ self.components) ** 2).sum(axis=1)
        return found

    def cells(self, rows: "Floats", blocks: "NDArray[np.int64]", many: int) -> Cells:
        """Return the errors counted by blocks, a column as any other; ``blocks`` is each row's."""
        place = np.searchsorted(self.edges, self.errors(rows), side="right")
        wide = len(self.edges) + 1
        counts = np.bincount(blocks * wide + place, minlength=many * wide).reshape(many, wide)
        return Cells(
            name="reconstruction error",
            counts=counts,
            missing=np.zeros(many, dtype=np.int64),
            edges=self.edges,
            role="joint",
        )


def reconstruction(rows: "Floats") -> Reconstruction:
    """Fit principal components to a reference's rows: numbers, NaN for nulls.

    Components that explain four fifths are kept; at least one is left out, or errors were none.
    """
    whitened = _whitened(rows)
    scores = whitened.applied(rows)
    centre = scores.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(scores - centre, rowvar=False))
    explained = np.cumsum(variances[::-1]) / max(float(variances.sum()), 1e-12)
    many = min(int(np.searchsorted(explained, _KEPT_VARIANCE)) + 1, rows.shape[1] - 1)
    fitted = Reconstruction(whitened, centre, vectors[:, ::-1][:, :many], np.zeros(0))
    shares = np.arange(1, _CELLS) / _CELLS
    edges = np.unique(np.quantile(fitted.errors(rows), shares))
    return msgspec.structs.replace(fitted, edges=edges)


def _whitened(rows: "Floats") -> Whitened:
    if rows.ndim != 2 or rows.shape[1] < 2 or len(rows) < LEAST_ROWS:
        raise WrongUsage(
            f"rows of shape {rows.shape} say nothing of how columns go together",
            remedy=f"Give at least {LEAST_ROWS} rows of two or more columns of numbers.",
        )
    shares = np.linspace(0, 1, _KNOTS)
    knots = [
        np.nanquantile(each, shares) if np.isfinite(each).any() else np.zeros(_KNOTS)
        for each in rows.T
    ]
    return Whitened(np.stack(knots, axis=1))


class Classifier(msgspec.Struct, frozen=True):
    """A domain classifier by least squares, on normal scores and products of pairs of them.

    Least squares of which side a row is on is Fisher's discriminant, so that means and one
    covariance are all that it needs: it is fitted to a window in microseconds.
    """

    whitened: Whitened
    pairs: "NDArray[np.int64]"  # (2, features), -1 for no second column
    whitening: "Floats"  # the inverse root of the features' covariance within blocks

    def features(self, rows: "Floats") -> "Floats":
        """Return each row's features, white within blocks of the reference."""
        scores = self.whitened.applied(rows)
        products = scores[:, self.pairs[0]] * np.where(
            self.pairs[1] >= 0, scores[:, self.pairs[1]], 1.0
        )
        found: Floats = products @ self.whitening
        return found


class Told(msgspec.Struct, frozen=True):
    """How well a classifier tells a window from its reference."""

    score: float  # to be calibrated
    auc: float  # less what chance adds; 0.5 where nothing can be told


def classifier(rows: "Floats", blocks: "NDArray[np.int64]", most: int = 128) -> Classifier:
    """Return a classifier for windows against these rows, whose blocks are given.

    All columns, and as many pairs of them as there is room for, drawn once and for all.
    """
    whitened = _whitened(rows)
    wide = rows.shape[1]
    one, other = np.triu_indices(wide, 1)
    rng = np.random.default_rng(_SEED)
    chosen = np.sort(rng.permutation(len(one))[: max(most - wide, 1)])
    alone = np.stack([np.arange(wide), np.full(wide, -1)])
    pairs = np.concatenate([alone, np.stack([one[chosen], other[chosen]])], axis=1)
    plain = Classifier(whitened, pairs, np.eye(pairs.shape[1]))
    features = plain.features(rows)
    _, codes = np.unique(blocks, return_inverse=True)
    means = np.stack([np.bincount(codes, each) for each in features.T], axis=1)
    within = features - (means / np.bincount(codes)[:, None])[codes]
    variances, vectors = np.linalg.eigh(np.cov(within, rowvar=False))
    least = _RIDGE * max(float(variances.mean()), 1e-12)
    return msgspec.structs.replace(plain, whitening=vectors / np.sqrt(np.maximum(variances, least)))


def told(features: "Floats", others: "Floats") -> Told:
    """Return how well least squares tells features of a window from those of other rows."""
    off = features.mean(axis=0) - others.mean(axis=0)
    chance = 1 / len(features) + 1 / len(others)
    square = float(off @ off)
    free = len(off)
    apart = max(square - free * chance, 0.0)
    return Told(float(np.cbrt(square / (free * chance))), normal_cdf(math.sqrt(apart / 2)))


def crosswise(features: Sequence["Floats"], apart: int = 1) -> "Floats":
    """Return each window's score against the windows that lie apart from it, (windows, 1).

    Windows should have about as many rows as those that will be checked.
    """
    count = len(features)
    sums = np.stack([each.sum(axis=0) for each in features])
    rows = np.array([len(each) for each in features], dtype=np.float64)
    found = np.zeros((count, 1))
    for at in range(count):
        near = slice(max(at - apart, 0), at + apart + 1)
        left = rows.sum() - rows[near].sum()
        off = sums[at] / rows[at] - (sums.sum(axis=0) - sums[near].sum(axis=0)) / left
        found[at, 0] = np.cbrt(float(off @ off) / (len(off) * (1 / rows[at] + 1 / left)))
    return found
