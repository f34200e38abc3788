import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.monitoring.maturity import NEVER, maturity_curve, window_maturity

DAY = 86_400_000_000


def _delays(rows: int, mean_days: float, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).exponential(mean_days, rows) * DAY).astype(np.int64)


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.one_of(st.none(), st.integers(-5, 200))),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 300),
)
def test_the_share_of_labels_never_falls_with_age(
    rows: list[tuple[int, int | None]], now: int
) -> None:
    captured = np.array([at for at, _ in rows], dtype=np.int64)
    labelled = np.array(
        [NEVER if delay is None else at + delay for at, delay in rows], dtype=np.int64
    )
    curve = maturity_curve(captured, labelled, now)
    for shares in (curve.of_rows, curve.of_labels):
        assert all(0 <= share <= 1 + 1e-12 for share in shares)
        assert list(shares) == sorted(shares)
    assert list(curve.ages_s) == sorted(set(curve.ages_s))


@given(st.permutations(range(40)))
def test_the_curve_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    captured = np.arange(40, dtype=np.int64) * DAY
    labelled = captured + _delays(40, 3, 1)
    labelled[::7] = NEVER
    every = maturity_curve(captured, labelled, 40 * DAY)
    assert maturity_curve(captured[order], labelled[order], 40 * DAY) == every


def test_the_curve_finds_the_true_delays_although_young_rows_are_still_unlabelled() -> None:
    rows = 40_000
    captured = np.sort(np.random.default_rng(0).integers(0, 30 * DAY, rows))
    labelled = captured + _delays(rows, 4, 2)
    curve = maturity_curve(captured, labelled, 30 * DAY)
    naive = float((labelled <= 30 * DAY).mean())
    for days in (1, 4, 8):
        assert curve.come(days * 86400) == pytest.approx(1 - np.exp(-days / 4), abs=0.015)
    assert naive < 0.9 < curve.come(12 * 86400)


def test_rows_that_never_get_a_label_lower_the_share_of_rows_and_not_that_of_labels() -> None:
    rows = 20_000
    random = np.random.default_rng(3)
    captured = np.sort(random.integers(0, 60 * DAY, rows))
    labelled = np.where(random.random(rows) < 0.4, captured + _delays(rows, 3, 4), NEVER)
    curve = maturity_curve(captured, labelled, 60 * DAY)
    assert curve.of_rows[-1] == pytest.approx(0.4, abs=0.03)
    assert curve.come(3 * 86400) == pytest.approx(1 - np.exp(-1), abs=0.03)


def test_what_comes_after_now_is_not_looked_at() -> None:
    captured = np.arange(100, dtype=np.int64) * DAY
    labelled = captured + 5 * DAY
    then = maturity_curve(captured[:51], labelled[:51], 50 * DAY)
    assert maturity_curve(captured, labelled, 50 * DAY) == then


def test_a_window_is_mature_when_its_last_moment_is_old_enough() -> None:
    captured = np.arange(100, dtype=np.int64) * (DAY // 100)
    curve = maturity_curve(captured, captured + DAY, 10 * DAY)
    early = window_maturity(captured, DAY, 3 * DAY - 1, 2 * 86400.0, curve)
    late = window_maturity(captured, DAY, 3 * DAY, 2 * 86400.0, curve)
    assert (early.mature, late.mature) == (False, True)
    assert late.declared
    assert late.come == 1.0


def test_without_a_declaration_the_curve_says_when_labels_are_complete() -> None:
    captured = np.arange(1000, dtype=np.int64) * (DAY // 100)
    curve = maturity_curve(captured, captured + 2 * DAY, 20 * DAY)
    found = window_maturity(captured, 10 * DAY, 12 * DAY, None, curve)
    assert (found.mature, found.declared, found.after_s) == (True, False, 2 * 86400.0)


def test_without_labels_nobody_knows_when_a_window_is_mature() -> None:
    captured = np.arange(100, dtype=np.int64)
    never = np.full(100, NEVER)
    found = window_maturity(captured, DAY, 9 * DAY, None, maturity_curve(captured, never, DAY))
    assert not found.mature
    assert "mature_after" in found.says


def test_a_declared_age_by_which_too_few_labels_come_is_told() -> None:
    captured = np.sort(np.random.default_rng(5).integers(0, 60 * DAY, 5000))
    curve = maturity_curve(captured, captured + _delays(5000, 10, 6), 90 * DAY)
    found = window_maturity(captured, 60 * DAY, 90 * DAY, 5 * 86400.0, curve)
    assert "declare a longer one" in found.says
