import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.monitoring.performance.answered import DAY, binary, numbers, several
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import metric_named
from trueup.gate.metrics import Labels
from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.performance.confidence import expected
from trueup.monitoring.performance.estimating import classes_of, estimated
from trueup.monitoring.performance.losses import estimated_losses, losses_of
from trueup.monitoring.performance.past import PastEstimate
from trueup.monitoring.performance.recalibrating import isotonic
from trueup.monitoring.performance.shifting import density_ratio
from trueup.monitoring.performance.weighing import weighted

BINARY = (
    *("roc_auc", "average_precision", "accuracy", "f1", "precision", "recall"),
    *("specificity", "log_loss", "brier_score_loss", "matthews_corrcoef"),
)
SEVERAL = ("roc_auc_ovr", "accuracy", "f1_macro", "recall_macro", "log_loss", "brier_score_loss")


def _realised(answers: Answers, name: str) -> float:
    truth = answers.truth == 1 if answers.task == "binary" else answers.truth
    classes = 2 if answers.task == "binary" else 3
    return estimate(metric_named(name, answers.task), Labels(truth, answers.predicted, classes))


@pytest.mark.parametrize("name", BINARY)
def test_with_probabilities_that_are_right_the_estimate_is_what_is_realised_on_average(
    name: str,
) -> None:
    off = []
    for seed in range(20):
        window = binary(2000, 1, seed)
        said = expected(
            metric_named(name, "binary"), window.predicted, window.predicted[:, None], 2
        )
        off.append(said - _realised(window, name))
    spread = float(np.std(off)) / math.sqrt(len(off))
    assert abs(float(np.mean(off))) < 4 * spread + 1e-3


@pytest.mark.parametrize("name", SEVERAL)
def test_the_same_holds_for_several_classes(name: str) -> None:
    off = []
    for seed in range(20):
        window = several(1500, 1, seed)
        said = expected(metric_named(name, "multiclass"), window.predicted, window.predicted, 3)
        off.append(said - _realised(window, name))
    spread = float(np.std(off)) / math.sqrt(len(off))
    assert abs(float(np.mean(off))) < 4 * spread + 1e-3


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.booleans(), st.integers(1, 4)), min_size=4, max_size=40
    )
)
def test_a_weight_counts_as_so_many_rows(rows: list[tuple[int, bool, int]]) -> None:
    score = np.array([each / 8 for each, _, _ in rows])
    truth = np.array([each for _, each, _ in rows])
    weights = np.array([each for _, _, each in rows])
    if truth.all() or not truth.any():
        return
    for name in ("roc_auc", "average_precision", "f1", "log_loss", "recall"):
        metric = metric_named(name, "binary")
        copies = Labels(np.repeat(truth, weights), np.repeat(score, weights))
        by_weight = estimate(weighted(metric, weights * 1.0), Labels(truth, score))
        assert by_weight == pytest.approx(estimate(metric, copies), abs=1e-12)


def test_weighted_metrics_are_those_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rows = binary(3000, 1, 4)
    weights = np.random.default_rng(1).uniform(0.2, 5, 3000)
    truth, score = rows.truth == 1, rows.predicted
    ours = {
        name: estimate(weighted(metric_named(name, "binary"), weights), Labels(truth, score))
        for name in ("roc_auc", "average_precision", "f1", "log_loss")
    }
    theirs = {
        "roc_auc": sklearn.roc_auc_score(truth, score, sample_weight=weights),
        "average_precision": sklearn.average_precision_score(truth, score, sample_weight=weights),
        "f1": sklearn.f1_score(truth, score >= 0.5, sample_weight=weights),
        "log_loss": sklearn.log_loss(truth, score, sample_weight=weights),
    }
    assert ours == pytest.approx(theirs, abs=1e-9)
    three = several(900, 1, 2)
    heavy = np.random.default_rng(2).uniform(0.2, 5, 900)
    area = weighted(metric_named("roc_auc_ovr", "multiclass"), heavy, 3)
    theirs_each = [
        sklearn.roc_auc_score(three.truth == c, three.predicted[:, c], sample_weight=heavy)
        for c in range(3)
    ]
    mine = estimate(area, Labels(three.truth, three.predicted, 3))
    assert mine == pytest.approx(np.mean(theirs_each))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 10)), min_size=2, max_size=40))
