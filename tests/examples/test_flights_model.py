"""The model file is the same for the same training, and everything is scored."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import polars as pl
import pytest

from tests.examples.flights import HOUR, flight, flights, observation, script, table_of, weather

SETTINGS = {
    "max_iter": 5,
    "learning_rate": 0.1,
    "max_leaf_nodes": 7,
    "min_samples_leaf": 5,
    "seed": 13,
}


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """Four hundred flights: the evening's are late, every ninth is cancelled."""
    rows = []
    for n in range(400):
        clock = 600 + 100 * (n * 7 % 17)
        delay = None if n % 9 == 0 else 60 if clock > 1700 and n % 4 else -5
        day = date(2013, 7, 1) + timedelta(days=n // 50)
        rows.append(flight(day, clock, n, arr_delay=delay, dest=("IAH", "ORD", "BOS")[n % 3]))
    first = datetime(2013, 7, 1, tzinfo=UTC)
    seen = [observation(first + n * HOUR, 60.0 + n % 24) for n in range(9 * 24)]
    return table_of(flights(rows), weather(seen).with_columns(wind_dir=pl.lit(180)))


def eventually_harmful() -> None:
    raise AssertionError


def trained(table: pl.DataFrame) -> Any:
    train = script("train")
    known = table.drop_nulls("late")
    columns = known.select(train.CATEGORIES + train.NUMBERS)
    return train.untrained(SETTINGS).fit(columns, known["late"].to_numpy())


@pytest.fixture(scope="module")
def saved(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "model.skops"
    script("model_file").save(trained(table), path)
    return path


def test_the_same_training_gives_the_same_bytes(
    table: pl.DataFrame, saved: Path, tmp_path: Path
) -> None:
    kept = [trained(table) for _ in range(3)]  # so that the next one lies elsewhere in memory
    script("model_file").save(trained(table), tmp_path / "again.skops")
    assert (tmp_path / "again.skops").read_bytes() == saved.read_bytes()
    assert len(kept) == 3
    with ZipFile(saved) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_saved_model_predicts_as_before(table: pl.DataFrame, saved: Path) -> None:
    model, read = trained(table), script("model_file").load(saved)
    columns = table.select(model.feature_names_in_.tolist())
    assert (read.predict_proba(columns) == model.predict_proba(columns)).all()


def test_a_file_with_another_type_in_it_is_refused(tmp_path: Path) -> None:
    module = script("model_file")
    module.skops.io.dump({"steps": eventually_harmful}, tmp_path / "odd.skops")
    with pytest.raises(module.skops.io.exceptions.UntrustedTypesFoundException):
        module.load(tmp_path / "odd.skops")


def test_an_airport_never_seen_and_weather_never_measured_are_predicted(
    table: pl.DataFrame, saved: Path
) -> None:
    odd = table.head(3).with_columns(dest=pl.lit("XXX"), carrier=pl.lit("??"))
    scored = script("evaluate").predictions(saved, odd)
    assert scored["score"].is_between(0, 1).all()


def test_a_flight_without_truth_is_scored_and_counted_and_does_not_move_a_metric(
    table: pl.DataFrame, saved: Path
) -> None:
    evaluate = script("evaluate")
    scored = evaluate.predictions(saved, table)
    assert scored["flight_id"].to_list() == table["flight_id"].to_list()
    assert scored["score"].null_count() == 0
    never = scored.filter(pl.col("label") == "never")
    assert never.height == table["late"].null_count() == 45
    assert never["truth"].null_count() == never.height

    known = scored.filter(pl.col("label") == "known")
    curve = evaluate.calibration(known)
    with_never = evaluate.metrics(scored, curve, 0.3)
    without = evaluate.metrics(known, curve, 0.3)
    assert with_never.pop("rows_label_never") == 45
    assert without.pop("rows_label_never") == 0
    assert with_never.pop("rows") - without.pop("rows") == 45
    assert with_never == without


def test_precision_at_the_top_is_the_late_share_of_the_highest_scores() -> None:
    known = pl.DataFrame(
        {
            "flight_id": [f"f{n:02}" for n in range(20)],
            "truth": [n in (18, 3) for n in range(20)],
            "score": [n / 20 for n in range(20)],
        }
    )
    assert script("evaluate").precision_at_top(known, 0.10) == 0.5
    assert script("evaluate").precision_at_top(known, 0.05) == 0.0
    assert script("evaluate").precision_at_top(known.reverse(), 0.10) == 0.5


def test_scores_that_are_right_on_average_are_called_calibrated() -> None:
    known = pl.DataFrame(
        {
            "flight_id": [f"f{n:03}" for n in range(200)],
            "truth": [n % 4 == 0 for n in range(200)],
            "score": [0.25] * 200,
        }
    )
    curve = script("evaluate").calibration(known)
    assert curve["rows"].sum() == 200
    assert (curve["predicted"] == 0.25).all()
    assert math.isclose(curve["observed"].mean(), 0.25)


def test_the_threshold_is_the_one_with_the_best_f1() -> None:
    late = pl.Series([False, False, True, False, True, True]).to_numpy()
    score = pl.Series([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).to_numpy()
    assert script("train").best_threshold(late, score) == 0.3
