"""Metrics are those of scikit-learn, by its names."""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from trueup.errors import WrongUsage
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import known_metrics, metric_named
from trueup.gate.metrics import Labels
from trueup.gate.ranking import per_query

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


def test_rankings_agree_with_scikit_learn_ties_among_them() -> None:
    relevance = RNG.integers(0, 4, (40, 12)).astype(float)
    score = RNG.integers(0, 5, (40, 12)).astype(float)
    query = np.repeat(np.arange(40), 12)
    for depth in (3, 10, None):
        ours = per_query("ndcg", depth)(relevance.ravel(), score.ravel(), query)
        theirs = [
            sk.ndcg_score(r[None], s[None], k=depth) for r, s in zip(relevance, score, strict=True)
        ]
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    clear = score + 0.01 * RNG.random((40, 12))
    ours = per_query("mean_average_precision", None)(relevance.ravel(), clear.ravel(), query)
    theirs = [sk.average_precision_score(r > 0, s) for r, s in zip(relevance, clear, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["ndcg", "mean_average_precision"])
@pytest.mark.parametrize("depth", [None, 2, 4])
def test_rows_of_equal_score_count_as_the_mean_over_all_their_orders(
    name: str, depth: int | None
) -> None:
    relevance = np.array([1.0, 0.0, 2.0, 0.0, 0.0, 1.0])
    score = np.array([3.0, 2.0, 2.0, 2.0, 2.0, 1.0])
    value = per_query(name, depth)
    query = np.zeros(6, dtype=np.int64)
    broken = []
    for order in permutations(range(4)):
        apart = score.copy()
        apart[1:5] += 0.1 * np.array(order)
        broken.append(value(relevance, apart, query)[0])
    assert value(relevance, score, query)[0] == pytest.approx(np.mean(broken))


def test_averages_over_two_classes_and_over_each_rows_labels_agree() -> None:
    for stem in ("precision", "recall", "f1"):
        score = getattr(sk, f"{stem}_score")
        for average in ("macro", "micro", "weighted"):
            ours = estimate(metric_named(f"{stem}_{average}", "binary"), Labels(TRUTH, SCORE))
            assert ours == pytest.approx(score(TRUTH, HARD, average=average), rel=1e-12)
        truth, given = RNG.random((300, 4)) < 0.3, RNG.random((300, 4))
        ours = estimate(metric_named(f"{stem}_samples", "multilabel"), Labels(truth, given, 4))
        theirs = score(truth, given >= 0.5, average="samples", zero_division=0)
        assert ours == pytest.approx(theirs, rel=1e-12)
    ours = estimate(metric_named("roc_auc_macro", "multilabel"), Labels(truth, given, 4))
    assert ours == pytest.approx(sk.roc_auc_score(truth, given, average="macro"), rel=1e-12)
    ours = estimate(metric_named("mcc", "multiclass"), Labels(CLASSES, SHARES, 4))
    theirs = sk.matthews_corrcoef(CLASSES, SHARES.argmax(axis=1))
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("name", ["log_loss", "brier_score_loss", "expected_calibration_error"])
def test_what_takes_probabilities_refuses_other_scores_and_labels(name: str) -> None:
    with pytest.raises(WrongUsage, match="are no probabilities"):
        estimate(metric_named(name, "binary"), Labels(TRUTH, SCORE * 8 - 4))
    with pytest.raises(WrongUsage, match="probability of each class"):
        estimate(metric_named(name, "multiclass"), Labels(CLASSES, CLASSES, 4))


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("roc_auc@0.3", "binary"),
        ("precision_top_0%", "binary"),
        ("ndcg@0", "ranking"),
        ("ndcg@2.5", "ranking"),
        ("pinball@1", "regression"),
        ("mase@0", "forecast"),
        ("accuracy@0.5", "multiclass"),
    ],
)
def test_a_number_behind_the_at_that_means_nothing_is_refused(name: str, task: str) -> None:
    with pytest.raises(WrongUsage):
        metric_named(name, task)


def test_a_scorers_name_with_neg_says_that_the_sign_is_known() -> None:
    with pytest.raises(WrongUsage, match="Write 'log_loss': that less is better is known"):
        metric_named("neg_log_loss", "binary")
