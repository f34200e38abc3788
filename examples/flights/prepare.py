"""Join what was known before each flight with how it ended, and split by time."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import polars as pl
import yaml
from features import NEW_YORK, PLANNED, features, flight_id

TOLD = timedelta(days=1, hours=12)  # after a day has begun: at noon of the next, for all of it


def outcomes(flights: pl.DataFrame, late_minutes: int) -> pl.DataFrame:
    """Say who was late; a cancelled or diverted flight never gets an answer (null).

    The aircraft is only certain once it has flown: it groups rows and is no feature.
    """
    return flights.select(flight_id(), "tailnum", late=pl.col("arr_delay") > late_minutes)


def some(flights: pl.DataFrame, one_in: int) -> pl.DataFrame:
    """Take one in so many flights, by a digest of their names: always the same ones."""
    if one_in == 1:
        return flights
    names = flights.select(flight_id()).to_series()
    return flights.filter(pl.Series([crc32(one.encode()) % one_in == 0 for one in names]))


def table(flights: pl.DataFrame, weather: pl.DataFrame, settings: dict[str, Any]) -> pl.DataFrame:
    """Make one row per flight: id, times, features, aircraft and truth, in order of time."""
    lead = timedelta(hours=settings["lead_hours"])
    max_age = timedelta(hours=settings["weather_max_age_hours"])
    flights = some(flights, settings.get("one_in", 1))
    known = features(flights.select(PLANNED), weather, lead, max_age)
    if known["flight_id"].is_duplicated().any():
        raise SystemExit("prepare: two flights share date, carrier, number and origin")
    truth = outcomes(flights, settings["late_minutes"])
    return known.join(truth, on="flight_id", how="left", maintain_order="left")


def in_new_york(moment: str) -> datetime:
    """Read a day, which begins there, or a moment of any time zone, as New York's clock shows."""
    if len(moment) == len("2013-12-31"):
        return datetime.fromisoformat(moment)
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(NEW_YORK)).replace(tzinfo=None)


def first_untold(moment: str) -> date:
    """Say from which day on it was not known yet how all flights ended; a plain day is itself."""
    clock = in_new_york(moment)
    is_day = len(moment) == len("2013-12-31")
    return clock.date() if is_day else (clock - TOLD).date() + timedelta(days=1)


def first_whole(moment: str) -> date:
    """Say which day is the first that lies after a moment as a whole; a plain day is itself."""
    return (in_new_york(moment) + timedelta(days=1, microseconds=-1)).date()


def windows(until: date, settings: dict[str, Any]) -> dict[str, tuple[date, date]]:
    """Lay out test, validation and training days (first, end), going back from `until`."""
    days = {
        name: timedelta(days=settings[f"{name}_days"]) for name in ("test", "validation", "gap")
    }
    withheld, newest = settings.get("train_until"), settings.get("train_days")
    test = first_whole(str(withheld)) if withheld else until - days["test"]
    validation_end = test - days["gap"]
    validation = validation_end - days["validation"]
    train_end = validation - days["gap"]
    return {
        "train": (train_end - timedelta(days=newest) if newest else date.min, train_end),
        "validation": (validation, validation_end),
        "test": (test, until),
    }


def main() -> None:
    parameters = yaml.safe_load(Path("params.yaml").read_text())
    flights = pl.read_parquet("data/raw/flights.parquet")
    weather = pl.read_parquet("data/raw/weather.parquet")
    settings = parameters["prepare"]
    until = first_untold(str(settings["until"] or parameters["ingest"]["until"]))
    rows = table(flights, weather, settings)
    for name, (first, end) in windows(until, settings).items():
        part = rows.filter(pl.col("day") >= first, pl.col("day") < end).drop("day")
        if part["late"].drop_nulls().n_unique() < 2:
            raise SystemExit(
                f"prepare: the {name} window ends before {end} and has no flights to tell apart;"
                " set ingest.until later or shorten the windows in params.yaml"
            )
        part.write_parquet(f"data/{name}.parquet", compression="zstd")
        print(f"{name}: {part.height:,} flights, {part['late'].null_count():,} never labelled")


if __name__ == "__main__":
    main()