def test_the_rising_line_is_that_of_scikit_learn(cells: list[tuple[float, float]]) -> None:
    linear = pytest.importorskip("sklearn.isotonic")
    scores = np.arange(len(cells)).astype(np.float64)
    came, weights = (np.array([each[k] for each in cells]) for k in (0, 1))
    line = isotonic(scores, came, weights)
    theirs = linear.IsotonicRegression().fit(scores, came, sample_weight=weights).predict(scores)
    assert np.all(np.diff(line.shares) > 0)
    assert set(np.round(line.shares, 9)) == set(np.round(theirs, 9))


def test_scores_that_are_no_probabilities_are_recalibrated() -> None:
    right = binary(8000, 20, 1)
    bent = replace(right, predicted=right.predicted**3)
    reference = classes_of(bent, ("log_loss", "accuracy"), 400)
    assert reference.found.recalibrated
    assert reference.found.gap < 0.05 < reference.found.gap_before
    later = binary(4000, 1, 2)
    window = replace(later, predicted=later.predicted**3)
    for one in estimated(reference, window, ("log_loss", "accuracy"), {}):
        assert one.value is not None
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower <= _realised(window, one.metric) <= one.upper


def test_bands_hold_the_realised_value_as_often_as_they_say() -> None:
    names = ("roc_auc", "f1", "log_loss")
    reference = classes_of(binary(6000, 20, 7), names, 300)
    inside = 0
    for seed in range(40):
        window = binary(300, 1, 100 + seed)
        for one in estimated(reference, window, names, {}):
            assert one.lower is not None
            assert one.upper is not None
            inside += one.lower <= _realised(window, one.metric) <= one.upper
    assert 0.9 <= inside / 120 <= 1.0


def test_where_a_score_means_different_things_for_different_inputs_weights_tell_them_apart() -> (
    None
):
    def mixed(rows: int, share: float, seed: int) -> Answers:
        random = np.random.default_rng(seed)
        kind = random.random(rows) < share
        score = random.uniform(0.2, 0.8, rows)
        likely = np.where(kind, score**2, np.sqrt(score))  # the same score, two meanings
        truth = (random.random(rows) < likely).astype(np.int64)
        made = binary(rows, 10, seed, predicted=score, truth=truth)
        return replace(made, inputs={"kind": np.where(kind, "a", "b").astype(object)})

    known, window = mixed(20_000, 0.5, 1), mixed(5000, 0.75, 2)
    blind = replace(known, inputs={})
    weighted_one = estimated(classes_of(known, ("accuracy",), 2000), window, ("accuracy",), {})[0]
    plain = estimated(classes_of(blind, ("accuracy",), 2000), window, ("accuracy",), {})[0]
    assert (weighted_one.method, plain.method) == ("M-CBPE", "CBPE")
    assert weighted_one.value is not None
    assert plain.value is not None
    truth = _realised(window, "accuracy")
    assert abs(weighted_one.value - truth) < abs(plain.value - truth)


def test_without_a_shift_all_rows_of_the_reference_weigh_about_the_same() -> None:
    random = np.random.default_rng(0)
    known = {"x": random.normal(size=4000), "y": random.normal(size=4000)}
    window = {"x": random.normal(size=2000), "y": random.normal(size=2000)}
    assert density_ratio(known, window, 0).worth > 0.9 * 4000
    moved = {"x": window["x"] + 3, "y": window["y"]}
    assert density_ratio(known, moved, 0).worth < 0.3 * 4000


def test_a_window_composed_too_differently_is_not_weighted_and_says_so() -> None:
    known = binary(4000, 10, 1)
    x = np.random.default_rng(1).normal(size=4000)
    window = binary(2000, 1, 2)
    moved = replace(window, inputs={"x": np.random.default_rng(2).normal(4, 0.1, 2000)})
    reference = classes_of(replace(known, inputs={"x": x}), ("accuracy",), 400)
    (found,) = estimated(reference, moved, ("accuracy",), {})
    assert found.method == "CBPE"
    assert "composed so differently" in found.reasons[0]


def test_weights_that_drive_another_column_away_are_refused() -> None:
    random = np.random.default_rng(3)
    x = random.uniform(size=8000)
    known = replace(
        binary(8000, 10, 1), inputs={"x": x, "y": x + random.normal(0, 0.1, 8000)}
    )  # the two always go together
    later = {"x": random.uniform(0.6, 1, 3000), "y": random.uniform(size=3000)}
    reference = classes_of(known, ("accuracy",), 400)
    (found,) = estimated(reference, replace(binary(3000, 1, 2), inputs=later), ("accuracy",), {})
    assert found.method == "CBPE"
    assert "composed so differently" in found.reasons[0]


