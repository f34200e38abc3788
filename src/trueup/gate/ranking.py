"""Metrics of rankings: one value for each query, and the mean over queries."""

from collections.abc import Callable
from dataclasses import dataclass

from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.metrics import Labels, Metric, additive, mean_of


def make(name: str) -> Metric:
    """Return a metric whose rows are one a query; the value of the query is the prediction."""
    return Metric(name, True, additive(_ready), mean_of)


def _ready(rows: Labels) -> Floats:
    ready: Floats = rows.predicted
    return ready


def per_query(name: str, depth: int | None) -> Callable[[Floats, Floats, Whole], Floats]:
    """Return the function from relevance, score and query number to one value a query.

    Rows of equal score are taken in every order alike: a file that lists the relevant ones first
    gains nothing by it. A query without a relevant row has no value: nan.
    """
    gain = _discounted if name == "ndcg" else _average_precision

    def values(relevance: Floats, score: Floats, query: Whole) -> Floats:
        found = gain(relevance, _ranked(score, query), depth)
        if name != "ndcg":
            return found
        best = gain(relevance, _ranked(relevance, query), depth)
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Floats = np.where(best > 0, found / best, np.nan)
        return share

    return values


@dataclass(frozen=True)
class _Ranking:
    """Rows in the order of query and score, the highest first; ``tie`` numbers equal scores."""

    order: Whole
    query: Whole  # by rank, as all below
    first: Whole  # the rank of the query's first row
    place: Whole  # within the query, from 0
    tie: Whole
    within: Whole  # within the tie, from 0
    size: Whole  # of the tie


def _ranked(score: Floats, query: Whole) -> _Ranking:
    order = np.lexsort((-score, query))
    of, given = query[order], score[order]
    ranks = np.arange(len(order))
    begins = np.r_[True, np.diff(of) != 0]
    ties = begins | np.r_[True, np.diff(given) != 0]
    first = np.maximum.accumulate(np.where(begins, ranks, 0))
    tied = np.maximum.accumulate(np.where(ties, ranks, 0))
    tie = np.cumsum(ties) - 1
    return _Ranking(
        order, of, first, ranks - first, tie, ranks - tied, np.bincount(tie)[tie].astype(np.int64)
    )


def _discounted(relevance: Floats, ranking: _Ranking, depth: int | None) -> Floats:
    """Return each query's gain, equal scores sharing their discounts, as scikit-learn has it."""
    discounts = 1 / np.log2(ranking.place + 2.0)
    if depth is not None:
        discounts = np.where(ranking.place < depth, discounts, 0.0)
    shared = np.bincount(ranking.tie, discounts)[ranking.tie] / ranking.size
    gains = relevance[ranking.order] * shared
    return np.bincount(ranking.query, gains).astype(np.float64)


def _average_precision(relevance: Floats, ranking: _Ranking, depth: int | None) -> Floats:
    """Return each query's average precision, the mean over all orders of equal scores.

    Computed at once from the relevant rows before and within each tie (McSherry and Najork 2008).
    """
    relevant = relevance[ranking.order] > 0
    passed = np.r_[0, np.cumsum(relevant)]
    tied_first = np.arange(len(relevant)) - ranking.within
    before = passed[tied_first] - passed[ranking.first]
    mine = np.bincount(ranking.tie, relevant)[ranking.tie]
    others = (mine - 1) / np.maximum(ranking.size - 1, 1)  # relevant, of those tied before it
    counts = mine / ranking.size * (before + ranking.within * others + 1) / (ranking.place + 1.0)
    if depth is not None:
        counts = np.where(ranking.place < depth, counts, 0.0)
    total = np.bincount(ranking.query, relevant)
    possible = total if depth is None else np.minimum(total, depth)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = np.bincount(ranking.query, counts) / possible
    return np.where(total > 0, mean, np.nan)
