"""Precision, recall and F1 averaged over classes or labels."""

from collections.abc import Callable, Sequence

from trueup.gate.arrays import Floats, np
from trueup.gate.metrics import Labels, Metric, Tally, additive, mean_of, ratio, zero_ratio

_STEMS = ("precision_", "recall_", "f1_")
_ENDS = ("_macro", "_micro", "_weighted", "_samples")


def is_average(name: str) -> bool:
    """Say whether this is ``f1_macro`` or the like."""
    return name.startswith(_STEMS) and name.endswith(_ENDS)


def averaged(name: str, task: str) -> Metric:
    """Return ``f1_macro`` and the like; classes that neither occur nor are predicted are left out.

    scikit-learn counts classes by those that occur in truth or prediction, which is the same.
    """
    stem, _, average = name.partition("_")
    if average == "samples":
        return Metric(name, True, additive(_of_each_row(stem)), mean_of)
    tallies = {"binary": _of_two, "multiclass": of_classes}.get(task, _of_labels)
    return Metric(name, True, tallies, _value(stem, average, every=task == "multilabel"))


def correlation(sums: Floats) -> Floats:
    """Return Matthews' coefficient of any number of classes (Gorodkin 2004)."""
    right, given, had = _thirds(sums)
    rows = had.sum(axis=-1)
    together = right.sum(axis=-1) * rows - (given * had).sum(axis=-1)
    spread = (rows**2 - (given**2).sum(axis=-1)) * (rows**2 - (had**2).sum(axis=-1))
    return zero_ratio(together, np.sqrt(spread))


def _of_two(rows: Labels) -> Sequence[Tally]:
    given = (rows.predicted >= 0.5).astype(np.int64)
    return of_classes(Labels(rows.truth.astype(np.int64), given, 2))


def _of_each_row(stem: str) -> Callable[[Labels], Floats]:
    """Return the score of a row's labels, where a row without any scores zero."""

    def score(rows: Labels) -> Floats:
        given = rows.predicted >= 0.5
        counts = ((given & rows.truth), given, rows.truth)
        return _score(stem, *(each.sum(axis=1).astype(np.float64) for each in counts))

    return score


def of_classes(rows: Labels) -> Sequence[Tally]:
    """Tally, for each class, rows rightly given it, rows given it, rows that have it."""
    given = rows.predicted if rows.predicted.ndim == 1 else rows.predicted.argmax(axis=1)
    given = given.astype(np.int64)
    right = (given == rows.truth).astype(np.float64)
    width = rows.classes + 1  # the last place is that of labels which no row has
    return (
        Tally(right, rows.truth, width),
        Tally(None, np.minimum(given, rows.classes), width),
        Tally(None, rows.truth, width),
    )


def _of_labels(rows: Labels) -> Sequence[Tally]:
    given = rows.predicted >= 0.5
    counts = (given & rows.truth, given, rows.truth)
    return [
        Tally(column.astype(np.float64)) for count in counts for column in np.moveaxis(count, 1, 0)
    ]


def _value(stem: str, average: str, *, every: bool) -> Callable[[Floats], Floats]:
    def value(sums: Floats) -> Floats:
        right, given, had = _thirds(sums)
        if average == "micro":
            return _score(stem, right.sum(axis=-1), given.sum(axis=-1), had.sum(axis=-1))
        each = _score(stem, right, given, had)
        there = np.ones_like(had) if every else ((had + given) > 0).astype(np.float64)
        weights = had if average == "weighted" else there
        return ratio((each * weights).sum(axis=-1), weights.sum(axis=-1))

    return value


def _thirds(sums: Floats) -> tuple[Floats, Floats, Floats]:
    third = sums.shape[-1] // 3
    return sums[..., :third], sums[..., third : 2 * third], sums[..., 2 * third :]


def _score(stem: str, right: Floats, given: Floats, had: Floats) -> Floats:
    if stem == "precision":
        return zero_ratio(right, given)
    return zero_ratio(right, had) if stem == "recall" else zero_ratio(2 * right, given + had)
