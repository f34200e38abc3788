"""The errors of a regression without its labels: DLE, a second model that predicts the loss.

Direct loss estimation, as NannyML describes it: on reference rows a model learns from inputs and
prediction how large the first one's error is; the mean of what it says of a window is the window's
error. Here that model is a small boosting of trees (trees.py); it is tested on stretches of the
reference that it has not learnt from, and where it says other losses than came it is refused.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trueup.gate.arrays import Floats, NDArray, Whole, np
from trueup.gate.metrics import Labels, Metric
from trueup.gate.names import named
from trueup.monitoring.performance.answers import Answers, table_of, whole
from trueup.monitoring.performance.estimating import banded
from trueup.monitoring.performance.past import PastEstimate
from trueup.monitoring.performance.records import Estimated
from trueup.monitoring.performance.supporting import (
    LEAST_WINDOW,
    beyond,
    unfit_reference,
)
from trueup.monitoring.performance.trees import Settings, Trees, learnt

_FOLDS = 3  # stretches, each left out once
_MOST_ROWS = 100_000  # that a model learns from
_CELLS = 10  # of the expected loss, each with its own scatter
_WORST_GAP = 0.25  # between losses said and come, as a share of the mean loss
_MOST_NEW = 0.05  # of a window's rows, with values that the reference does not have
_SEED = 20270402
_PREDICTION = "(prediction)"
_SETTINGS = Settings(trees=150, levels=5, share=0.3)
_ESTIMABLE = (
    *("mean_absolute_error", "mean_squared_error", "root_mean_squared_error"),
    *("mean_absolute_percentage_error", "mean_pinball_loss"),
)


@dataclass(frozen=True)
class Loss:
    """One loss of each row, learnt: with its scatter by cells of what is expected."""

    trees: Trees
    cuts: Floats
    scatter: Floats  # variance of a row's loss in each cell
    out_of_fold: Floats
    came: Floats
    refused: str = ""


@dataclass(frozen=True)
class Losses:
    """A reference of numbers made ready."""

    columns: Mapping[str, NDArray[Any]]
    refused: str = ""
    of: Mapping[str, Loss] = field(default_factory=dict)  # by metric
    tested: Mapping[str, tuple[PastEstimate, ...]] = field(default_factory=dict)


def losses_of(reference: Answers, metrics: Sequence[str], rows: int) -> Losses:
    """Return a reference of labelled rows made ready for windows of about so many rows."""
    answers = whole(reference)
    answers = answers.only(np.argsort(answers.at, kind="stable"))
    columns = _columns(answers)
    refused = unfit_reference(len(answers), None)
    if refused:
        return Losses(columns, refused)
    labels = table_of(answers).labels("candidate")
    made: dict[str, Loss] = {}
    kinds: dict[str, Loss] = {}
    tested: dict[str, tuple[PastEstimate, ...]] = {}
    for name in metrics:
        metric = _estimable(name)
        if metric is None:
            continue
        kind = "squares" if "squared" in metric.name else name
        if kind not in kinds:
            kinds[kind] = _learnt(columns, _of_rows(metric, labels))
        made[name] = kinds[kind]
        tested[name] = _tested(metric, kinds[kind], rows)
    return Losses(columns, "", made, tested)


def _columns(answers: Answers) -> dict[str, NDArray[Any]]:
    predicted = np.asarray(answers.predicted, dtype=np.float64)
    return {**answers.inputs, _PREDICTION: predicted}


def _estimable(name: str) -> Metric | None:
    from trueup.gate.catalogue import metric_named

    return (
        metric_named(name, "regression") if named(name, "regression").stem in _ESTIMABLE else None
    )


def _of_rows(metric: Metric, labels: Labels) -> Floats:
    weight = metric.tallies(labels)[0].weight
    return np.ones(len(labels.truth)) if weight is None else weight


def _learnt(columns: Mapping[str, NDArray[Any]], came: Floats) -> Loss:
    rows = len(came)
    folds = np.arange(rows) * _FOLDS // rows
    said = np.empty(rows)
    for fold in range(_FOLDS):
        mine = np.flatnonzero(folds == fold)
        trees = _fitted(columns, came, np.flatnonzero(folds != fold))
        said[mine] = trees.at(_part(columns, mine))
    cuts = np.unique(np.quantile(said, np.linspace(0, 1, _CELLS + 1)[1:-1]))
    place = np.searchsorted(cuts, said, side="right")
    held = np.maximum(np.bincount(place, minlength=len(cuts) + 1), 1)
    off = np.bincount(place, came - said, len(cuts) + 1) / held
    squares = np.bincount(place, (came - said) ** 2, len(cuts) + 1) / held
    scatter = np.maximum(squares - off**2, 0.0)
    gap = math.sqrt(max(float((held * (off**2 - scatter / held)).sum()) / rows, 0.0))
    share = gap / max(float(came.mean()), 1e-12)
    refused = ""
    if share > _WORST_GAP:
        refused = (
            f"on stretches of the reference that were left out, losses were {share:.0%} of the "
            f"mean loss away from what the second model says; at most {_WORST_GAP:.0%} is allowed"
        )
    every = _fitted(columns, came, np.arange(rows))
    return Loss(every, cuts, scatter, said, came, refused)


def _fitted(columns: Mapping[str, NDArray[Any]], came: Floats, rows: Whole) -> Trees:
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng([_SEED, len(rows)]).choice(rows, _MOST_ROWS, False))
    return learnt(_part(columns, rows), came[rows], _SETTINGS, np.ones(len(rows)))


def _part(columns: Mapping[str, NDArray[Any]], rows: Whole) -> dict[str, NDArray[Any]]:
    return {name: each[rows] for name, each in columns.items()}


def _tested(metric: Metric, loss: Loss, rows: int) -> tuple[PastEstimate, ...]:
    windows = max(1, len(loss.came) // max(rows, 1))
    past = []
    for part in np.array_split(np.arange(len(loss.came)), windows):
        value, noise = _told(metric, loss, loss.out_of_fold[part])
        past.append(PastEstimate(value, noise, _value(metric, loss.came[part])))
    return tuple(past)


def _value(metric: Metric, losses: Floats) -> float:
    return float(metric.value(np.array([losses.sum(), float(len(losses))])))


def _told(metric: Metric, loss: Loss, said: Floats) -> tuple[float, float]:
    """Return the metric of rows whose losses are so large, and its standard error."""
    value = _value(metric, said)
    scatter = loss.scatter[np.searchsorted(loss.cuts, said, side="right")]
    moved = math.sqrt(float(scatter.sum())) / len(said)
    return value, abs(_value(metric, said + moved) - value)


def estimated_losses(
    reference: Losses,
    window: Answers,
    metrics: Sequence[str],
    past: Mapping[str, Sequence[PastEstimate]],
    confidence: float = 0.95,
) -> tuple[Estimated, ...]:
    """Return what metrics are on a window, were errors what they were for such rows before."""
    window = whole(window)
    columns = _columns(window)
    refused = reference.refused or _unsupported(reference.columns, columns)
    found = []
    for name in metrics:
        metric, loss = _estimable(name), reference.of.get(name)
        why = refused
        if not why and (metric is None or loss is None):
            why = f"{name} is no mean of losses that each row has, and is not estimated"
        elif not why and loss is not None:
            why = loss.refused
        if why or metric is None or loss is None:
            found.append(Estimated(name, "", None, reasons=(why,)))
            continue
        value, noise = _told(metric, loss, loss.trees.at(columns))
        before = (reference.tested.get(name, ()), past.get(name, ()))
        made = Estimated(name, "DLE", value, noise=noise)
        found.append(banded(made, before, confidence, bounded=False))
    return tuple(found)


def _unsupported(reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> str:
    rows = len(window[_PREDICTION])
    if rows < LEAST_WINDOW:
        return f"the window has {rows} rows, and {LEAST_WINDOW} are asked for"
    absent = [name for name in reference if name not in window]
    if absent:
        return f"the window lacks {', '.join(absent)}, which the second model takes"
    for name, column in reference.items():
        if column.dtype.kind in "fiub":
            numbers = [each.astype(np.float64)[:, None] for each in (column, window[name])]
            there = [each[np.isfinite(each[:, 0])] for each in numbers]
            if all(len(each) for each in there) and (why := beyond(name, there[0], there[1])):
                return why
        else:
            new = ~np.isin(_texts(window[name]), np.unique(_texts(column)))
            if float(new.mean()) > _MOST_NEW:
                return f"{new.mean():.0%} of the rows have a {name} that the reference lacks"
    return ""


def _texts(column: NDArray[Any]) -> NDArray[Any]:
    return np.array([str(each) for each in column.tolist()])
