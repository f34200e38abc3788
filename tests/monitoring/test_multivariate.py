"""How columns go together: errors of reconstruction, and a classifier of domains."""

from typing import Any

import numpy as np
import pytest

from tests.monitoring.streams import stable
from trueup.errors import WrongUsage
from trueup.monitoring.alarms import check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.foreign import calibrate_scores
from trueup.monitoring.calibration.records import Plan, Rule
from trueup.monitoring.multivariate import classifier, crosswise, reconstruction, told

PAIRS = Plan(rule=Rule(hits=2, of=3))


def drawn(days: int, correlation: float, seed: int, rows: int = 200) -> Any:
    """Return rows of six columns that share a factor, and each row's day."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(days * rows, 1))
    own = rng.normal(size=(days * rows, 6))
    values = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return values, np.repeat(np.arange(days), rows)


def test_correlation_alone_is_seen_by_the_error_of_reconstruction() -> None:
    rows, days = drawn(90, 0.7, 1)
    fitted = reconstruction(rows[:4000])
    threshold = calibrate([*stable(90), fitted.cells(rows, days, 90)], PAIRS)
    rows, days = drawn(1, 0.0, 2)
    moved = check(threshold, [*stable(1, 3), fitted.cells(rows, days, 1)])
    assert moved.drifted
    assert moved.findings[0].role == "joint"
    rows, days = drawn(1, 0.7, 3)
    assert not check(threshold, [*stable(1, 3), fitted.cells(rows, days, 1)]).drifted


def test_the_classifier_tells_a_window_of_other_correlation_and_no_window_of_the_same() -> None:
    rows, days = drawn(90, 0.5, 1)
    fitted = classifier(rows, days)
    features = fitted.features(rows)
    parts = [features[days == day] for day in range(90)]
    threshold = calibrate_scores(crosswise(parts), PAIRS)
    assert threshold.support.claimed
    same = told(fitted.features(drawn(1, 0.5, 5)[0]), features)
    other = told(fitted.features(drawn(1, 0.1, 5)[0]), features)
    assert threshold.score(np.array([same.score])) < threshold.at
    assert threshold.score(np.array([other.score])) > 2 * threshold.at
    assert same.auc < 0.6
    assert other.auc > 0.65


def test_nulls_and_constant_columns_break_neither() -> None:
    rows, days = drawn(20, 0.5, 1)
    rows[::3, 2] = np.nan
    rows[:, 3] = 7.0
    rows[:, 4] = np.nan
    fitted = reconstruction(rows)
    assert np.isfinite(fitted.errors(rows)).all()
    assert np.isfinite(classifier(rows, days).features(rows)).all()
    assert int(fitted.cells(rows, days, 20).counts.sum()) == len(rows)


def test_errors_do_not_depend_on_the_scale_of_columns() -> None:
    rows, _ = drawn(20, 0.5, 1)
    plain = reconstruction(rows).errors(rows)
    scaled = np.exp(rows) * 1e6
    assert reconstruction(scaled).errors(scaled) == pytest.approx(plain, abs=0.05)


@pytest.mark.parametrize("shape", [(100, 5), (500, 1)])
def test_too_few_rows_or_columns_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(WrongUsage):
        reconstruction(np.zeros(shape))


@pytest.mark.parametrize("wrong", [np.zeros(30), np.zeros((5, 2)), np.full((30, 1), np.nan)])
def test_scores_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(WrongUsage):
        calibrate_scores(wrong, PAIRS)


def test_foreign_scores_alarm_as_often_as_is_promised_and_no_oftener() -> None:
    rng = np.random.default_rng(6)
    over = 0
    for _ in range(60):
        values = rng.gamma(1.0, size=(730, 5))  # heavy to the right, as distances are
        found = calibrate_scores(values[:365], Plan())
        over += int((found.score(values[365:]) > found.at).sum())
    assert over / 60 <= 1.0 * 365 / 90


def test_scores_that_wander_are_refused() -> None:
    steps = np.random.default_rng(7).normal(size=(365, 1)).cumsum(axis=0)
    found = calibrate_scores(steps, Plan())
    assert not found.support.claimed
    assert found.support.basis == "unsteady"
