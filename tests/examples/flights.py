"""The flights example's scripts as modules, and small tables such as it reads."""

import importlib
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "flights"
HOUR = timedelta(hours=1)
LEAD, MAX_AGE = 3 * HOUR, 6 * HOUR
SETTINGS = {
    "lead_hours": 3,
    "weather_max_age_hours": 6,
    "late_minutes": 15,
    "test_days": 3,
    "validation_days": 2,
    "gap_days": 1,
}


def script(name: str) -> ModuleType:
    """Import a script of the example as its neighbours do: from its own folder."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)


def flight(day: date, clock: int, number: int, **changed: Any) -> dict[str, Any]:
    """Return one row of the flights table; `clock` is 1545 for a quarter to four."""
    planned = {
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "sched_dep_time": clock,
        "sched_arr_time": (clock + 200) % 2400,
        "carrier": "UA",
        "flight": number,
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400,
    }
    outcome = {"dep_time": clock, "dep_delay": 0, "arr_time": 0, "arr_delay": 0, "air_time": 180}
    return {**planned, **outcome, "tailnum": "N14228", **changed}


def flights(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return a flights table; the outcomes may all be missing."""
    outcomes = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
    types = dict.fromkeys(outcomes, pl.Int64)
    return pl.DataFrame(rows, schema_overrides={**types, "tailnum": pl.String})


def observation(hour: datetime, temp: float | None, origin: str = "EWR") -> dict[str, Any]:
    """Return one row of the weather table; everything measured follows from the temperature."""
    measured = ("dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
    return {
        "origin": origin,
        "time_hour": hour.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "wind_dir": None,
        "temp": temp,
        **dict.fromkeys(measured, temp),
    }


def weather(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return a weather table, also one without rows."""
    names = observation(datetime(2013, 1, 1, tzinfo=UTC), 0.0)
    types: dict[str, Any] = dict.fromkeys(names, pl.Float64)
    types |= {"origin": pl.String, "time_hour": pl.String, "wind_dir": pl.Int64}
    return pl.DataFrame(rows, schema=types)


def features_of(rows: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Return the features of flights in the settings of the example."""
    module = script("features")
    made = module.features(rows.select(module.PLANNED), seen, LEAD, MAX_AGE)
    assert isinstance(made, pl.DataFrame)
    return made.sort("flight_id")


def table_of(rows: pl.DataFrame, seen: pl.DataFrame, **changed: Any) -> pl.DataFrame:
    """Return what prepare.py makes of flights and weather."""
    made = script("prepare").table(rows, seen, {**SETTINGS, **changed})
    assert isinstance(made, pl.DataFrame)
    return made
