"""What must be named before any number is believed: broken predictions, leaks, vanished slices."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.auc import placements
from trueup.gate.rows import Table, numbered
from trueup.gate.verdict import Trap

ALONE = 0.99  # a feature that predicts the target better than this by itself knows too much
_LOOKED_AT = 50_000  # rows, spread evenly, on which features are tried


def traps_of(table: Table, expected: Mapping[str, Sequence[Any]], left_out: int = 0) -> list[Trap]:
    """Return every trap that the rows and predictions hold.

    ``expected``: by slice column, the values that were there before. ``left_out``: rows that are
    not in the table any more, because a model has seen them.
    """
    return [
        *_broken_predictions(table),
        *_broken_rows(table, left_out),
        *_vanished(table, expected),
        *_leaks(table),
    ]


def usable(table: Table) -> Truths:
    """Return which rows have a truth and a finite prediction of every model."""
    kept = _has_truth(table.truth)
    for each in table.predicted.values():
        kept &= _finite(each)
    return kept


def _has_truth(truth: Any) -> Truths:
    if truth.dtype == np.int64:
        return np.asarray(truth >= 0)
    return _finite(truth)


def _finite(column: Any) -> Truths:
    if not np.issubdtype(column.dtype, np.floating):
        return np.ones(len(column), dtype=np.bool_)
    finite: Truths = np.isfinite(column)
    return finite if finite.ndim == 1 else np.asarray(finite.all(axis=1))


def _broken_predictions(table: Table) -> list[Trap]:
    found = []
    word: Literal["fail", "inconclusive"]
    for name, predicted in table.predicted.items():
        word = "fail" if name == "candidate" else "inconclusive"
        missing = int((~_finite(predicted)).sum())
        if missing:
            are = "is" if missing == 1 else "are"
            says = f"{_count(missing, 'prediction')} of the {name} {are} not a number"
            found.append(Trap("nan_predictions", word, says))
        if len(predicted) and (predicted == predicted[0]).all():
            says = f"the {name} predicts the same for all {len(predicted)} rows"
            found.append(Trap("constant_predictions", word, says))
        outside = int(((predicted < 0) | (predicted > 1)).sum())
        if table.task == "multiclass" and predicted.ndim == 2 and outside:
            found.append(Trap("no_probabilities", word, f"the {name}'s are no probabilities"))
    return found


def _broken_rows(table: Table, left_out: int) -> list[Trap]:
    found = []
    if not len(table):
        says = "there is no row to judge"
        if left_out:
            says += f": all {left_out} are left out, as a model was trained on them"
        return [Trap("no_rows", "inconclusive", says)]
    missing = int((~_has_truth(table.truth)).sum())
    if missing:
        says = f"{_count(missing, 'row')} {'has' if missing == 1 else 'have'} no truth"
        found.append(Trap("nan_truth", "inconclusive", says))
    if table.task in ("binary", "multiclass"):
        classes = len(np.unique(table.truth[_has_truth(table.truth)]))
        if classes < 2:
            found.append(Trap("one_class", "inconclusive", "all rows have the same truth"))
    if table.ids is not None:
        twice = len(table.ids) - numbered(table.ids)[1]
        if twice:
            says = (
                f"{_count(twice, 'row')} {'repeats' if twice == 1 else 'repeat'} the id of another"
            )
            found.append(Trap("duplicate_ids", "inconclusive", says))
    return found


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _vanished(table: Table, expected: Mapping[str, Sequence[Any]]) -> list[Trap]:
    found = []
    for column, values in expected.items():
        there = {str(v) for v in np.unique(table.slices[column])} if column in table.slices else ()
        gone = [str(value) for value in values if str(value) not in there]
        if gone:
            listed = ", ".join(gone[:5]) + (" ..." if len(gone) > 5 else "")
            says = f"slices of {column} that were there before have no row now: {listed}"
            found.append(Trap("vanished_slice", "inconclusive", says))
    return found


def _leaks(table: Table) -> list[Trap]:
    if not table.features or len(table) < 20:
        return []
    kept = np.unique(np.linspace(0, len(table) - 1, _LOOKED_AT).astype(np.int64))
    kept = kept[_has_truth(table.truth)[kept]]
    truth = table.truth[kept]
    found = []
    for name, column in table.features.items():
        strength = _strength(column[kept], truth, table.task)
        if strength > ALONE:
            says = f"the feature {name} alone predicts the target ({strength:.4f})"
            found.append(Trap("leaking_feature", "inconclusive", says))
    return found


def _strength(column: Any, truth: Any, task: str) -> float:
    """Return how well one feature predicts the target, 1 at most: ROC area, or R squared."""
    if task == "binary":
        score = _as_score(column, truth.astype(np.float64))
        return _area(truth.astype(np.bool_), score)
    if task == "multiclass":
        areas = [
            _area(truth == c, _as_score(column, (truth == c).astype(np.float64)))
            for c in np.unique(truth)
        ]
        return min(areas)
    if truth.ndim > 1:
        return 0.0
    score = _as_score(column, truth.astype(np.float64))
    there = np.isfinite(score)
    if there.sum() < 20 or score[there].std() == 0 or truth[there].std() == 0:
        return 0.0
    return float(np.corrcoef(score[there], truth[there])[0, 1] ** 2)


def _area(truth: Truths, score: Floats) -> float:
    there = np.isfinite(score)
    kept = truth[there]
    if there.sum() < 20 or kept.all() or not kept.any():
        return 0.0
    area = placements(kept, score[there]).area
    return max(area, 1 - area)


def _as_score(column: Any, target: Floats) -> Floats:
    """Return numbers as they are, and a category's mean target in the other half of the rows.

    A category that the other half lacks scores nan: a column of names leaks nothing by itself.
    """
    if np.issubdtype(column.dtype, np.number) or column.dtype == np.bool_:
        return np.asarray(column, dtype=np.float64)
    codes, count = numbered(column)
    half = np.arange(len(codes)) % 2 == 0
    score = np.empty(len(codes))
    for learnt, scored in ((half, ~half), (~half, half)):
        rows = np.bincount(codes[learnt], minlength=count)
        sums = np.bincount(codes[learnt], target[learnt], minlength=count)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), np.nan)
        score[scored] = means[codes[scored]]
    return score
