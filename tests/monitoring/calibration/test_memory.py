"""Memory: how many windows that follow each other say as much as one."""

import numpy as np
import pytest

from tests.monitoring.streams import following
from trueup.monitoring.calibration import memory
from trueup.monitoring.calibration.memory import alone, common, memories, shown


def test_white_noise_remembers_nothing_that_can_be_shown() -> None:
    found = memories(np.random.default_rng(1).normal(size=(365, 300)))
    assert 0.95 < common(found) < 1.1
    assert (shown(found) > 1).sum() <= 1


@pytest.mark.parametrize(("correlation", "least", "most"), [(0.5, 2, 4), (0.9, 9, 19)])
def test_chains_remember_about_as_long_as_their_long_run_variance_says(
    correlation: float, least: float, most: float
) -> None:
    rng = np.random.default_rng(2)
    series = np.stack([following(correlation, 365, rng) for _ in range(60)], axis=1)
    assert least < common(memories(series)) < most


def test_a_series_that_never_changes_has_no_memory_and_breaks_nothing() -> None:
    assert memories(np.ones((50, 2))).tolist() == [0, 0]
    assert shown(np.zeros(2)).tolist() == [1, 1]
    assert common(np.zeros(0)) == 1.0


def test_one_slow_series_among_many_is_found() -> None:
    rng = np.random.default_rng(3)
    series = rng.normal(size=(365, 240))
    series[:, 7] = following(0.99, 365, rng)
    found = shown(memories(series))
    assert found[7] > 15
    assert np.delete(found, 7).max() < 4


def test_one_series_alone_hardly_ever_looks_shorter_than_it_remembers() -> None:
    rng = np.random.default_rng(6)
    noisy = [following(0.9, 365, rng) + rng.normal(size=365) / 2 for _ in range(60)]
    true = 1 + 0.8 * (19 - 1)  # of a chain that is four fifths of the variance
    assert np.mean([alone(each) < true for each in noisy]) <= 0.1
    assert np.mean([alone(each) > 3 for each in rng.normal(size=(60, 365))]) <= 0.1
    assert alone(np.ones(100)) == 1.0


def test_of_few_series_the_one_that_remembers_longest_counts() -> None:
    rng = np.random.default_rng(8)
    slow = following(0.9, 365, rng)
    several = np.column_stack([rng.normal(size=365), slow])
    assert alone(several) >= alone(slow) > 10


def test_what_noise_may_show_of_neighbours_counts_as_none() -> None:
    rng = np.random.default_rng(9)
    noise = [memory.following(each) for each in rng.normal(size=(200, 365))]
    assert np.mean([each > 0 for each in noise]) <= 0.1
    assert memory.following(following(0.5, 365, rng)) == pytest.approx(0.5, abs=0.15)
    assert memory.following(np.ones(30)) == 0.0
