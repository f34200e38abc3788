"""What a window is expected to hold, from the reference's other windows and its conditions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.calibration.records import Pace
    from trueup.monitoring.cells import Cells

    Floats = NDArray[np.float64]

_RIDGE = 0.5  # windows of nothing but the mean, which each condition is given beside its own


def windowed(
    cells: "Cells", pace: "Pace", some: "NDArray[np.int64] | None" = None
) -> "tuple[Floats, Floats]":
    """Return counts and nulls of the windows that a reference's blocks hold, in their order.

    All of them, unless the numbers of some are given.
    """
    starts = np.arange(0, cells.blocks - pace.window + 1, pace.every)
    starts = starts if some is None else starts[some]
    counts = _summed(cells.counts, starts, pace.window)
    return counts, _summed(cells.missing[:, None], starts, pace.window)[:, 0]


def weighed(rows: "Floats") -> "Floats":
    """Return what each window weighs: one of fewer rows than usual less, of more not more."""
    usual = float(np.median(rows[rows > 0])) if (rows > 0).any() else 1.0
    found: Floats = np.minimum(rows / usual, 1.0)
    return found


def _summed(values: "NDArray[np.int64]", starts: "NDArray[np.int64]", length: int) -> "Floats":
    if length == 1:
        return values[starts].astype(np.float64)
    if len(starts) * length < 2 * len(values):  # hardly any block is added twice
        return np.array([values[at : at + length].sum(axis=0) for at in starts], dtype=np.float64)
    first = np.zeros((1, values.shape[1]), np.int64)
    sums = np.concatenate([first, np.cumsum(values, axis=0, dtype=np.int64)])
    found: Floats = (sums[starts + length] - sums[starts]).astype(np.float64)
    return found


class Conditions(msgspec.Struct, frozen=True):
    """What a window's shares may depend on: its phase, and the shares of context columns.

    The first column is 1; the others are less their mean in ``centres``. Shares within a window
    are a mixture over the values of its context, so that they are linear in the context's shares.
    """

    values: "Floats"  # windows by conditions
    centres: "Floats"


def conditions(
    count: int, phases: Sequence[str], context: "Sequence[tuple[str, Floats]]"
) -> Conditions:
    """Return the conditions of a reference's windows; context columns come with their shares."""
    columns: list[Floats] = []
    for phase in sorted(set(phases)) if phases else ():
        columns.append(np.array([each == phase for each in phases], dtype=np.float64))
    for _, shares in context:
        columns += list(shares.T)
    values = np.array(columns).reshape(len(columns), count).T
    return conditioned(values, values.mean(axis=0))


def conditioned(values: "Floats", centres: "Floats") -> Conditions:
    """Return conditions of windows from what they are and from what is usual."""
    ones = np.ones((len(values), 1))
    return Conditions(np.concatenate([ones, values - centres], axis=1), centres)


class Fitting(msgspec.Struct, frozen=True):
    """Ridge regression of what windows hold on conditions, from which some can be left out."""

    values: "Floats"  # windows by whatever is fitted
    known: Conditions
    heavy: "Floats"
    squares: "Floats"
    products: "Floats"

    def fit(self, without: slice | None = None) -> "Floats":
        """Return how values depend on conditions, (conditions, values)."""
        squares, products = self.squares, self.products
        if without is not None:
            some = self.heavy[without].T
            squares = np.subtract(squares, some @ self.known.values[without])
            products = np.subtract(products, some @ self.values[without])
        usual = squares.diagonal()[1:].mean() / len(self.heavy) if len(squares) > 1 else 0.0
        ridge = np.full(len(squares), _RIDGE * usual)
        ridge[0] = 1e-9
        return np.asarray(np.linalg.solve(squares + np.diag(ridge), products), dtype=np.float64)


def fitting(values: "Floats", weights: "Floats", known: Conditions) -> Fitting:
    """Return the regression of all windows."""
    heavy = known.values * weights[:, None]
    return Fitting(values, known, heavy, heavy.T @ known.values, heavy.T @ values)


def expected_shares(known: "Floats", fit: "Floats") -> "Floats":
    """Return the expected shares of cells and, last, of nulls: windows by cells."""
    shares = np.maximum(known @ fit, 0.0)
    shares[:, :-1] /= np.maximum(shares[:, :-1].sum(axis=1, keepdims=True), 1e-300)
    np.minimum(shares[:, -1], 1.0, out=shares[:, -1])
    found: Floats = shares
    return found
