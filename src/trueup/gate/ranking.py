"""Metrics of rankings: one value for each query, and the mean over queries."""

from collections.abc import Callable

from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.metrics import Labels, Metric, additive, mean_of

NAMES: dict[str, tuple[str, ...]] = {"ranking": ("ndcg", "mean_average_precision")}


def make(name: str, depth: float | None) -> Metric:
    """Return a metric of the ``depth`` best of each query (all of them if not given).

    Rows are one a query; the value of the query is the prediction.
    """
    return Metric(name, True, additive(_ready), mean_of)


def _ready(rows: Labels) -> Floats:
    ready: Floats = rows.predicted
    return ready


def per_query(name: str, depth: int | None) -> Callable[[Floats, Floats, Whole], Floats]:
    """Return the function from relevance, score and query number to one value a query.

    A query without a relevant row has no value: nan.
    """
    gain = _discounted if name == "ndcg" else _average_precision

    def values(relevance: Floats, score: Floats, query: Whole) -> Floats:
        found = gain(relevance, _places(score, query), query, depth)
        if name != "ndcg":
            return found
        best = gain(relevance, _places(relevance, query), query, depth)
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Floats = np.where(best > 0, found / best, np.nan)
        return share

    return values


def _places(score: Floats, query: Whole) -> Whole:
    """Return each row's place within its query, the highest score first; ties in given order."""
    order = np.lexsort((-score, query))
    starts = np.r_[0, np.flatnonzero(np.diff(query[order])) + 1]
    lengths = np.diff(np.r_[starts, len(query)])
    places = np.empty(len(query), dtype=np.int64)
    places[order] = np.arange(len(query)) - np.repeat(starts, lengths)
    return places


def _discounted(relevance: Floats, place: Whole, query: Whole, depth: int | None) -> Floats:
    gains = relevance / np.log2(place + 2.0)
    if depth is not None:
        gains = np.where(place < depth, gains, 0.0)
    return np.bincount(query, gains).astype(np.float64)


def _average_precision(relevance: Floats, place: Whole, query: Whole, depth: int | None) -> Floats:
    relevant = relevance > 0
    order = np.lexsort((place, query))
    hits = np.cumsum(relevant[order])
    starts = np.r_[0, np.flatnonzero(np.diff(query[order])) + 1]
    lengths = np.diff(np.r_[starts, len(query)])
    before = np.repeat(np.r_[0, hits][starts], lengths)
    counts = np.where(relevant[order], (hits - before) / (place[order] + 1.0), 0.0)
    if depth is not None:
        counts = np.where(place[order] < depth, counts, 0.0)
    total = np.bincount(query, relevant.astype(np.float64))
    possible = total if depth is None else np.minimum(total, depth)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = np.bincount(query[order], counts) / possible
    return np.where(total > 0, mean, np.nan)
