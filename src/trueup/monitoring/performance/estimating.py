"""A window's metrics without its labels, with bands: CBPE, and M-CBPE where inputs are there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, NDArray, np
from trueup.gate.blockwise import estimate as measured
from trueup.gate.catalogue import metric_named
from trueup.gate.distributions import t_quantile
from trueup.gate.metrics import Labels, Metric, Task
from trueup.gate.names import is_bounded, named
from trueup.monitoring.performance.answers import Answers, table_of, whole
from trueup.monitoring.performance.confidence import (
    AS_THEY_ARE,
    Calibration,
    Chosen,
    Counted,
    Known,
    chosen,
    counted,
    drawn_truth,
    expected,
)
from trueup.monitoring.performance.past import PastEstimate, past_error
from trueup.monitoring.performance.records import Estimated, Method
from trueup.monitoring.performance.shifting import density_ratio
from trueup.monitoring.performance.supporting import (
    outside,
    uncalibrated,
    unfit_reference,
    unfit_window,
    unsupported,
)

_DRAWS = 60
_MOST_DRAWN = 5000  # rows that outcomes are drawn for; more only scale
_SEED = 20270401
NOT_ESTIMATED = ("expected_calibration_error", "precision_top")


@dataclass(frozen=True)
class Classes:
    """A reference of classes made ready: calibrated, tested on its own windows."""

    known: Known
    counts: Counted
    found: Chosen
    inputs: Mapping[str, NDArray[Any]]
    task: Task
    refused: str = ""
    tested: Mapping[str, tuple[PastEstimate, ...]] = field(default_factory=dict)


def classes_of(reference: Answers, metrics: Sequence[str], rows: int) -> Classes:
    """Return a reference of labelled rows made ready for windows of about so many rows."""
    answers = whole(reference)
    answers = answers.only(np.argsort(answers.at, kind="stable"))
    table = table_of(answers)
    predicted = np.asarray(answers.predicted, dtype=np.float64)
    if answers.task == "multiclass" and predicted.ndim == 1:
        raise WrongUsage(
            "the predictions are labels, and estimates need a probability of each class",
            remedy="Let the model answer scores, or leave the estimate out.",
        )
    scores = predicted if predicted.ndim > 1 else predicted[:, None]
    if answers.task == "binary":
        scores = scores[:, -1:]
        truth = table.truth[:, None]
        predicted = scores[:, 0]
    else:
        truth = table.truth[:, None] == np.arange(scores.shape[1])
    known = Known(scores, truth, predicted, 2 if answers.task == "binary" else scores.shape[1])
    refused = unfit_reference(len(known), truth.astype(np.float64))
    if refused:
        return Classes(known, Counted((), (), (), ()), _NOTHING, {}, answers.task, refused)
    counts = counted(known)
    found = chosen(known, counts)
    refused = uncalibrated(found)
    tested = {} if refused else _tested(known, found, answers.task, metrics, rows)
    return Classes(known, counts, found, answers.inputs, answers.task, refused, tested)


_NOTHING = Chosen(False, 1.0, 1.0, np.empty((0, 1)))


def _tested(
    known: Known, found: Chosen, task: Task, metrics: Sequence[str], rows: int
) -> dict[str, tuple[PastEstimate, ...]]:
    """Return estimates of the reference's own windows, by calibrations that do not know them."""
    windows = max(1, len(known) // max(rows, 1))
    tested = {}
    for name in metrics:
        metric = estimable(name, task)
        if metric is None:
            continue
        parts = np.array_split(np.arange(len(known)), windows)
        noise = _outcomes(metric, known.predicted, found.out_of_fold, known.classes)
        past = []
        for part in parts:
            labels = Labels(known.codes[part], known.predicted[part], known.classes)
            came = measured(metric, labels)
            said = expected(metric, known.predicted[part], found.out_of_fold[part], known.classes)
            if math.isfinite(came) and math.isfinite(said):
                past.append(PastEstimate(said, noise * math.sqrt(len(known) / len(part)), came))
        tested[name] = tuple(past)
    return tested


def estimable(name: str, task: Task) -> Metric | None:
    """Return a metric that can be estimated; None where expected outcomes do not make it."""
    if named(name, task).stem.startswith(NOT_ESTIMATED):
        return None
    return metric_named(name, task)


def estimated(
    reference: Classes,
    window: Answers,
    metrics: Sequence[str],
    past: Mapping[str, Sequence[PastEstimate]],
    confidence: float = 0.95,
) -> tuple[Estimated, ...]:
    """Return what metrics are on a window, were P(y|x) what it was on the reference.

    ``past`` are earlier estimates by metric whose truth has come; their error widens the band.
    """
    window = whole(window)
    predicted = np.asarray(window.predicted, dtype=np.float64)
    scores = predicted if predicted.ndim > 1 else predicted[:, None]
    if reference.task == "binary":
        scores = scores[:, -1:]
        predicted = scores[:, 0]
    refused = reference.refused
    if not refused and not len(window):
        refused = "the window has no rows"
    refused = refused or outside(reference.known, scores)
    if refused:
        return tuple(Estimated(name, "", None, reasons=(refused,)) for name in metrics)
    calibrated = _calibrated(reference, window, scores)
    rows = _Window(predicted, scores, calibrated)
    return tuple(
        _estimate(reference, rows, name, past.get(name, ()), confidence) for name in metrics
    )


@dataclass(frozen=True)
class _Calibrated:
    method: Method
    found: Calibration
    resampled: tuple[Calibration, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Window:
    predicted: Any
    scores: Floats
    calibrated: _Calibrated


def _calibrated(reference: Classes, window: Answers, scores: Floats) -> _Calibrated:
    """Return the calibration that a window asks for, and others of the reference drawn again."""
    known, reasons = reference.known, []
    shared = [name for name in reference.inputs if name in window.inputs]
    if shared:
        here = {f"score {k}": scores[:, k] for k in range(scores.shape[1])}
        there = {f"score {k}": known.scores[:, k] for k in range(scores.shape[1])}
        ratio = density_ratio(
            {name: reference.inputs[name] for name in shared} | there,
            {name: window.inputs[name] for name in shared} | here,
            _SEED,
        )
        why = unsupported(ratio, len(known))
        if not why:
            counts = counted(known, ratio.weights)
            every = counts.calibration(np.ones(len(counts.rows[0])))
            return _Calibrated("M-CBPE", every, tuple(counts.resampled(_DRAWS, _SEED)), ())
        reasons.append(why)
    if not reference.found.recalibrated:
        return _Calibrated("CBPE", AS_THEY_ARE, (), tuple(reasons))
    counts = reference.counts
    every = counts.calibration(np.ones(len(counts.rows[0])))
    drawn = tuple(counts.resampled(_DRAWS, _SEED))
    return _Calibrated("CBPE", every, drawn, tuple(reasons))


def _estimate(
    reference: Classes,
    window: _Window,
    name: str,
    past: Sequence[PastEstimate],
    confidence: float,
) -> Estimated:
    metric, calibrated = estimable(name, reference.task), window.calibrated
    if metric is None:
        why = f"{name} is no function of how likely each truth is, and is not estimated"
        return Estimated(name, "", None, reasons=(why,))
    probabilities = calibrated.found.at(window.scores)
    why = unfit_window(metric, probabilities)
    if why:
        return Estimated(name, "", None, reasons=(why,))
    classes = reference.known.classes
    value = expected(metric, window.predicted, probabilities, classes)
    noise = _noise(metric, window, probabilities, classes)
    tested = reference.tested.get(name, ())
    return banded(
        Estimated(name, calibrated.method, value, noise=noise, reasons=calibrated.reasons),
        (tested, past),
        confidence,
        bounded=is_bounded(named(name, reference.task).stem, reference.task),
    )


def banded(
    found: Estimated,
    past: tuple[Sequence[PastEstimate], Sequence[PastEstimate]],
    confidence: float,
    *,
    bounded: bool,
) -> Estimated:
    """Return an estimate with its band: chance, and what past estimates were off beyond it."""
    from msgspec.structs import replace

    tested, before = past
    value, noise = found.value or 0.0, found.noise or 0.0
    more, windows = past_error(tested, before), len(tested) + len(before)
    # a spread that is known from few windows is less sure than one of chance alone
    few = t_quantile((1 + confidence) / 2, max(windows - 1, 2)) if windows else 4.3
    normal = t_quantile((1 + confidence) / 2, math.inf)
    half = math.hypot(normal * noise, few * more)
    lower, upper = value - half, value + half
    if bounded:
        lower, upper = max(lower, 0.0), min(upper, 1.0)
    return replace(found, lower=lower, upper=upper, past_error=more, past_windows=windows)


def _noise(metric: Metric, window: _Window, probabilities: Floats, classes: int) -> float:
    """Return the standard error of the value to be realised around the estimate.

    Outcomes scatter even where probabilities are right; and those rest on a finite reference.
    """
    outcomes = _outcomes(metric, window.predicted, probabilities, classes)
    some = _some(len(window.scores))
    anew = [
        expected(metric, window.predicted[some], each.at(window.scores[some]), classes)
        for each in window.calibrated.resampled
    ]
    return math.hypot(outcomes, float(np.nanstd(anew)) if anew else 0.0)


def _outcomes(metric: Metric, predicted: Any, probabilities: Floats, classes: int) -> float:
    """Return how far chance moves a metric of rows whose truths are so likely."""
    some = _some(len(probabilities))
    few, likely = predicted[some], probabilities[some]
    random = np.random.default_rng([_SEED, len(few)])
    values = [
        measured(metric, Labels(drawn_truth(likely, classes, random), few, classes))
        for _ in range(_DRAWS)
    ]
    return float(np.nanstd(values)) * math.sqrt(len(few) / len(probabilities))


def _some(rows: int) -> "slice | NDArray[np.int64]":
    if rows <= _MOST_DRAWN:
        return slice(None)
    return np.random.default_rng([_SEED, rows]).choice(rows, _MOST_DRAWN, replace=False)
