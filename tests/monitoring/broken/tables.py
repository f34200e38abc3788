"""Half a year of real flights with the weather, as the reference, and days after it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import polars as pl

from tests.examples.flights import script
from trueup.monitoring.broken.checking import broken
from trueup.monitoring.broken.records import Broken
from trueup.monitoring.broken.windows import Basis, Span, basis_of, window_of
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked

PLACE = ["origin", "year", "month", "day", "hour"]
SEEN = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure"]
ASKED = Asked(blocks=BlockSize("at"), id="id")
FIRST = datetime(2013, 7, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def flights() -> pl.DataFrame:
    """Return all flights of 2013 with the weather at their hour, in the order of time."""
    packaged = script("ingest").table
    weather = packaged("weather.csv").select(*PLACE, *SEEN, "visib")
    rows = packaged("flights.csv.zip").drop("time_hour").join(weather, on=PLACE, how="left")
    at = pl.datetime("year", "month", "day", "hour", "minute", time_zone="UTC")
    name = pl.format("{}-{}-{}-{}-{}", "carrier", "flight", "month", "day", "sched_dep_time")
    found: pl.DataFrame = rows.with_columns(at=at, id=pl.format("{}-{}", name, "origin"))
    return found.drop("year", "month", "day", "flight", "tailnum").sort("at", "id")


@cache
def basis() -> Basis:
    """Return the first half of the year as a reference."""
    return basis_of(flights().filter(pl.col("at") < FIRST), ASKED)


def days(first: datetime, count: int = 1) -> tuple[pl.DataFrame, Span]:
    """Return the flights of so many days."""
    span = Span(first, first + count * DAY)
    at = pl.col("at")
    return flights().filter((at >= span.begin) & (at < span.end)), span


def every_day() -> Iterator[tuple[pl.DataFrame, Span]]:
    """Yield each day after the reference."""
    for day in range(178):
        yield days(FIRST + day * DAY)


def checked(table: pl.DataFrame, span: Span | None = None) -> Broken:
    """Return what is broken of a table that comes after the reference."""
    return broken(basis(), window_of(basis(), table, ASKED, span))
