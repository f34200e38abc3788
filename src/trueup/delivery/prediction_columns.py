"""Which columns of a table are its predictions, by the names that the field uses."""

from typing import TYPE_CHECKING, Any

from trueup.delivery.label_columns import (
    having,
    holds_names,
    is_list,
    matrix_in,
    names_in,
    side_by_side,
    suffixed,
)
from trueup.delivery.tables import listed
from trueup.delivery.truths import Truth, codes, numbers, plain
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

SCORES = ("score", "probability", "proba", "y_score", "y_prob", "y_proba")
_SPELLINGS = 8  # of two classes: true, True, 1 ...
VALUES = ("prediction", "predicted", "y_pred", "yhat", "y_hat", "forecast")


def predicted(task: str, frame: "pl.DataFrame", truth: Truth, shown_as: str) -> Any:
    """Return the predictions of each row as the gate takes them; WrongUsage unless just one fits.

    A score goes before a label, as it says more. NaN where there is none. Of classes and labels a
    matrix, in the order of the truth's, those that it lacks after them.
    """
    from trueup.gate.arrays import np

    there = frame.select(name for name in frame.columns if name not in truth.columns)
    if task == "binary":
        return _binary(there, truth, shown_as)
    if task in ("multiclass", "multilabel"):
        wide = _matrix(there, truth, SCORES, shown_as)
        if wide is not None:
            return wide
        if task == "multiclass" and len(truth.classes) == 2 and set(SCORES) & set(there.columns):
            second = numbers(there[_only(there.columns, (SCORES,), shown_as)], shown_as)
            return np.column_stack([1 - second, second])  # models answer two classes so
        return (_class if task == "multiclass" else _labels)(there, truth, shown_as)
    orders = (SCORES, VALUES) if task == "ranking" else (VALUES, SCORES)
    return numbers(there[_only(there.columns, orders, shown_as)], shown_as)


def _binary(frame: "pl.DataFrame", truth: Truth, shown_as: str) -> Any:
    positive = [
        name
        for stem in SCORES
        for label, name in suffixed(frame.columns, stem).items()
        if label == truth.classes[1]
    ]
    scores = (*SCORES, *positive)
    name = _only(frame.columns, (scores, VALUES), shown_as)
    values = frame[name]
    if name in scores:
        return numbers(values, shown_as)
    distinct = plain(values).drop_nulls().unique()
    if len(distinct) <= _SPELLINGS:
        places = codes(distinct, truth.classes)
        if not _any_nan(places):
            return codes(values, truth.classes)
    if values.dtype.is_numeric():
        return numbers(values, shown_as)
    raise WrongUsage(
        f"{name!r} holds other values than the truth's {listed(truth.classes)}",
        remedy="Predict the truth's own values, or better the probability of the second of them.",
        place=shown_as,
    )


def _any_nan(values: Any) -> bool:
    return bool((values != values).any())


def _matrix(
    frame: "pl.DataFrame", truth: Truth, stems: tuple[str, ...], shown_as: str
) -> Any | None:
    """Return a column a class, or a column of lists; None where there is neither."""
    found: dict[str, dict[str, str]] = {}
    for stem in stems:
        columns = suffixed(frame.columns, stem)
        if len(columns) > 1 or (columns and set(columns) & set(truth.classes)):
            found[f"{stem}_CLASS"] = columns
        elif stem in frame.columns and is_list(frame[stem]):
            found[stem] = {}
    if len(found) > 1:
        raise _several(list(found), frame.columns, shown_as)
    for name, columns in found.items():
        if not columns:
            return matrix_in(frame[name], len(truth.classes), shown_as)
        return side_by_side(frame, _in_order(columns, truth, shown_as), shown_as)
    return None


def _in_order(columns: dict[str, str], truth: Truth, shown_as: str) -> tuple[str, ...]:
    """Return the columns in the order of the truth's classes, then those that it lacks."""
    lacking = [name for name in truth.classes if name not in columns]
    numbered = [str(at) for at in range(len(truth.classes))]
    if lacking and sorted(columns) == sorted(numbered) and not any(map(_whole, truth.classes)):
        return tuple(columns[at] for at in numbered)  # the places of the sorted classes
    if lacking:
        raise WrongUsage(
            f"there are predictions for {listed(sorted(columns))}, and none for {listed(lacking)}",
            remedy="Give each class of the truth a column, of zeros where the model lacks it.",
            place=shown_as,
        )
    further = sorted(set(columns) - set(truth.classes)) if not _closed(truth) else []
    return tuple(columns[name] for name in (*truth.classes, *further))


def _whole(name: str) -> bool:
    return name.isdigit()


def _closed(truth: Truth) -> bool:
    """Say whether labels beyond the truth's have no truth: each of its labels is a column."""
    return truth.coded.ndim > 1 and not truth.open


def _class(frame: "pl.DataFrame", truth: Truth, shown_as: str) -> Any:
    """Return the places of predicted classes; one that the truth lacks comes after all."""
    name = _only(frame.columns, (VALUES,), shown_as)
    return codes(frame[name], truth.classes, other=float(len(truth.classes)))


def _labels(frame: "pl.DataFrame", truth: Truth, shown_as: str) -> Any:
    lists = [name for name in VALUES if name in frame.columns and holds_names(frame[name])]
    if not lists:
        wide = _matrix(frame, truth, VALUES, shown_as)
        if wide is not None:
            return wide
    values = frame[_only(frame.columns, (tuple(lists) or VALUES,), shown_as)]
    if not lists:
        return matrix_in(values, len(truth.classes), shown_as)
    further = set() if _closed(truth) else set(names_in(values)) - set(truth.classes)
    return having(values, (*truth.classes, *sorted(further)))


def _only(there: list[str], orders: tuple[tuple[str, ...], ...], shown_as: str) -> str:
    for names in orders:
        found = [name for name in dict.fromkeys(names) if name in there]
        if len(found) == 1:
            return found[0]
        if found:
            raise _several(found, there, shown_as)
    raise WrongUsage(
        "no column is known by name as the prediction",
        remedy=f"Name it {orders[0][0]!r}. The file has: {listed(there)}",
        place=shown_as,
    )


def _several(found: list[str], there: list[str], shown_as: str) -> WrongUsage:
    return WrongUsage(
        f"several columns may be the prediction: {', '.join(found)}",
        remedy=f"Keep one of them. The file has: {listed(there)}",
        place=shown_as,
    )
