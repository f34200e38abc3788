"""How much likelier rows of the reference are in a window: the weights of M-CBPE.

Bialek, Kivimaki, Kuberski and Perrakis (arXiv 2401.08348): scores are calibrated on the reference
as the window is composed, each row weighted by the ratio of the two densities, which a classifier
that tells window from reference has learnt. So a score that means different things for different
inputs is worth in each window what it means there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trueup.gate.arrays import Floats, NDArray, np
from trueup.monitoring.performance.trees import BINS, Settings, coding, learnt

_MOST_ROWS = 10_000  # of either, that the classifier learns from
_HIGHEST = 50.0  # a weight; what is rarer in the reference than that is not supported there
_SETTINGS = Settings(goal="share", trees=60, least=10.0)


@dataclass(frozen=True)
class Balance:
    """How far a column of the reference is from the window's, at most, before and after weighting.

    The largest difference of their shares up to any cell, as of Kolmogorov and Smirnov.
    """

    column: str
    before: float
    after: float


@dataclass(frozen=True)
class Ratio:
    """A weight for each row of the reference, of mean 1, and how many rows they are worth."""

    weights: Floats
    worth: float
    balances: tuple[Balance, ...]


def density_ratio(
    reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]], seed: int
) -> Ratio:
    """Return how much likelier each row of the reference is in the window.

    Every row is weighed by a classifier that has not learnt from it: one fitted on the odd rows
    weighs the even ones, and the other way round.
    """
    rows = [len(next(iter(each.values()))) for each in (reference, window)]
    random = np.random.default_rng([seed, *rows])
    halves = [random.permutation(count) % 2 for count in rows]
    weights = np.empty(rows[0])
    for half in (0, 1):
        some = [
            np.flatnonzero(each == half)[: _MOST_ROWS // 2] if count else np.empty(0, np.int64)
            for each, count in zip(halves, rows, strict=True)
        ]
        columns = {
            name: np.concatenate([reference[name][some[0]], window[name][some[1]]])
            for name in reference
        }
        goal = np.concatenate([np.zeros(len(some[0])), np.ones(len(some[1]))])
        # both count the same as a whole, so that the odds are the ratio of the densities
        even = np.where(goal == 1, 0.5 / len(some[1]), 0.5 / len(some[0])) * len(goal)
        trees = learnt(columns, goal, _SETTINGS, even)
        others = halves[0] != half
        share = trees.at({name: each[others] for name, each in reference.items()})
        weights[others] = share / (1 - share)
    weights = np.minimum(weights, _HIGHEST)
    weights /= weights.mean()
    worth = float(weights.sum() ** 2 / (weights**2).sum())
    return Ratio(weights, worth, tuple(_balances(reference, window, weights)))


def _balances(
    reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]], weights: Floats
) -> Iterator[Balance]:
    coded = coding(reference, np.zeros(len(weights)))
    sides = [coded.cells(each) for each in (reference, window)]
    for column, name in enumerate(coded.names):
        there, here = (each[:, column] for each in sides)
        shares = [
            np.cumsum(np.bincount(cells, heavy, BINS)) / len(cells)
            for cells, heavy in ((there, None), (there, weights), (here, None))
        ]
        before, after = (float(np.abs(each - shares[2]).max()) for each in shares[:2])
        yield Balance(name, before, after)
