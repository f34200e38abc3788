"""Metrics by their scikit-learn names; ``recall@0.3`` has a threshold, ``ndcg@10`` a depth."""

import re
from collections.abc import Iterable
from functools import cache

from trueup.errors import WrongUsage, did_you_mean
from trueup.gate.metrics import Metric

_ALIASES = {
    "accuracy_score": "accuracy",
    "auc": "roc_auc",
    "roc_auc_score": "roc_auc",
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
    "r2_score": "r2",
    "pinball": "mean_pinball_loss",
    "ndcg_score": "ndcg",
    "map": "mean_average_precision",
}


@cache
def metric_named(name: str, task: str) -> Metric:
    """Return a metric of a task; WrongUsage names the nearest one that there is."""
    stem, _, detail = name.partition("@")
    stem = _ALIASES.get(stem, stem)
    found = _made(stem, detail, task)
    if found is None:
        known = known_metrics(task)
        raise WrongUsage(
            f"there is no metric {name!r} for the task {task}",
            remedy=f"{did_you_mean(stem, known)}There are: {', '.join(known)}",
        )
    return found


def known_metrics(task: str) -> tuple[str, ...]:
    """Return the names of a task's metrics."""
    from trueup.gate import classifying, measuring, ranking

    modules: Iterable[dict[str, tuple[str, ...]]] = (
        classifying.NAMES,
        measuring.NAMES,
        ranking.NAMES,
    )
    return tuple(name for names in modules for name in names.get(task, ()))


def _made(stem: str, detail: str, task: str) -> Metric | None:
    from trueup.gate import classifying, measuring, ranking

    if stem not in known_metrics(task) and not re.fullmatch(r"precision_top_[0-9.]+%?", stem):
        return None
    number = _number(detail) if detail else None
    if task in ("binary", "multiclass", "multilabel"):
        return classifying.make(stem, number, task)
    if task == "ranking":
        return ranking.make(stem, number)
    return measuring.make(stem, number)


def _number(detail: str) -> float:
    try:
        return float(detail.removesuffix("%")) / (100 if detail.endswith("%") else 1)
    except ValueError:
        raise WrongUsage(
            f"{detail!r} behind the @ of a metric is no number",
            remedy="Write a threshold such as recall@0.3, or a depth such as ndcg@10.",
        ) from None
