"""Metrics are those of scikit-learn, by its names."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from trueup.errors import WrongUsage
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import known_metrics, metric_named
from trueup.gate.metrics import Labels

sk = pytest.importorskip("sklearn.metrics")
RNG = np.random.default_rng(20260101)
ROWS = 3000
TRUTH = RNG.random(ROWS) < 0.2
SCORE = np.round(np.clip(0.2 + 0.3 * TRUTH + 0.2 * RNG.normal(size=ROWS), 0.001, 0.999), 2)
CLASSES = RNG.integers(0, 4, ROWS)
SHARES = RNG.dirichlet(np.ones(4), ROWS) + 0.6 * np.eye(4)[CLASSES]
SHARES /= SHARES.sum(axis=1, keepdims=True)
NUMBERS = RNG.normal(size=ROWS) * 3 + 10
GUESSES = NUMBERS + RNG.normal(size=ROWS)
HARD = SCORE >= 0.5

BINARY: dict[str, Callable[[], Any]] = {
    "accuracy": lambda: sk.accuracy_score(TRUTH, HARD),
    "balanced_accuracy": lambda: sk.balanced_accuracy_score(TRUTH, HARD),
    "precision": lambda: sk.precision_score(TRUTH, HARD),
    "recall": lambda: sk.recall_score(TRUTH, HARD),
    "recall@0.3": lambda: sk.recall_score(TRUTH, SCORE >= 0.3),
    "specificity": lambda: sk.recall_score(~TRUTH, ~HARD),
    "f1": lambda: sk.f1_score(TRUTH, HARD),
    "matthews_corrcoef": lambda: sk.matthews_corrcoef(TRUTH, HARD),
    "log_loss": lambda: sk.log_loss(TRUTH, SCORE),
    "brier_score_loss": lambda: sk.brier_score_loss(TRUTH, SCORE),
    "roc_auc": lambda: sk.roc_auc_score(TRUTH, SCORE),
    "average_precision": lambda: sk.average_precision_score(TRUTH, SCORE),
}


@pytest.mark.parametrize("name", BINARY)
def test_binary_metrics_agree_to_twelve_digits(name: str) -> None:
    ours = estimate(metric_named(name, "binary"), Labels(TRUTH, SCORE))
    assert ours == pytest.approx(BINARY[name](), rel=1e-12)


def averages(stem: str) -> dict[str, Callable[[], Any]]:
    given = SHARES.argmax(axis=1)
    score = partial(getattr(sk, f"{stem}_score"), CLASSES, given)
    return {f"{stem}_{a}": partial(score, average=a) for a in ("macro", "micro", "weighted")}


MANY: dict[str, Callable[[], Any]] = {
    "accuracy": lambda: sk.accuracy_score(CLASSES, SHARES.argmax(axis=1)),
    "balanced_accuracy": lambda: sk.balanced_accuracy_score(CLASSES, SHARES.argmax(axis=1)),
    "log_loss": lambda: sk.log_loss(CLASSES, SHARES),
    "roc_auc_ovr": lambda: sk.roc_auc_score(CLASSES, SHARES, multi_class="ovr"),
    **averages("precision"),
    **averages("recall"),
    **averages("f1"),
}


@pytest.mark.parametrize("name", MANY)
def test_metrics_of_many_classes_agree_to_twelve_digits(name: str) -> None:
    ours = estimate(metric_named(name, "multiclass"), Labels(CLASSES, SHARES, 4))
    assert ours == pytest.approx(MANY[name](), rel=1e-12)


def test_metrics_of_several_labels_agree() -> None:
    truth = RNG.random((500, 3)) < 0.3
    given = np.clip(truth * 0.5 + RNG.random((500, 3)) * 0.6, 0, 1)
    labels = Labels(truth, given, 3)
    hard = given >= 0.5
    for stem in ("precision", "recall", "f1"):
        for average in ("macro", "micro", "weighted"):
            theirs = getattr(sk, f"{stem}_score")(truth, hard, average=average)
            ours = estimate(metric_named(f"{stem}_{average}", "multilabel"), labels)
            assert ours == pytest.approx(theirs, rel=1e-12)
    ours = estimate(metric_named("hamming_loss", "multilabel"), labels)
    assert ours == pytest.approx(sk.hamming_loss(truth, hard))
    ours = estimate(metric_named("accuracy", "multilabel"), labels)
    assert ours == pytest.approx(sk.accuracy_score(truth, hard))


REGRESSION: dict[str, Callable[[], Any]] = {
    "mean_squared_error": lambda: sk.mean_squared_error(NUMBERS, GUESSES),
    "rmse": lambda: sk.root_mean_squared_error(NUMBERS, GUESSES),
    "mae": lambda: sk.mean_absolute_error(NUMBERS, GUESSES),
    "mape": lambda: sk.mean_absolute_percentage_error(NUMBERS, GUESSES),
    "pinball@0.9": lambda: sk.mean_pinball_loss(NUMBERS, GUESSES, alpha=0.9),
    "r2": lambda: sk.r2_score(NUMBERS, GUESSES),
}


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_agree_to_ten_digits(name: str) -> None:
    ours = estimate(metric_named(name, "regression"), Labels(NUMBERS, GUESSES))
    assert ours == pytest.approx(REGRESSION[name](), rel=1e-10)


def test_precision_among_the_top_is_counted_by_hand() -> None:
    score = np.arange(100) / 100
    truth = np.arange(100) % 2 == 0
    metric = metric_named("precision_top_5%", "binary")
    assert estimate(metric, Labels(truth, score)) == pytest.approx(2 / 5)
    tied = np.zeros(100)  # among equal scores every row counts in part
    assert estimate(metric, Labels(truth, tied)) == pytest.approx(0.5)


def test_calibration_error_is_the_mean_gap_of_fifteen_bins() -> None:
    score = np.repeat([0.1, 0.9], 50)
    truth = np.concatenate([np.arange(50) < 10, np.arange(50) < 40])
    ours = estimate(metric_named("ece", "binary"), Labels(truth, score))
    assert ours == pytest.approx(0.5 * abs(0.1 - 0.2) + 0.5 * abs(0.9 - 0.8))


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(WrongUsage, match="Did you mean 'roc_auc'"):
        metric_named("roc_acu", "binary")
    with pytest.raises(WrongUsage, match="no number"):
        metric_named("recall@high", "binary")


@pytest.mark.parametrize(
    "task", ["binary", "multiclass", "multilabel", "regression", "ranking", "forecast"]
)
def test_every_listed_metric_can_be_had(task: str) -> None:
    for name in known_metrics(task):
        assert metric_named(name, task).name == name
