"""Curves of each model on the rows that are judged: at most 101 points and 20 kB in all."""

from collections.abc import Iterable
from typing import Any

from trueup.gate.arrays import Floats, NDArray, np
from trueup.gate.comparing import Comparison
from trueup.gate.curve_records import BINS, Claim, Confusion, ModelCurves, Ranking, Spread
from trueup.gate.metrics import Labels

DRAWN = ("candidate", "champion")
_CUTS = 50  # among the scores of each class
_THRESHOLDS = 3
_CLASSES = 12  # of a matrix; the rarer are one more
_LETTERS = 24  # of a class's name
_SPREADS = 20


def curves_of(comparison: Comparison, metrics: Iterable[str] = ()) -> dict[str, ModelCurves]:
    """Return each model's curves; metrics name the thresholds (``recall@0.3``), else it is 0.5.

    Ranking and multi-label tasks have none.
    """
    table = comparison.table
    if not len(table):
        return {}
    names = tuple(name[:_LETTERS] for name in table.names)
    found = {}
    for model in DRAWN:
        if model not in table.predicted:
            continue
        rows = table.labels(model)
        if table.task == "binary":
            found[model] = _binary(rows, names, _thresholds(metrics))
        elif table.task == "multiclass":
            found[model] = _multiclass(rows, names)
        elif table.task in ("regression", "forecast"):
            with np.errstate(over="ignore", invalid="ignore"):
                found[model] = ModelCurves(spreads=tuple(_spreads(rows)))
    return found


def _thresholds(metrics: Iterable[str]) -> list[float]:
    named = {_number(name.partition("@")[2]) for name in metrics if "@" in name}
    return sorted(each for each in named if each is not None)[:_THRESHOLDS] or [0.5]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _binary(rows: Labels, names: tuple[str, ...], thresholds: list[float]) -> ModelCurves:
    cells = [
        (at, np.bincount(2 * rows.truth + (rows.predicted >= at), minlength=4)) for at in thresholds
    ]
    return ModelCurves(
        ranking=_ranking(rows),
        calibration=_calibration(rows.predicted, rows.truth),
        confusions=tuple(Confusion(names, _counts(each, 2), at) for at, each in cells),
    )


def _ranking(rows: Labels) -> Ranking | None:
    positive = np.sort(rows.predicted[rows.truth])
    negative = np.sort(rows.predicted[~rows.truth])
    if not len(positive) or not len(negative):
        return None
    cuts = np.unique(np.concatenate([_picked(positive), _picked(negative)]))[::-1]
    hits = len(positive) - np.searchsorted(positive, cuts)
    false_alarms = len(negative) - np.searchsorted(negative, cuts)
    return Ranking(hits=(0, *hits.tolist()), false_alarms=(0, *false_alarms.tolist()))


def _picked(scores: Floats) -> Floats:
    """Return scores at equal steps of rank, the least and the greatest among them."""
    picked: Floats = scores[np.linspace(0, len(scores) - 1, _CUTS).astype(np.int64)]
    return picked


def _calibration(claimed: Floats, came: NDArray[Any]) -> tuple[Claim, ...]:
    if claimed.min() < 0 or claimed.max() > 1:
        return ()  # scores, which claim no probability
    places = np.minimum((claimed * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(places, minlength=BINS)
    claims = np.bincount(places, claimed, minlength=BINS)
    events = np.bincount(places, came, minlength=BINS)
    return tuple(
        Claim(int(count), _short(claim / count), _short(event / count))
        for count, claim, event in zip(rows, claims, events, strict=True)
        if count
    )


def _multiclass(rows: Labels, names: tuple[str, ...]) -> ModelCurves:
    calibration: tuple[Claim, ...] = ()
    decided = rows.predicted
    if decided.ndim == 2:
        decided = rows.predicted.argmax(axis=1)
        calibration = _calibration(rows.predicted.max(axis=1), decided == rows.truth)
    count = rows.classes
    cells = np.bincount(rows.truth * count + decided, minlength=count * count)
    matrix = cells.reshape(count, count)
    if count > _CLASSES + 1:
        matrix, names = _joined(matrix, names)
    return ModelCurves(
        calibration=calibration,
        confusions=(Confusion(names, _counts(matrix, len(names))),),
    )


def _joined(matrix: Any, names: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Return the matrix of the most frequent classes, in their order, and of all others as one."""
    frequent = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:_CLASSES])
    place = np.full(len(matrix), _CLASSES)
    place[frequent] = np.arange(_CLASSES)
    fewer = np.zeros((_CLASSES + 1, _CLASSES + 1), dtype=np.int64)
    np.add.at(fewer, (place[:, None], place[None, :]), matrix)
    return fewer, (*(names[each] for each in frequent), "(others)")


def _counts(cells: Any, width: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in cells.reshape(width, width).tolist())


def _spreads(rows: Labels) -> Iterable[Spread]:
    order = np.argsort(rows.predicted)
    for part in np.array_split(order, min(_SPREADS, len(order))):
        predicted, truth = rows.predicted[part], rows.truth[part]
        deciles = np.quantile(truth - predicted, (0.1, 0.5, 0.9))
        values = [_short(each) for each in (predicted.mean(), truth.mean(), *deciles)]
        if np.isfinite(
            values
        ).all():  # sums of huge numbers may not be, and JSON has no word for it
            yield Spread(len(part), *values)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
