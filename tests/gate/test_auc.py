"""The ROC area and its error: a published example, SciPy, scikit-learn, and the formula itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.gate.auc import delong_variance, influence, left_out, placements

metrics = pytest.importorskip("sklearn.metrics")
stats = pytest.importorskip("scipy.stats")

# Hanley and McNeil 1982: ratings of 109 CT images, normal and abnormal
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)


def test_the_ct_images_have_the_area_and_error_that_are_printed_everywhere() -> None:
    score = np.concatenate([np.repeat(np.arange(5.0), NORMAL), np.repeat(np.arange(5.0), ABNORMAL)])
    truth = np.arange(len(score)) >= sum(NORMAL)
    area, moved = influence(truth, score)
    assert area == pytest.approx(0.8932, abs=5e-5)
    assert delong_variance(truth, moved) ** 0.5 == pytest.approx(0.0307, abs=5e-5)


def drawn(rows: int, grid: float, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.3
    both = rng.normal(size=rows)
    one, two = (np.round((both + rng.normal(size=rows) + truth) / grid) * grid for _ in range(2))
    return truth, one, two


@pytest.mark.parametrize("grid", [1e-6, 0.5])
def test_the_covariance_is_that_of_delongs_formula_written_out(grid: float) -> None:
    truth, one, two = drawn(160, grid)
    m, n = int(truth.sum()), int((~truth).sum())
    parts = []
    for score in (one, two):
        pairs = score[truth][:, None] - score[~truth][None, :]
        parts.append((pairs > 0) + 0.5 * (pairs == 0))
    contrast = parts[0] - parts[1]
    written = contrast.mean(axis=1).var(ddof=1) / m + contrast.mean(axis=0).var(ddof=1) / n
    (first, moved), (second, others) = influence(truth, one), influence(truth, two)
    assert first - second == pytest.approx(contrast.mean(), abs=1e-12)
    assert delong_variance(truth, moved - others) == pytest.approx(written, rel=1e-10)


@pytest.mark.parametrize("grid", [1e-6, 0.5])
def test_the_area_is_scikit_learns_and_that_of_mann_and_whitney(grid: float) -> None:
    truth, score, _ = drawn(2000, grid)
    area = placements(truth, score).area
    assert area == pytest.approx(metrics.roc_auc_score(truth, score), rel=1e-12)
    u = stats.mannwhitneyu(score[truth], score[~truth]).statistic
    assert area == pytest.approx(u / (truth.sum() * (~truth).sum()), rel=1e-12)


@given(st.integers(0, 1000), st.integers(2, 12), st.sampled_from([1e-6, 0.5]))
def test_leaving_a_block_out_is_the_area_of_the_others(seed: int, count: int, grid: float) -> None:
    truth, score, _ = drawn(60, grid, seed)
    blocks = np.random.default_rng(seed).integers(0, count, 60)
    found = left_out(truth, score, blocks, count)
    for block in range(count):
        kept = blocks != block
        if truth[kept].any() and not truth[kept].all():
            assert found[block] == pytest.approx(placements(truth[kept], score[kept]).area)
        else:
            assert np.isnan(found[block])
