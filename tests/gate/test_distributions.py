"""Tails and quantiles are SciPy's."""

import math

import pytest

from trueup.gate.distributions import beta_cdf, beta_quantile, normal_cdf, t_quantile, t_tail

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("df", [1, 2, 7, 7.4, 29, 180, 1999, 20_000])
@pytest.mark.parametrize("share", [0.6, 0.95, 0.975, 0.9999])
def test_students_t_is_the_same_to_ten_digits(df: float, share: float) -> None:
    assert t_quantile(share, df) == pytest.approx(stats.t.ppf(share, df), rel=1e-8)
    assert t_quantile(1 - share, df) == pytest.approx(stats.t.ppf(1 - share, df), rel=1e-8)
    at = float(stats.t.ppf(share, df))
    assert t_tail(at, df) == pytest.approx(1 - share, rel=1e-8)
    assert t_tail(-at, df) == pytest.approx(share, rel=1e-8)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (0.5, 3), (2, 30), (11, 190), (5e4, 9.5e5), (1, 1e6)])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.95, 0.999])
def test_beta_quantiles_are_the_same_to_nine_digits(a: float, b: float, share: float) -> None:
    there = float(stats.beta.ppf(share, a, b))
    assert beta_quantile(share, a, b) == pytest.approx(there, rel=1e-8)
    assert beta_cdf(there, a, b) == pytest.approx(share, rel=1e-7)


def test_the_ends_of_the_beta_are_zero_and_one() -> None:
    assert (beta_cdf(0, 2, 3), beta_cdf(1, 2, 3)) == (0.0, 1.0)


def test_the_normal_keeps_its_far_tail() -> None:
    assert normal_cdf(-10) == pytest.approx(float(stats.norm.cdf(-10)), rel=1e-12)
    assert t_tail(10, math.inf) == pytest.approx(float(stats.norm.sf(10)), rel=1e-12)
