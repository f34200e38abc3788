"""The flights example on all of its data: what the pages say of it, and that it repeats."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.examples.flights import FOLDER, HOUR, LEAD, features_of, script, table_of

pytestmark = pytest.mark.slow
PAGE = FOLDER.parents[1] / "docs" / "how-to" / "flights.md"
MADE = ("data/**/*.parquet", "model.skops", "predictions.parquet", "*.json", "plots/*.csv")


def run_by_hand(folder: Path, polars_threads: int) -> Path:
    """Run the four scripts in a copy of the example, as a newcomer might."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("data", "__pycache__", ".*"))
    env = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": str(polars_threads)}
    for name in ("ingest", "prepare", "train", "evaluate"):
        command = [sys.executable, "-W", "error", f"{name}.py"]
        subprocess.run(command, cwd=folder, env=env, check=True, timeout=300)
    return folder


def digests(folder: Path) -> dict[str, str]:
    made = sorted({path for pattern in MADE for path in folder.glob(pattern)})
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in made
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_by_hand(tmp_path_factory.mktemp("flights") / "first", polars_threads=2)


@pytest.fixture(scope="module")
def raw(done: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    read = [pl.read_parquet(done / f"data/raw/{name}.parquet") for name in ("flights", "weather")]
    return read[0], read[1]


@pytest.fixture(scope="module")
def table(raw: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    return table_of(*raw)


def test_a_second_run_gives_the_same_bytes_whatever_the_number_of_threads(
    done: Path, tmp_path: Path
) -> None:
    first = digests(done)
    assert len(first) == 11
    assert digests(run_by_hand(tmp_path / "second", polars_threads=1)) == first


def test_all_flights_of_the_year_are_there_once(table: pl.DataFrame) -> None:
    assert table.height == 336_776
    assert table["flight_id"].n_unique() == table.height
    assert table["late"].null_count() == 9_430


def row(name: str, part: pl.DataFrame) -> str:
    never = part["late"].is_null().to_numpy().mean()
    late = part["late"].drop_nulls().to_numpy().mean()
    return f"| {name} | {part.height:,} | {never:.1%} | {late:.1%} |".replace("%", " %")


def test_the_page_says_which_flights_have_no_truth(table: pl.DataFrame) -> None:
    page = PAGE.read_text()
    for month in range(1, 13):
        name = date(2013, month, 1).strftime("%B")
        assert row(name, table.filter(pl.col("day").dt.month() == month)) in page
    weather = {
        "dry": pl.col("precip") == 0,
        "rain or snow": pl.col("precip") > 0,
        "visibility of 10 miles": pl.col("visib") == 10,
        "visibility under 3 miles": pl.col("visib") < 3,
        "wind of 20 mph and more": pl.col("wind_speed") >= 20,
    }
    for name, condition in weather.items():
        assert row(name, table.filter(condition)) in page


def test_the_page_says_what_the_model_makes_of_them(done: Path) -> None:
    page = PAGE.read_text()
    metrics = json.loads((done / "metrics.json").read_text())
    assert f"{metrics['rows']:,} flights, {metrics['rows_label_never']:,} of them" in page
    scored = pl.read_parquet(done / "predictions.parquet")
    score = {
        label: scored.filter(pl.col("label") == label)["score"].to_numpy().mean()
        for label in ("never", "known")
    }
    assert f"mean score of {score['never']:.2f}, the others {score['known']:.2f}" in page
    assert f"`roc_auc` of about {metrics['roc_auc']:.2f}" in page


def test_predictions_hold_every_flight_of_the_test_window_in_order(done: Path) -> None:
    scored = pl.read_parquet(done / "predictions.parquet")
    test = pl.read_parquet(done / "data/test.parquet")
    assert scored.columns == ["flight_id", "scheduled_at", "truth", "label", "score"]
    assert scored["flight_id"].to_list() == test["flight_id"].to_list()
    assert scored["score"].null_count() == 0
    assert ((scored["label"] == "never") == scored["truth"].is_null()).all()


def test_the_model_is_better_than_a_guess_and_about_calibrated(done: Path) -> None:
    metrics = json.loads((done / "metrics.json").read_text())
    assert 0.66 < metrics["roc_auc"] < 0.75  # more would smell of a leak
    assert metrics["precision_at_10pct"] > 1.8 * metrics["late_share"]
    assert metrics["calibration_error"] < 0.06


@pytest.mark.parametrize("month", range(1, 13))
def test_at_no_moment_of_the_year_does_a_feature_know_what_came_later(
    raw: tuple[pl.DataFrame, pl.DataFrame], month: int
) -> None:
    moment = datetime(2013, month, 3 + 2 * month, 9 + month, 20, tzinfo=UTC)
    flights, weather = raw
    near = pl.datetime("year", "month", "day", time_zone="UTC").is_between(
        moment - timedelta(days=4), moment + timedelta(days=4)
    )
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    # an observation of this hour can be as late as its last minute
    unknown = hour + timedelta(minutes=59) > moment
    measured = [name for name, kind in weather.schema.items() if kind.is_float()]
    spoilt = weather.with_columns(
        pl.when(unknown).then(-999.0).otherwise(pl.col(name)).alias(name) for name in measured
    )
    ended = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
    changed = flights.with_columns(pl.lit(-999).alias(name) for name in ended)

    decided = pl.col("predicted_at") <= moment
    before = features_of(flights.filter(near), weather).filter(decided)
    after = features_of(changed.filter(near), spoilt).filter(decided)
    assert before.height > 1000
    assert before["temp"].null_count() < before.height / 10
    assert_frame_equal(after, before, check_exact=True)
    later = features_of(changed.filter(near), spoilt).filter(
        pl.col("predicted_at") > moment + LEAD + HOUR
    )
    assert (later["temp"] == -999.0).any()  # what was spoilt is what is used, later


def test_the_timetables_own_hours_are_the_ones_that_we_compute(
    raw: tuple[pl.DataFrame, pl.DataFrame], table: pl.DataFrame
) -> None:
    module = script("features")
    stamp = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    theirs = raw[0].select(module.flight_id(), hour=stamp)
    both = table.join(theirs, on="flight_id", how="left")
    assert (both["scheduled_at"].dt.truncate("1h") == both["hour"]).all()
