"""The area under the ROC curve by placements (DeLong, DeLong and Clarke-Pearson 1988)."""

from collections.abc import Callable
from typing import NamedTuple

from trueup.gate.arrays import Floats, Truths, Whole, np


class Placements(NamedTuple):
    """The area, and what each row of either class adds to it: the class's mean is the area."""

    area: float
    positives: Floats  # for each positive, the share of negatives below it, ties half
    negatives: Floats  # for each negative, the share of positives above it, ties half


def placements(truth: Truths, score: Floats) -> Placements:
    """Return the area and the placements, by one sort: O(n log n), ties count half."""
    order = np.argsort(score, kind="stable")
    positive, at = truth[order], score[order]
    starts = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])  # of rows that tie
    lengths = np.diff(np.r_[starts, len(at)])
    hits = np.add.reduceat(positive, starts, dtype=np.int64)
    misses = lengths - hits
    m, n = int(hits.sum()), int(misses.sum())
    below = (np.cumsum(misses) - misses / 2) / max(n, 1)  # of a positive there: negatives below it
    above = 1 - (np.cumsum(hits) - hits / 2) / max(m, 1)
    placed = np.empty(len(at))
    placed[order] = np.where(positive, np.repeat(below, lengths), np.repeat(above, lengths))
    positives: Floats = placed[truth]
    return Placements(float(positives.mean()), positives, placed[~truth])


def influence(truth: Truths, score: Floats) -> tuple[float, Floats]:
    """Return the area and, for each row, by how much it moves it; the influences sum to zero.

    Summed within blocks they give the variance for rows that depend on each other (Obuchowski
    1997); the sum of their squares is DeLong's variance but for m - 1 in place of m.
    """
    area, above, below = placements(truth, score)
    moved = np.empty(len(truth))
    moved[truth] = (above - area) / len(above)
    moved[~truth] = (below - area) / len(below)
    return area, moved


def delong_variance(truth: Truths, moved: Floats) -> float:
    """Return DeLong's variance of an area, or of a difference of two, from the influences."""
    m, n = int(truth.sum()), int((~truth).sum())
    of_positives = float((moved[truth] ** 2).sum()) * m / (m - 1)
    return of_positives + float((moved[~truth] ** 2).sum()) * n / (n - 1)


def newcombe(area: float, events: int, others: int, z: float) -> tuple[float, float]:
    """Return the areas that lie z of their own standard errors below and above the one measured.

    Newcombe's fifth method (2006), with the error of Hanley and McNeil (1982) at the bound itself:
    a few events that happen to lie together make the error at the estimate look small.

    >>> [round(bound, 3) for bound in newcombe(0.95, 10, 200, 1.645)]
    [0.845, 0.984]
    """

    def off(at: float) -> float:
        one, two = at / (2 - at) - at**2, 2 * at**2 / (1 + at) - at**2
        spread = at * (1 - at) + ((events + others) / 2 - 1) * (one + two)
        return (area - at) ** 2 - z * z * spread / (events * others)

    return _root(off, 0.0, area), _root(off, 1.0, area)


def _root(off: Callable[[float], float], outside: float, inside: float) -> float:
    """Return where a function that is positive outside and not inside passes zero."""
    while abs(outside - inside) > 1e-12:
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if off(middle) > 0 else (outside, middle)
    return (outside + inside) / 2


def left_out(truth: Truths, score: Floats, blocks: Whole, count: int) -> Floats:
    """Return the area with each block left out; nan where a class is then missing.

    Pairs within a block are counted apart, so that this costs two sorts whatever the count.
    """
    area, above, below = placements(truth, score)
    m, n = len(above), len(below)
    of_positives = np.bincount(blocks[truth], above * n, minlength=count)
    of_negatives = np.bincount(blocks[~truth], below * m, minlength=count)
    kept = area * m * n - of_positives - of_negatives + _within(truth, score, blocks, count)
    positives = m - np.bincount(blocks[truth], minlength=count)
    negatives = n - np.bincount(blocks[~truth], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        areas: Floats = kept / (positives * negatives)
    return np.where((positives > 0) & (negatives > 0), areas, np.nan)


def _within(truth: Truths, score: Floats, blocks: Whole, count: int) -> Floats:
    """Return, for each block, how many of its pairs are in the right order, ties half."""
    order = np.lexsort((score, blocks))
    block, at, positive = blocks[order], score[order], truth[order]
    negatives = np.r_[0, np.cumsum(~positive)]
    first = np.r_[True, (np.diff(block) != 0) | (np.diff(at) != 0)]  # of rows that tie
    starts = np.flatnonzero(first)
    ends = np.r_[starts[1:], len(order)]
    tie = np.cumsum(first) - 1
    opening = np.searchsorted(block, np.arange(count))  # where each block begins
    below = negatives[starts][tie] - negatives[opening[block]]
    tied = (negatives[ends] - negatives[starts])[tie]
    return np.bincount(block, (below + tied / 2) * positive, minlength=count).astype(np.float64)
