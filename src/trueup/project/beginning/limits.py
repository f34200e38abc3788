"""What the gate may ask outright, of what was measured: a floor, never a number from nowhere."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from trueup.errors import WrongUsage
from trueup.gate.names import NAMES, is_bounded, is_metric, named
from trueup.project.beginning.findings import Limit

TASKS = ("binary", "multiclass", "regression")
# The most telling first; of equals those that need scores before those of labels.
_ORDER: Mapping[str, tuple[str, ...]] = {
    "binary": (
        *("roc_auc", "average_precision", "balanced_accuracy", "accuracy", "f1"),
        *("matthews_corrcoef", "recall", "precision", "f1_macro", "f1_weighted"),
        *("brier_score_loss", "log_loss"),
    ),
    "multiclass": (
        *("balanced_accuracy", "accuracy", "f1_macro", "roc_auc_ovr", "f1_weighted"),
        *("recall_macro", "precision_macro", "matthews_corrcoef", "log_loss"),
    ),
    "regression": (
        *("r2", "root_mean_squared_error", "mean_absolute_error", "mean_squared_error"),
        "mean_absolute_percentage_error",
    ),
}
_OF_SCORES = frozenset(
    {"roc_auc", "average_precision", "roc_auc_ovr", "log_loss", "brier_score_loss"}
)
_LESS_IS_BETTER = frozenset({"log_loss", "brier_score_loss", *NAMES["regression"]} - {"r2"})
# Of the rows that were trained on, or of a single class or an average in a report.
_ELSEWHERE = frozenset({"train", "training", "cv", "macro", "micro", "weighted", "avg", "0", "1"})
_OF_OTHER_ROWS = ("val", "valid", "validation", "dev")


class Measured(msgspec.Struct, frozen=True):
    """One number of a metrics file that is a metric of a task."""

    metric: str  # as the file calls it, without what stands before it
    stem: str  # its full name
    value: float
    file: str
    later: int = 0  # sorted by: the file's place, and whether other rows were meant


def measured(files: Mapping[str, Mapping[str, Any]], task: str) -> list[Measured]:
    """Return the numbers that are metrics of a task, those of the test rows first."""
    found = []
    for place, (file, values) in enumerate(files.items()):
        for name, value in values.items():
            words = [word for word in name.replace("/", ".").replace("-", "_").split(".") if word]
            metric = _metric(words, task)
            if metric is None or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            before = "_".join(words).lower().removesuffix(metric).split("_")
            if not math.isfinite(value) or any(word in _ELSEWHERE for word in before):
                continue
            later = 10 * place + any(word in _OF_OTHER_ROWS for word in before)
            stem = named(metric, task).stem
            if not (is_bounded(stem, task) and not 0 <= value <= 1):
                found.append(Measured(metric, stem, float(value), file, later))
    return sorted(found, key=lambda one: one.later)


def tasks_measured(files: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the tasks that have all of the metrics which these files hold, if any."""
    return tuple(task for task in TASKS if measured(files, task))


def chosen(found: Sequence[Measured], task: str, *, scored: bool) -> Measured | None:
    """Return the metric to gate on: the most telling one that the predictions allow."""
    fitting = [one for one in found if one.stem in _ORDER[task]]
    if not scored:
        fitting = [one for one in fitting if one.stem not in _OF_SCORES] or fitting
    order = _ORDER[task].index
    return min(fitting, key=lambda one: (one.later, order(one.stem)), default=None)


def limit_of(one: Measured, task: str, target: Sequence[str]) -> Limit:
    """Return a floor half of the way from guessing to what was measured, rounded to be easier.

    So it stops models that are broken and leaves room for what few rows cannot tell.
    """
    key: Literal["at_least", "at_most"] = "at_least"
    guess, says = _guess(one, task, target)
    if one.stem in _LESS_IS_BETTER:
        key = "at_most"
        base = guess if guess is not None and guess > one.value else 2 * one.value
        if guess is None or guess <= one.value:
            says = "twice that"
        halfway = (base + one.value) / 2
    else:
        base = guess or 0.0
        halfway = max(base, (base + one.value) / 2)
    value = _rounded(halfway, up=key == "at_most")
    why = f"{one.file} has {one.value:.4g}; half of the way there from {says} is {value:g}"
    if key == "at_least" and one.value <= base:
        why = f"{one.file} has {one.value:.4g}, which is no more than {says}"
    return Limit(one.metric, key, value, why)


def margin_of(one: Measured, task: str) -> float | None:
    """Return the margin of a comparison: 0.01 where the metric lies between 0 and 1."""
    return 0.01 if is_bounded(one.stem, task) else None


def _metric(words: Sequence[str], task: str) -> str | None:
    """Return the metric in a name: the whole of it, or what stands behind its first words."""
    parts = "_".join(words).split("_")
    for start in range(len(parts)):
        name = "_".join(parts[start:]).lower()
        if is_metric(name, task):
            try:
                named(name, task)
            except WrongUsage:
                return None
            return name
    return None


def _guess(one: Measured, task: str, target: Sequence[str]) -> tuple[float | None, str]:
    """Return what a model that knows nothing reaches on this target, and how that is called."""
    there = [value for value in target if value]
    counts = {value: count / len(there) for value, count in Counter(there).items()}
    if one.stem in ("roc_auc", "roc_auc_ovr"):
        return 0.5, "guessing (0.5)"
    if task == "regression":
        return _error_of_the_mean(one.stem, there)
    if one.stem == "accuracy" and counts:
        most = max(counts.values())
        return most, f"always the most frequent answer ({most:.2g})"
    if one.stem == "balanced_accuracy" and counts:
        return 1 / len(counts), f"guessing ({1 / len(counts):.2g})"
    if one.stem in ("average_precision", "precision") and len(counts) == 2:
        second = counts[max(counts)]
        return second, f"guessing ({second:.2g})"
    if one.stem == "log_loss" and counts:
        entropy = -sum(share * math.log(share) for share in counts.values())
        return entropy, f"always the same shares ({entropy:.2g})"
    return None, "0"


def _error_of_the_mean(stem: str, there: Sequence[str]) -> tuple[float | None, str]:
    if stem == "r2":
        return 0.0, "0, which the mean alone reaches,"
    if len(there) < 2 or stem == "mean_absolute_percentage_error":
        return None, "twice that"
    values = [float(value) for value in there]
    spread = statistics.pvariance(values)
    if stem == "mean_absolute_error":
        middle = statistics.median(values)
        error = statistics.fmean(abs(value - middle) for value in values)
    else:
        error = spread if stem == "mean_squared_error" else math.sqrt(spread)
    return error, f"always the same answer ({error:.3g})"


def _rounded(value: float, *, up: bool) -> float:
    """Return a number with two digits behind its first, on the easier side.

    >>> _rounded(0.8765, up=False), _rounded(1234.5, up=True), _rounded(0.03217, up=True)
    (0.87, 1300.0, 0.033)
    """
    if not value:
        return 0.0
    digits = 1 - math.floor(math.log10(abs(value)))
    scale = 10.0**digits
    near = round(value * scale, 9)  # 0.29 * 100 is a little less than 29
    return round((math.ceil(near) if up else math.floor(near)) / scale, digits)
