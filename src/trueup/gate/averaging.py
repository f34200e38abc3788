"""Precision, recall and F1 averaged over classes or labels."""

from collections.abc import Callable, Sequence

from trueup.gate.arrays import Floats, np
from trueup.gate.metrics import Labels, Metric, Tally, ratio, zero_ratio

AVERAGED = ("precision_", "recall_", "f1_")


def averaged(name: str, task: str) -> Metric:
    """Return ``f1_macro`` and the like; classes that neither occur nor are predicted are left out.

    scikit-learn counts classes by those that occur in truth or prediction, which is the same.
    """
    stem, _, average = name.partition("_")
    tallies = _of_classes if task == "multiclass" else _of_labels
    return Metric(name, True, tallies, _value(stem, average, every=task == "multilabel"))


def _of_classes(rows: Labels) -> Sequence[Tally]:
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
        third = sums.shape[-1] // 3
        right, given, had = sums[..., :third], sums[..., third : 2 * third], sums[..., 2 * third :]
        if average == "micro":
            return _score(stem, right.sum(axis=-1), given.sum(axis=-1), had.sum(axis=-1))
        each = _score(stem, right, given, had)
        there = np.ones_like(had) if every else ((had + given) > 0).astype(np.float64)
        weights = had if average == "weighted" else there
        return ratio((each * weights).sum(axis=-1), weights.sum(axis=-1))

    return value


def _score(stem: str, right: Floats, given: Floats, had: Floats) -> Floats:
    if stem == "precision":
        return zero_ratio(right, given)
    return zero_ratio(right, had) if stem == "recall" else zero_ratio(2 * right, given + had)
