"""The script that writes a year of flights, a table a month."""

from datetime import UTC, date, datetime

from tests.examples.flights import flight, flights, script, table_of, weather


def test_how_a_flight_ended_is_known_at_noon_of_the_next_day_in_new_york() -> None:
    rows = flights(
        [
            flight(date(2013, 1, 31), 1545, 1, arr_delay=20),
            flight(date(2013, 7, 1), 1545, 2, arr_delay=0),
            flight(date(2013, 7, 1), 1545, 3, arr_delay=None),
        ]
    )
    told = script("year").labels(table_of(rows, weather([]))).sort("flight_id")
    assert told["late"].to_list() == [True, False]
    assert told["known_at"].to_list() == [
        datetime(2013, 2, 1, 17, tzinfo=UTC),
        datetime(2013, 7, 2, 16, tzinfo=UTC),
    ]
