"""Know of each flight what was known three hours before its departure, and nothing more."""

from datetime import timedelta

import polars as pl

NEW_YORK = "America/New_York"
PLANNED = ["year", "month", "day", "sched_dep_time", "sched_arr_time"]
PLANNED += ["carrier", "flight", "origin", "dest", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"]
WEATHER += ["precip", "pressure", "visib"]


def flight_id() -> pl.Expr:
    """Name a flight: 2013-01-01-UA-1545-EWR (without the origin, 24 pairs would share a name)."""
    day = pl.date("year", "month", "day").dt.to_string("%Y-%m-%d")
    return pl.concat_str([day, "carrier", "flight", "origin"], separator="-").alias("flight_id")


def minute_of_day(clock: str) -> pl.Expr:
    """Turn a column like 1545 into minutes since midnight."""
    return pl.col(clock) // 100 * 60 + pl.col(clock) % 100


def schedule(planned: pl.DataFrame, lead: timedelta) -> pl.DataFrame:
    """Take what the timetable says, and from it the moment at which we predict.

    Departure is on New York's clock. An hour which that clock shows twice (in autumn) is
    taken as the first one: to predict too early is honest, too late is not.
    """
    day = pl.date("year", "month", "day")
    clock = day.cast(pl.Datetime("us")) + pl.duration(minutes=minute_of_day("sched_dep_time"))
    departure = clock.dt.replace_time_zone(NEW_YORK, ambiguous="earliest")
    departure = departure.dt.convert_time_zone("UTC")
    return planned.select(
        flight_id(),
        pl.col("carrier", "origin", "dest", "distance"),
        day=day,
        scheduled_at=departure,
        predicted_at=departure - lead,
        weekday=day.dt.weekday(),
        dep_minute=minute_of_day("sched_dep_time"),
        arr_minute=minute_of_day("sched_arr_time"),
    )


def observations(weather: pl.DataFrame) -> pl.DataFrame:
    """Date each observation by the end of its hour.

    The table names only the hour (in UTC); most observations are made at minute 51 of it, and
    its rain is the whole hour's. Before the hour is over we do not know them.
    """
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    return weather.select("origin", *WEATHER, observed_by=hour + timedelta(hours=1))


def features(
    planned: pl.DataFrame, weather: pl.DataFrame, lead: timedelta, max_age: timedelta
) -> pl.DataFrame:
    """Give each flight its schedule and the last weather at its airport known by then.

    Only the columns in PLANNED come in here, so nothing that happened to a flight can.
    """
    return (
        schedule(planned, lead)
        .sort("predicted_at", "flight_id")
        .join_asof(
            observations(weather).sort("observed_by"),
            left_on="predicted_at",
            right_on="observed_by",
            by="origin",
            strategy="backward",
            tolerance=max_age,
            check_sortedness=False,  # just sorted; polars cannot see that within groups
        )
    )
