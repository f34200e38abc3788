"""Exact and score methods agree with published examples, SciPy and statsmodels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.gate.proportions import (
    clopper_pearson,
    mcnemar,
    tango,
    tango_statistic,
    tango_tail,
    wilson,
)

proportion = pytest.importorskip("statsmodels.stats.proportion")
tables = pytest.importorskip("statsmodels.stats.contingency_tables")


def test_tangos_own_example_comes_out_as_printed() -> None:
    # Tango 1998: two ways to disinfect contact lenses; 43 agree, 1 speaks for the old one
    assert tango_statistic(0, 1, 44, -0.1) == pytest.approx(1.709, abs=5e-4)
    assert 1 - tango_tail(0, 1, 44, -0.1) == pytest.approx(0.0437, abs=2e-4)
    assert tango(0, 1, 44, 0.05) == pytest.approx((-0.096, 0.037), abs=6e-4)


@pytest.mark.parametrize(
    ("gained", "lost", "rows", "printed"),
    [
        (1, 7, 21, (-0.517, -0.026)),  # Bentur 2009
        (6, 16, 161, (-0.1240, -0.0054)),  # Cavo 2012
    ],
)
def test_tangos_interval_is_that_of_fagerland_lydersen_and_laake(
    gained: int, lost: int, rows: int, printed: tuple[float, float]
) -> None:
    assert tango(gained, lost, rows, 0.025) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (10, 10), (8, 10), (190, 1000), (5, 100_000)])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.0025])
def test_proportions_are_those_of_statsmodels(hits: int, rows: int, alpha: float) -> None:
    theirs = proportion.proportion_confint(hits, rows, 2 * alpha, method="beta")
    assert clopper_pearson(hits, rows, alpha) == pytest.approx(theirs, rel=1e-7, abs=1e-12)
    theirs = proportion.proportion_confint(hits, rows, 2 * alpha, method="wilson")
    assert wilson(hits, rows, alpha) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("gained", "lost"), [(12, 4), (0, 6), (7, 7), (300, 250)])
def test_mcnemar_is_that_of_statsmodels(gained: int, lost: int) -> None:
    theirs = tables.mcnemar([[10, gained], [lost, 20]], exact=True).pvalue
    assert mcnemar(gained, lost) == pytest.approx(theirs, rel=1e-9)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 500))
def test_tango_turned_round_is_tango_of_the_opposite(gained: int, lost: int, both: int) -> None:
    rows = gained + lost + both + 1
    lower, upper = tango(gained, lost, rows, 0.05)
    assert lower <= (gained - lost) / rows <= upper
    assert tango(lost, gained, rows, 0.05) == pytest.approx((-upper, -lower), abs=1e-9)
