"""Times of rows, however a table holds them."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest

from trueup.delivery.row_times import as_gate_takes, moment_like, row_times
from trueup.errors import WrongUsage
from trueup.gate.rows import days

NAIVE = datetime(2026, 3, 1, 12, 30)
FIRST = [20513, 20514]  # days since 1970


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([NAIVE, NAIVE + timedelta(days=1)]),
        pl.Series([NAIVE, NAIVE + timedelta(days=1)]).dt.cast_time_unit("ns"),
        pl.Series([NAIVE, NAIVE + timedelta(days=1)]).dt.replace_time_zone("America/New_York"),
        pl.Series([date(2026, 3, 1), date(2026, 3, 2)]),
        pl.Series(["2026-03-01", "2026-03-02"]),
        pl.Series(["2026-03-01T12:30", "2026-03-02 12:30"]),
        pl.Series(["2026-03-01T12:30:00.25Z", "2026-03-02T01:30:00+01:00"]),
        pl.Series(["2026-03-01", "2026-03-02T12:30:01"]),
        pl.Series([20513 * 86400 + 5, 20514 * 86400]),
        pl.Series([20513.0, 20514.0]),  # small numbers are steps
    ],
)
def test_rows_of_a_day_are_found_whatever_the_column_holds(values: pl.Series) -> None:
    assert days(as_gate_takes(row_times(values, "test.csv"))).tolist() == FIRST


def test_a_zone_is_taken_into_account_and_the_day_is_that_of_utc() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    found = row_times(pl.Series([late]), "test.csv")
    assert found[0] == datetime(2026, 3, 2, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["2026-03-01", "yesterday"]),
        pl.Series(["2026-03-01T10:00:00Z", "2026-03-01T10:00:00"]),
        pl.Series([True, False]),
        pl.Series([1.0, float("nan")]),
    ],
)
def test_what_is_no_time_is_an_error(values: pl.Series) -> None:
    with pytest.raises(WrongUsage):
        row_times(values, "test.csv")


def test_a_configured_date_lasts_until_its_day_ends() -> None:
    aware = pl.Series([NAIVE]).dt.replace_time_zone("UTC")
    assert moment_like("2026-03-01", aware, "cutoff") > aware[0]
    assert moment_like(date(2026, 3, 1), pl.Series([NAIVE]), "cutoff") > NAIVE
    assert moment_like("2026-03-01T12:30:00Z", pl.Series([NAIVE]), "cutoff") == NAIVE
    assert moment_like(12, pl.Series([3, 4]), "cutoff") == 12.0
    for wrong in ("late", 7, True, None):
        with pytest.raises(WrongUsage, match="cutoff"):
            moment_like(wrong, aware, "cutoff")
    with pytest.raises(WrongUsage, match="a number"):
        moment_like("2026-03-01", pl.Series([3, 4]), "cutoff")
