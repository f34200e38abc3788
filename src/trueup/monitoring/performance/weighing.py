"""The gate's metrics over rows that count as often as a weight says.

Inverse propensities are such weights; and so are probabilities: a row whose truth is unknown is
one row of each truth, weighted by how likely it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.metrics import Labels, Metric, Tally, ratio

FINE = 512  # places of a ranking, where the metric is computed again and again


def weighted(metric: Metric, weights: Floats, classes: int = 2) -> Metric:
    """Return a metric of rows with these weights; it fits rows in this order only."""
    sound = as_sums(metric, classes)
    inner, exact = sound.tallies, sound.exact

    def scaled(tallies: Sequence[Tally]) -> list[Tally]:
        return [
            replace(each, weight=weights if each.weight is None else weights * each.weight)
            for each in tallies
        ]

    return replace(
        sound,
        tallies=lambda rows: scaled(inner(rows)),
        exact=None if exact is None else (lambda rows: scaled(exact(rows))),
        shares=None,
        fixed=False,
    )


def as_sums(metric: Metric, classes: int) -> Metric:
    """Return a metric as a function of sums over rows; WrongUsage where it is none."""
    if metric.call is not None:
        raise WrongUsage(
            f"{metric.name} is a function of whole tables, whose rows cannot be weighted",
            remedy="Declare the metric with per: row.",
        )
    if not metric.area:
        return metric
    return replace(
        metric,
        area=False,
        tallies=lambda rows: _rankings(rows, FINE),
        exact=lambda rows: _rankings(rows, max(len(rows.truth), 1)),
        value=_area_of(classes if metric.name != "roc_auc" else 1),
    )


def _rankings(rows: Labels, most: int) -> list[Tally]:
    """Tally rows of a class and all others by place; of several classes, each against the rest."""
    if rows.predicted.ndim == 1:
        return _ranking(rows.truth.astype(np.bool_), rows.predicted, most)
    each = range(rows.classes)
    return [tally for c in each for tally in _ranking(rows.truth == c, rows.predicted[:, c], most)]


def _ranking(truth: Truths, score: Floats, most: int) -> list[Tally]:
    """Tally those that are, then those that are not, at most so many places, lowest first.

    The cuts are quantiles of both, which may all lie at one end.
    """
    places, width = np.unique(score, return_inverse=True)[1].reshape(-1), most
    if len(score) and int(places.max()) >= most:
        shares = np.linspace(0, 1, most // 2 + 1)[1:-1]
        some = [np.quantile(part, shares) for part in (score, score[truth]) if len(part)]
        places = np.searchsorted(np.unique(np.concatenate(some)), score, side="right")
    places = places.astype(np.int64)
    return [Tally(each.astype(np.float64), places, width) for each in (truth, ~truth)]


def _area_of(classes: int) -> Callable[[Floats], Floats]:
    def value(sums: Floats) -> Floats:
        shape = (*sums.shape[:-1], classes, 2, sums.shape[-1] // (2 * classes))
        each = sums.reshape(shape)
        hits, misses = each[..., 0, :], each[..., 1, :]
        below = np.cumsum(misses, axis=-1) - misses / 2
        pairs = hits.sum(axis=-1) * misses.sum(axis=-1)
        areas = ratio((hits * below).sum(axis=-1), pairs)
        there = ~np.isnan(areas)
        return ratio(np.where(there, areas, 0.0).sum(axis=-1), there.sum(axis=-1) * 1.0)

    return value
