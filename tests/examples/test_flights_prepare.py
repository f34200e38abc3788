"""No flight disappears, none is there twice, and time separates the windows."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples.flights import SETTINGS, flight, flights, script, table_of, weather

DAY = date(2013, 7, 4)


def test_a_flight_that_never_arrived_is_kept_without_a_truth() -> None:
    rows = [
        flight(DAY, 900, 1, arr_delay=16),
        flight(DAY, 900, 2, arr_delay=15),
        flight(DAY, 900, 3, arr_delay=None),  # diverted
        flight(
            DAY, 900, 4, dep_time=None, dep_delay=None, arr_delay=None, tailnum=None
        ),  # cancelled
    ]
    made = table_of(flights(rows), weather([])).sort("flight_id")
    assert made["late"].to_list() == [True, False, None, None]


def test_an_id_is_the_day_in_new_york_carrier_number_and_origin() -> None:
    rows = [flight(DAY, 2330, 1, origin=origin) for origin in ("EWR", "JFK")]
    made = table_of(flights(rows), weather([]))
    assert sorted(made["flight_id"]) == ["2013-07-04-UA-1-EWR", "2013-07-04-UA-1-JFK"]


def test_two_flights_of_one_id_are_refused() -> None:
    rows = [flight(DAY, 900, 1), flight(DAY, 1900, 1)]
    with pytest.raises(SystemExit, match="two flights share date, carrier, number and origin"):
        table_of(flights(rows), weather([]))


def test_the_order_of_the_raw_rows_changes_nothing() -> None:
    rows = [flight(DAY, 600 + 100 * (n % 5), n, arr_delay=n) for n in range(20)]
    made = table_of(flights(rows), weather([]))
    assert made.equals(table_of(flights(rows[::-1]), weather([])))
    assert made["scheduled_at"].is_sorted()


@given(
    until=st.dates(date(2013, 1, 1), date(2014, 12, 31)),
    test=st.integers(1, 99),
    validation=st.integers(1, 99),
    gap=st.integers(0, 9),
)
def test_windows_follow_each_other_with_a_gap_and_end_at_until(
    until: date, test: int, validation: int, gap: int
) -> None:
    settings = {"test_days": test, "validation_days": validation, "gap_days": gap}
    laid = script("prepare").windows(until, SETTINGS | settings)
    apart = timedelta(days=gap)
    assert laid["test"] == (until - timedelta(days=test), until)
    assert laid["validation"][1] + apart == laid["test"][0]
    assert laid["validation"][1] - laid["validation"][0] == timedelta(days=validation)
    assert laid["train"][1] + apart == laid["validation"][0]


def test_ingest_takes_the_days_before_the_date_and_not_the_date() -> None:
    rows = flights([flight(DAY + timedelta(days=n), 900, n) for n in range(-2, 3)])
    kept = script("ingest").before(rows, DAY)
    assert kept.select(pl.date("year", "month", "day")).to_series().max() == DAY - timedelta(days=1)
    assert kept.height == 2


def test_a_moment_takes_the_days_whose_flights_were_all_told_by_then() -> None:
    untold = script("prepare").first_untold
    assert untold("2013-04-04") == date(2013, 4, 4)
    # noon of April 4 in New York is 16:00 in UTC: only then is April 3 told
    assert untold("2013-04-04T15:59:59Z") == date(2013, 4, 3)
    assert untold("2013-04-04T16:00:00Z") == date(2013, 4, 4)
    assert untold("2013-04-04T00:00:00Z") == date(2013, 4, 3)


def test_rows_are_withheld_from_a_moment_on_and_the_newest_days_before_it_trained_on() -> None:
    settings = SETTINGS | {"train_until": "2013-04-03T04:00:01Z", "train_days": 7}
    laid = script("prepare").windows(date(2013, 5, 1), settings)
    assert script("prepare").first_whole("2013-04-03T04:00:00Z") == date(2013, 4, 3)
    assert script("prepare").first_whole("2013-04-03") == date(2013, 4, 3)
    assert laid["test"] == (date(2013, 4, 4), date(2013, 5, 1))
    assert laid["validation"] == (date(2013, 4, 1), date(2013, 4, 3))
    assert laid["train"] == (date(2013, 3, 24), date(2013, 3, 31))


def test_one_in_so_many_flights_are_the_same_whatever_else_is_there() -> None:
    module = script("prepare")
    rows = flights([flight(DAY + timedelta(days=n % 9), 900, n) for n in range(600)])
    some = module.some(rows, 3)
    assert 150 < some.height < 250
    later = rows.filter(pl.col("day") > DAY.day + 4)
    assert module.some(later, 3).equals(some.filter(pl.col("day") > DAY.day + 4))
    assert module.some(rows, 1) is rows