@pytest.mark.parametrize(
    ("reference", "window", "says"),
    [
        (binary(200, 2, 1), binary(500, 1, 2), "200 labelled rows"),
        (
            binary(1000, 2, 1, truth=(np.arange(1000) < 10).astype(np.int64)),
            binary(500, 1, 2),
            "a class has 10 rows",
        ),
        (
            binary(4000, 9, 1, truth=(np.arange(4000) % 4000 < 2000).astype(np.int64)),
            binary(500, 1, 2),
            "of the outcomes' spread away",
        ),
        (
            binary(4000, 9, 1),
            binary(500, 1, 2, predicted=np.full(500, 1.5)),
            "of the scores lie outside",
        ),
        (binary(4000, 9, 1), binary(20, 1, 2), "the window has 20 rows"),
        (
            binary(4000, 9, 1),
            binary(500, 1, 2, predicted=np.full(500, 0.001)),
            "of the rarer class are expected",
        ),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_the_reason(
    reference: Answers, window: Answers, says: str
) -> None:
    (found,) = estimated(classes_of(reference, ("roc_auc",), 400), window, ("roc_auc",), {})
    assert found.value is None
    assert says in found.reasons[0]
    assert "P(y|x)" in found.assumes


def test_past_errors_widen_the_band() -> None:
    reference, window = classes_of(binary(4000, 9, 1), ("accuracy",), 400), binary(500, 1, 2)
    (narrow,) = estimated(reference, window, ("accuracy",), {})
    past = {"accuracy": [PastEstimate(0.8, 0.01, 0.7, 0.75, 0.85)] * 6}
    (wide,) = estimated(reference, window, ("accuracy",), past)
    assert narrow.upper is not None
    assert narrow.lower is not None
    assert wide.upper is not None
    assert wide.lower is not None
    assert wide.value == narrow.value
    assert wide.past_error == pytest.approx(0.0995, abs=1e-3)
    assert wide.upper - wide.lower > 2 * (narrow.upper - narrow.lower)


def test_the_loss_of_a_regression_is_told_from_its_inputs() -> None:
    names = ("mean_absolute_error", "root_mean_squared_error", "r2")
    reference = losses_of(numbers(6000, 12, 1), names, 500)
    window = numbers(3000, 1, 2, low=2.0)  # inputs of large errors only
    found = {one.metric: one for one in estimated_losses(reference, window, names, {})}
    for name in names[:2]:
        one = found[name]
        truth = _realised(window, name)
        assert one.value is not None
        assert one.method == "DLE"
        assert one.value == pytest.approx(truth, rel=0.06)
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower < truth < one.upper
    assert found["r2"].value is None
    assert "no mean of losses" in found["r2"].reasons[0]


def test_inputs_beyond_those_of_the_reference_are_refused() -> None:
    reference = losses_of(numbers(1000, 12, 1), ("mean_absolute_error",), 500)
    window = numbers(500, 1, 2)
    far = replace(window, inputs={"x": window.inputs["x"] + 3})
    (found,) = estimated_losses(reference, far, ("mean_absolute_error",), {})
    assert found.value is None
    assert "of the x lie outside" in found.reasons[0]


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_order_of_a_windows_rows_changes_no_estimate(seed: int) -> None:
    window = binary(400, 1, 3)
    order = np.random.default_rng(seed).permutation(400)
    metric = metric_named("roc_auc", "binary")
    one = expected(metric, window.predicted, window.predicted[:, None], 2)
    other = expected(metric, window.predicted[order], window.predicted[order][:, None], 2)
    assert one == pytest.approx(other, abs=1e-12)


def test_a_reference_is_made_ready_whatever_the_order_of_its_rows() -> None:
    rows = binary(2000, 9, 1)
    order = np.random.default_rng(0).permutation(2000)
    one, other = (classes_of(each, ("accuracy",), 400) for each in (rows, rows.only(order)))
    assert one.found.gap == other.found.gap
    assert one.tested == other.tested
    assert int(rows.at.max()) < 9 * DAY
