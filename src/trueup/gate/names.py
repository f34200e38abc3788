"""Metrics by name: which task has which, what may follow an ``@``, what is bounded by 0 and 1.

Needs no NumPy, so that rules are checked before anything is computed.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import WrongUsage, did_you_mean

Detail: TypeAlias = Literal["threshold", "depth", "quantile", "season"]

_AVERAGES = ("macro", "micro", "weighted")
_STEMS = ("precision", "recall", "f1")
_AVERAGED = tuple(f"{stem}_{average}" for stem in _STEMS for average in _AVERAGES)
_PROBABLE = ("log_loss", "brier_score_loss", "expected_calibration_error")
_AT_THRESHOLD = (
    *("accuracy", "balanced_accuracy", "precision", "recall"),
    *("specificity", "f1", "matthews_corrcoef"),
)
_NUMBERS = (
    *("mean_squared_error", "root_mean_squared_error", "mean_absolute_error"),
    *("mean_absolute_percentage_error", "mean_pinball_loss", "r2"),
)
NAMES: Mapping[str, tuple[str, ...]] = {
    "binary": (
        *_AT_THRESHOLD,
        *("roc_auc", "average_precision", "precision_top_5%"),
        *_PROBABLE,
        *_AVERAGED,
    ),
    "multiclass": (
        *("accuracy", "balanced_accuracy", "matthews_corrcoef", "roc_auc_ovr"),
        *_PROBABLE,
        *_AVERAGED,
    ),
    "multilabel": (
        *("accuracy", "hamming_loss", "roc_auc_macro"),
        *_AVERAGED,
        *(f"{stem}_samples" for stem in _STEMS),
    ),
    "regression": _NUMBERS,
    "forecast": (*_NUMBERS, "mean_absolute_scaled_error"),
    "ranking": ("ndcg", "mean_average_precision"),
}
_ALIASES = {
    "accuracy_score": "accuracy",
    "auc": "roc_auc",
    "roc_auc_score": "roc_auc",
    "average_precision_score": "average_precision",
    "balanced_accuracy_score": "balanced_accuracy",
    "brier": "brier_score_loss",
    "brier_score": "brier_score_loss",
    "ece": "expected_calibration_error",
    "calibration_error": "expected_calibration_error",
    "f1_score": "f1",
    "precision_score": "precision",
    "recall_score": "recall",
    "mcc": "matthews_corrcoef",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mase": "mean_absolute_scaled_error",
    "r2_score": "r2",
    "pinball": "mean_pinball_loss",
    "ndcg_score": "ndcg",
    "map": "mean_average_precision",
}
_DETAILS: Mapping[str, Detail] = {
    "ndcg": "depth",
    "mean_average_precision": "depth",
    "mean_pinball_loss": "quantile",
    "mean_absolute_scaled_error": "season",
}
_TOP = re.compile(r"precision_top_([0-9]+(?:\.[0-9]+)?)%?")
# Beyond 1, or below 0: log loss, errors in the target's own unit, R squared, MCC; and Brier's
# score of more than two classes, which goes up to 2.
_UNBOUNDED = frozenset((*_NUMBERS, "mean_absolute_scaled_error", "log_loss", "matthews_corrcoef"))


class Named(msgspec.Struct, frozen=True):
    """A metric's full name, and the number behind its ``@``."""

    stem: str
    number: float | None = None


def known_metrics(task: str) -> tuple[str, ...]:
    """Return the names of a task's metrics."""
    return NAMES.get(task, ())


def named(name: str, task: str) -> Named:
    """Return what a name means for a task; WrongUsage names the nearest one that there is.

    >>> named("map@10", "ranking")
    Named(stem='mean_average_precision', number=10.0)
    """
    written, at, detail = name.partition("@")
    stem = _ALIASES.get(written, written)
    top = _TOP.fullmatch(stem) if task == "binary" else None
    if top and not 0 < float(top[1]) <= 100:
        raise WrongUsage(f"{name!r} is no share", remedy="Write one such as precision_top_5%.")
    if stem not in known_metrics(task) and not top:
        known = known_metrics(task)
        raise WrongUsage(
            f"there is no metric {name!r} for the task {task}",
            remedy=f"{_near(stem, known)}There are: {', '.join(known)}",
        )
    return Named(stem, _number(name, stem, task, detail) if at else None)


def is_metric(name: str, task: str) -> bool:
    """Say whether a task has a metric of this name, whatever stands behind its ``@``."""
    stem = name.partition("@")[0]
    stem = _ALIASES.get(stem, stem)
    return stem in known_metrics(task) or bool(task == "binary" and _TOP.fullmatch(stem))


def is_bounded(stem: str, task: str) -> bool:
    """Say whether a metric lies between 0 and 1."""
    return stem not in _UNBOUNDED and not (stem == "brier_score_loss" and task == "multiclass")


def _near(stem: str, known: tuple[str, ...]) -> str:
    """Return the nearest name; of ``neg_log_loss``, that the sign is known without it."""
    bare = stem.removeprefix("neg_")
    if bare != stem and _ALIASES.get(bare, bare) in known:
        return f"Write {bare!r}: that less is better is known. "
    return did_you_mean(stem, (*known, *(name for name, of in _ALIASES.items() if of in known)))


def _number(name: str, stem: str, task: str, detail: str) -> float:
    kind = _DETAILS.get(stem)
    if task == "binary" and stem in _AT_THRESHOLD:
        kind = "threshold"
    if kind is None:
        raise WrongUsage(
            f"{name!r}: {stem} takes nothing behind an @", remedy=f"Write {stem!r} alone."
        )
    try:
        number = float(detail.removesuffix("%")) / (100 if detail.endswith("%") else 1)
    except ValueError:
        raise WrongUsage(
            f"{detail!r} behind the @ of a metric is no number",
            remedy="Write a threshold such as recall@0.3, or a depth such as ndcg@10.",
        ) from None
    sound = {
        "threshold": True,
        "quantile": 0 < number < 1,
        "depth": number >= 1 and number == int(number),
        "season": number >= 1 and number == int(number),
    }[kind]
    if not sound:
        raise WrongUsage(
            f"{detail!r} behind the @ of {stem} is no {kind}",
            remedy="Write a whole number from 1 on."
            if kind != "quantile"
            else "Write a number between 0 and 1, such as pinball@0.9.",
        )
    return number
