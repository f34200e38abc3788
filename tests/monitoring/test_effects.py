"""Effects: what they are without drift, with it, and that a window's size decides nothing."""

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import WrongUsage
from trueup.monitoring.effects import (
    NOTHING_BEYOND,
    Beyond,
    Effect,
    Sample,
    Shift,
    beyond,
    grid_error,
    ruler,
    shift,
)

EFFECTS = get_args(Effect)
ORDERED = ("ks", "wasserstein")


def measured(
    effect: Effect,
    reference: list[int] | np.ndarray,
    window: list[int] | np.ndarray,
    edges: np.ndarray | None = None,
) -> Shift:
    before, now = np.array(reference, float), np.array(window, float)
    p, q = before / before.sum(), now / now.sum()
    found = ruler(effect, Sample(p, before.sum()), Sample(q, now.sum()), edges)
    square = float(found.square(p[None], q[None])[0])
    return shift(found, square, now.sum(), before.sum(), NOTHING_BEYOND)


@pytest.mark.parametrize("rows", [100, 1000, 100_000, 1_000_000])
@pytest.mark.parametrize("categories", [2, 10, 100, 1000])
@pytest.mark.parametrize("effect", EFFECTS)
def test_without_drift_the_corrected_effect_has_a_median_near_nothing(
    effect: Effect, categories: int, rows: int
) -> None:
    rng = np.random.default_rng([categories, rows])
    shares = 1 / np.arange(1, categories + 1)
    edges = np.arange(categories - 1.0) if effect in ORDERED else None
    found = [
        measured(
            effect,
            rng.multinomial(rows, shares / shares.sum()),
            rng.multinomial(rows, shares / shares.sum()),
            edges,
        )
        for _ in range(31 if effect in ORDERED else 101)  # whose chance is drawn each time
    ]
    assert np.median([each.corrected for each in found]) <= 0.03
    assert np.mean([each.lower >= 0.1 for each in found]) <= 0.1


def test_the_raw_effect_of_many_categories_would_have_alarmed() -> None:
    rng = np.random.default_rng(5)
    shares = np.full(100, 0.01)
    found = measured("jensen_shannon", rng.multinomial(10**6, shares), rng.multinomial(900, shares))
    assert found.raw > 0.1
    assert found.corrected < 0.05
    assert found.lower == 0.0


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("moved", [0.02, 0.35])
def test_the_verdict_on_a_shift_does_not_depend_on_the_size_of_the_window(
    effect: Effect, moved: float
) -> None:
    before = np.array([0.4, 0.3, 0.2, 0.1])
    after = before + moved * np.array([-1.0, 0.5, 0.3, 0.2])
    edges = np.arange(3.0) if effect in ORDERED else None
    rng = np.random.default_rng(3)
    verdicts = [
        measured(effect, 10**6 * before, rng.multinomial(rows, after), edges).lower >= 0.1
        for rows in (1_000, 10_000, 100_000, 1_000_000)
        for _ in range(20)
    ]
    assert set(verdicts) == {moved > 0.1}


def test_effects_are_what_their_formulas_say() -> None:
    one, other = [10**6, 10**6], [15 * 10**5, 5 * 10**5]
    p, q = 0.5, 0.75
    psi = (q - p) * math.log(q / p) + (p - q) * math.log((1 - q) / (1 - p))
    assert measured("psi", one, other).raw == pytest.approx(psi)
    assert measured("l_infinity", one, other).raw == pytest.approx(0.25)
    hellinger = math.sqrt(((q**0.5 - p**0.5) ** 2 + ((1 - q) ** 0.5 - p**0.5) ** 2) / 2)
    assert measured("hellinger", one, other).raw == pytest.approx(hellinger)
    assert measured("jensen_shannon", [1000, 0], [0, 1000]).raw == pytest.approx(1.0)


def test_wasserstein_counts_in_interquartile_ranges() -> None:
    edges = np.arange(-100.0, 301.0)
    centres = np.arange(-100.5, 301.0)
    before = np.exp(-((centres / 20) ** 2) / 2)
    after = np.exp(-(((centres - 40) / 20) ** 2) / 2)
    found = measured("wasserstein", 1e9 * before, 1e9 * after, edges)
    assert found.raw == pytest.approx(40 / (1.349 * 20), rel=0.01)
    assert measured("ks", 1e9 * before, 1e9 * after, edges).raw == pytest.approx(0.683, abs=0.01)


def test_what_has_no_order_is_measured_by_jensen_shannon_in_place_of_ks() -> None:
    assert measured("ks", [500, 500], [400, 600]).effect == "jensen_shannon"


def test_an_effect_that_nobody_knows_is_refused_with_the_names_of_the_others() -> None:
    with pytest.raises(WrongUsage, match="hellinger"):
        measured("euclid", [1, 2], [2, 1])  # type: ignore[arg-type] # a wrong word


@pytest.mark.parametrize("effect", EFFECTS)
@settings(max_examples=30)
@given(
    counts=st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12
    ).filter(lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0)
)
def test_an_effect_is_no_less_than_nothing_and_bounds_are_in_their_order(
    effect: Effect, counts: list[tuple[int, int]]
) -> None:
    edges = np.arange(len(counts) - 1.0) if effect in ORDERED else None
    found = measured(effect, [a for a, _ in counts], [b for _, b in counts], edges)
    assert 0 <= found.lower <= found.corrected <= found.raw
    if effect in ("jensen_shannon", "hellinger", "ks", "l_infinity"):
        assert found.raw <= 1 + 1e-9
    same = measured(effect, [a for a, _ in counts], [a for a, _ in counts], edges)
    assert same.raw == pytest.approx(0, abs=1e-9)


def test_days_that_differ_by_themselves_are_subtracted_from_the_effect() -> None:
    p = np.array([0.5, 0.5])
    found = ruler("jensen_shannon", Sample(p, 1e6), Sample(p, 1e4))
    rng = np.random.default_rng(1)
    share = 0.5 + 0.05 * rng.normal(size=300)
    days = beyond(
        found, found.square(p, np.stack([share, 1 - share], axis=1)), np.full(300, 1e4), 1e6
    )
    square = float(found.square(p[None], np.array([[0.58, 0.42]]))[0])
    assert shift(found, square, 1e4, 1e6, Beyond()).lower > 0.03
    assert shift(found, square, 1e4, 1e6, days).lower == 0.0


def test_the_grid_hides_at_most_the_largest_cell_of_a_ks_distance() -> None:
    assert grid_error("ks", np.array([0.1, 0.7, 0.2])) == 0.7
    assert grid_error("psi", np.array([0.1, 0.7, 0.2])) == 0.0
