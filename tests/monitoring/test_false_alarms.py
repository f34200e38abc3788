"""The study of false alarms, reduced: a promise that is claimed is not shown to be broken."""

from pathlib import Path

import numpy as np
import pytest

from studies import shifted_years, tallies
from studies.drift_settings import QUARTER, SHIFTS, YEAR
from studies.simulated_years import Setting, Year, year
from studies.stable_streams import COLUMNS, INDEPENDENT, Drawing
from studies.study_false_alarms import EVERY, empty, watch
from studies.tallies import MOST, Tally, rates


def _watched(setting: Setting, years: int, seed: int) -> Tally:
    return empty(setting, seed).with_years(year(setting, at, seed) for at in range(years))


def _named(name: str, reference: int = YEAR) -> Setting:
    return next(each for each in EVERY if (each.name, each.reference) == (name, reference))


@pytest.mark.parametrize("reference", [YEAR, QUARTER], ids=["each window", "two of three"])
def test_days_that_differ_alarm_no_oftener_than_promised(reference: int) -> None:
    found = rates(_watched(_named("day effects", reference), 3, 7))
    assert found.claimed == 3
    assert found.lower_99 <= 1.0
    assert found.rate <= MOST


def test_drops_of_a_metric_alarm_no_oftener_than_their_share_of_the_promise() -> None:
    found = rates(_watched(_named("drop of accuracy: day effects"), 4, 7))
    assert found.claimed == 4
    assert found.lower_99 <= 1.0


@pytest.mark.parametrize("name", ["autocorrelated 0.99", "yearly season"])
def test_what_cannot_be_told_from_drift_is_refused(name: str) -> None:
    assert rates(_watched(_named(name), 2, 7)).holds == "refused"


@pytest.mark.slow
@pytest.mark.parametrize("setting", EVERY, ids=lambda each: f"{each.name}, {each.reference}")
def test_no_rate_that_is_claimed_is_shown_to_be_broken(setting: Setting) -> None:
    assert rates(_watched(setting, 12, 11)).holds in ("yes", "refused")


@pytest.mark.slow
def test_shifts_are_found() -> None:
    found = [each for some in shifted_years.delays([SHIFTS[3]], 4, 3, "") for each in some]
    assert len(found) == 4
    assert all(each.in_a_week == 1.0 for each in found)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda each: each.name)
def test_a_shift_leaves_the_days_before_it_and_other_columns_as_they_were(shift: object) -> None:
    drawing = Drawing(INDEPENDENT, 20, np.random.default_rng(5))
    change = shift.change(20, 10)  # type: ignore[attr-defined] # a Shift, by its parameter
    touched = change.touched()
    for at in range(COLUMNS + 1):
        still, moved = drawing.column(at).counts, drawing.column(at, change).counts
        assert np.array_equal(still[:10], moved[:10])
        assert np.array_equal(still, moved) == (at not in touched)


def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    setting, path = _named("drop of accuracy: independent"), tmp_path / "study.csv"
    *_, first = watch([setting], [], (2, 7, ""))
    tallies.write(path, first)
    *_, more = watch([setting], tallies.read(path), (4, 7, ""))
    assert more == [_watched(setting, 4, 7)]
    *_, other = watch([setting], tallies.read(path), (2, 8, ""))
    assert other == [_watched(setting, 2, 8)]


def test_rates_are_told_from_counts_of_years() -> None:
    claimed = [Year(True, "played", 40, many, 0) for many in (0, 4, 8)]
    tally = Tally("a", 365, "1 of 1", 1.0, 360).with_years(
        [*claimed, Year(False, "unsteady", 0, 9, 9)]
    )
    found = rates(tally)
    assert (tally.incidents, tally.bases) == ("0:1 4:1 8:1", "played:3 unsteady:1")
    assert (found.claimed, found.rate, found.covered, found.holds) == (3, 1.0, 40.0, "yes")
    assert tallies.line(tally).startswith("| a | 365 | 1 of 1 | 4 | 3 | 40 | 1.00 | 0.00 |")
