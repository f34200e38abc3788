"""The study of false alarms, reduced: a promise that is claimed is not shown to be broken."""

from concurrent.futures import ProcessPoolExecutor

import pytest

from studies.drift_settings import SHIFTS, STABLE, Stable
from studies.study_false_alarms import MOST, delays, line, table, year


@pytest.mark.parametrize("at", [1, 18], ids=["a year, each window", "a quarter, two of three"])
def test_days_that_differ_alarm_no_oftener_than_promised(at: int) -> None:
    found = line(STABLE[at], [year(STABLE[at], number, 7) for number in range(3)])
    assert found.claimed == 3
    assert found.lower_99 <= 1.0
    assert found.rate <= MOST


@pytest.mark.parametrize("name", ["autocorrelated 0.99", "yearly season"])
def test_what_cannot_be_told_from_drift_is_refused(name: str) -> None:
    stable = next(each for each in STABLE if each.name == name)
    assert line(stable, [year(stable, number, 7) for number in range(2)]).holds == "refused"


@pytest.mark.slow
@pytest.mark.parametrize("stable", STABLE, ids=lambda each: f"{each.name}, {each.reference}")
def test_no_rate_that_is_claimed_is_shown_to_be_broken(stable: Stable) -> None:
    found = line(stable, [year(stable, number, 11) for number in range(12)])
    assert found.holds in ("yes", "refused")


@pytest.mark.slow
def test_shifts_are_found() -> None:
    with ProcessPoolExecutor(2) as pool:
        found = list(delays([SHIFTS[3]], 4, 3, pool))
    assert all(each.in_a_week == 1.0 for each in found)


def test_results_become_a_table() -> None:
    lines = list(table([{"setting": "a", "lower_99": "nan"}]))
    assert lines == ["| setting | lower 99 |", "|---|---|", "| a |  |"]
