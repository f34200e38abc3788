"""What the features of a flight may know, and that they know nothing else."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.examples.flights import (
    HOUR,
    LEAD,
    MAX_AGE,
    features_of,
    flight,
    flights,
    observation,
    script,
    table_of,
    weather,
)

ORIGINS = ("EWR", "JFK", "LGA")
FIRST_HOUR = datetime(2013, 3, 9, 0, tzinfo=UTC)  # the clocks of New York change on March 10
TEMPERATURES = st.one_of(st.none(), st.floats(-10, 110))
DELAYS = st.one_of(st.none(), st.integers(-60, 900))


@st.composite
def some_flights(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few flights around a change of the clocks, with any outcome."""
    made = []
    for number in range(draw(st.integers(1, 6))):
        clock = draw(st.integers(3, 23)) * 100 + draw(st.integers(0, 59))
        day = date(2013, 3, draw(st.integers(9, 11)))
        origin, delay = draw(st.sampled_from(ORIGINS)), draw(DELAYS)
        made.append(flight(day, clock, number, origin=origin, arr_delay=delay))
    return made


@st.composite
def some_weather(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Observations of the same days, with holes."""
    hours = draw(st.lists(st.integers(0, 95), unique=True, max_size=60))
    return [
        observation(FIRST_HOUR + hour * HOUR, draw(TEMPERATURES), draw(st.sampled_from(ORIGINS)))
        for hour in hours
    ]


def hour_of(row: dict[str, Any]) -> datetime:
    return datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def an_outcome(draw: st.DrawFn) -> dict[str, Any]:
    names = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
    return {name: draw(DELAYS) for name in names} | {"tailnum": draw(st.sampled_from(["N1", None]))}


@settings(max_examples=150)
@given(data=st.data(), rows=some_flights(), seen=some_weather())
def test_nothing_that_happens_after_the_prediction_changes_a_feature(
    data: st.DataObject, rows: list[dict[str, Any]], seen: list[dict[str, Any]]
) -> None:
    before = features_of(flights(rows), weather(seen))
    chosen = data.draw(st.integers(0, before.height - 1))
    predicted_at = before["predicted_at"][chosen]

    # the weather of any hour that is not over by then: changed, gone, or made up
    past = [row for row in seen if hour_of(row) + HOUR <= predicted_at]
    hours = st.integers(0, 96).map(lambda hour: FIRST_HOUR + hour * HOUR)
    later = st.builds(observation, hours, TEMPERATURES, st.sampled_from(ORIGINS))
    invented = data.draw(st.lists(later, max_size=30, unique_by=lambda r: r["time_hour"]))
    changed = past + [row for row in invented if hour_of(row) + HOUR > predicted_at]
    # how every flight ended, this one too, whenever it was; and other flights taken away
    ended = [row | data.draw(st.composite(an_outcome)()) for row in rows]
    others = [
        row for row in ended if str(row["flight"]) == before["flight_id"][chosen].split("-")[4]
    ]

    expected = before[chosen : chosen + 1]
    for table in (ended, others):
        after = features_of(flights(table), weather(changed))
        same = after.filter(pl.col("flight_id") == expected["flight_id"][0])
        assert_frame_equal(same, expected, check_exact=True)


@given(rows=some_flights(), warmer=st.floats(1, 20))
def test_the_last_observation_before_the_prediction_does_change_the_features(
    rows: list[dict[str, Any]], warmer: float
) -> None:
    hours = [FIRST_HOUR + n * HOUR for n in range(96)]
    seen = [observation(hour, hour.hour, origin) for hour in hours for origin in ORIGINS]
    before = features_of(flights(rows), weather(seen))
    origin, known = before["origin"][0], before["observed_by"][0]
    changed = [
        row | {"temp": row["temp"] + warmer}
        if row["origin"] == origin and hour_of(row) + HOUR == known
        else row
        for row in seen
    ]
    after = features_of(flights(rows), weather(changed))
    touched = (pl.col("origin") == origin) & (pl.col("observed_by") == known)
    assert (after.filter(touched)["temp"] > before.filter(touched)["temp"]).all()
    assert_frame_equal(after.filter(~touched), before.filter(~touched))


@given(rows=some_flights(), seen=some_weather())
def test_an_observation_is_of_the_flights_airport_known_in_time_and_not_stale(
    rows: list[dict[str, Any]], seen: list[dict[str, Any]]
) -> None:
    for row in features_of(flights(rows), weather(seen)).iter_rows(named=True):
        moment = row["predicted_at"]
        known = [
            hour_of(one) + HOUR
            for one in seen
            if one["origin"] == row["origin"] and moment - MAX_AGE <= hour_of(one) + HOUR <= moment
        ]
        assert row["observed_by"] == max(known, default=None)


def test_the_hour_that_is_not_over_yet_is_not_known() -> None:
    rows = flights([flight(date(2013, 7, 4), 1330, 1), flight(date(2013, 7, 4), 1400, 2)])
    noon = datetime(2013, 7, 4, 14, tzinfo=UTC)  # 10 o'clock in New York
    seen = weather([observation(noon - HOUR, 70.0), observation(noon, 80.0)])
    at_half_past_ten, at_eleven = features_of(rows, seen)["temp"]
    assert (at_half_past_ten, at_eleven) == (70.0, 80.0)


@pytest.mark.parametrize(
    ("day", "clock", "departs", "predicted"),
    [
        (date(2013, 3, 9), 600, (9, 11, 0), (9, 8, 0)),  # winter time
        (date(2013, 3, 10), 600, (10, 10, 0), (10, 7, 0)),  # summer time since 2 in the morning
        (date(2013, 3, 10), 330, (10, 7, 30), (10, 4, 30)),  # three hours are four on the clock
    ],
)
def test_the_moment_of_prediction_is_right_when_the_clocks_go_forward(
    day: date, clock: int, departs: tuple[int, int, int], predicted: tuple[int, int, int]
) -> None:
    (row,) = features_of(flights([flight(day, clock, 1)]), weather([])).iter_rows(named=True)
    assert row["scheduled_at"] == datetime(2013, 3, *departs, tzinfo=UTC)
    assert row["predicted_at"] == datetime(2013, 3, *predicted, tzinfo=UTC)


def test_an_hour_that_the_clock_shows_twice_is_taken_as_the_first() -> None:
    rows = flights([flight(date(2013, 11, 3), clock, clock) for clock in (130, 600)])
    twice, later = features_of(rows, weather([]))["scheduled_at"]
    assert twice == datetime(2013, 11, 3, 5, 30, tzinfo=UTC)
    assert later == datetime(2013, 11, 3, 11, 0, tzinfo=UTC)


@given(st.datetimes(datetime(2013, 1, 1), datetime(2013, 12, 31)))
def test_the_schedule_is_read_as_new_yorks_clock(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    assume(
        not (moment.month == 3 and moment.day == 10 and moment.hour == 2)
    )  # skipped by the clock
    rows = flights([flight(moment.date(), moment.hour * 100 + moment.minute, 1)])
    made = features_of(rows, weather([]))
    local = made["scheduled_at"].dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
    assert local[0] == moment
    assert made["scheduled_at"][0] - made["predicted_at"][0] == LEAD


def test_what_the_model_reads_is_planned_or_observed_and_nothing_else() -> None:
    read = set(script("train").CATEGORIES + script("train").NUMBERS)
    rows = flights([flight(date(2013, 7, 4), 1330, 1)])
    assert read <= set(features_of(rows, weather([])).columns)
    assert not read & {"flight_id", "scheduled_at", "predicted_at", "observed_by", "day"}
    outcome = set(table_of(rows, weather([])).columns) - set(features_of(rows, weather([])).columns)
    assert outcome == {"tailnum", "late"}


def test_a_lead_of_another_length_moves_the_moment_of_prediction() -> None:
    rows = flights([flight(date(2013, 7, 4), 1330, 1)])
    made = table_of(rows, weather([]), lead_hours=5)
    assert made["scheduled_at"][0] - made["predicted_at"][0] == timedelta(hours=5)
