"""Windows without captures: which they are, and whether that is usual."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trueup.monitoring.broken.records import Limits
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.scanning.scan import scan_reference
from trueup.monitoring.watching.silence import (
    MOST,
    Rows,
    Silence,
    judged,
    rows_before,
    silent_windows,
)
from trueup.monitoring.watching.windows import Window

FIRST = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
REFERENCE = scan_reference({"x": np.arange(100.0)}, Asked(blocks=BlockSize(rows=10))).reference


def day(nth: int) -> Window:
    return Window(FIRST + nth * DAY, FIRST + (nth + 1) * DAY)


def before(*rows: int) -> Rows:
    return tuple((day(nth), count) for nth, count in enumerate(rows) if count)


def silence(*rows: int) -> Silence:
    return judged(REFERENCE, before(*rows), day(len(rows)), Limits())


def test_windows_between_captures_and_after_them_are_silent() -> None:
    found = silent_windows({day(0), day(1), day(4)}, day(6).end)
    assert found == [day(2), day(3), day(5), day(6)]
    assert silent_windows({day(0), day(1)}, day(1).begin) == []
    assert silent_windows((), day(9).end) == []


def test_of_a_long_silence_the_first_windows_are_told() -> None:
    assert silent_windows({day(0)}, day(999).end) == [day(nth) for nth in range(1, MOST + 1)]


@pytest.mark.parametrize("count", [3, 7, 40])
def test_nothing_where_there_always_was_something_is_broken(count: int) -> None:
    found = silence(*[100] * count)
    assert found.finding is not None
    assert found.finding.check == "row_count"


@pytest.mark.parametrize("weeks", [1, 2, 5])
def test_days_that_are_always_empty_are_usual(weeks: int) -> None:
    assert silence(*[700, 0, 0, 0, 0, 0, 0] * weeks, 700, 0, 0) == Silence()


def test_a_weekly_batch_that_does_not_come_is_broken() -> None:
    assert silence(*[700, 0, 0, 0, 0, 0, 0] * 10).finding is not None


@pytest.mark.parametrize("rows", [(100,), (100, 100), (3, 2, 4, 3), (3, 2, 4) * 10])
def test_what_too_few_rows_tell_of_is_not_called_broken(rows: tuple[int, ...]) -> None:
    found = silence(*rows)
    assert found.finding is None
    assert found.says.startswith("nothing was captured")


def test_no_windows_before_tell_nothing() -> None:
    assert judged(REFERENCE, (), day(0), Limits()).finding is None
    assert rows_before((), frozenset(), day(0)) == ()
