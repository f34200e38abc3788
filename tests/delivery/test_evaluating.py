"""The rows a model is judged on, joined with its predictions."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.evaluating import Evaluation, evaluation, predictions_of, rows_of
from trueup.delivery.tables import read_table

BEGAN = datetime(2013, 11, 1, tzinfo=UTC)


def flights(count: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    known = rng.normal(size=count)
    late = [
        None if at % 40 == 39 else bool(rng.random() < 1 / (1 + np.exp(-value)))
        for at, value in enumerate(known)
    ]
    return pl.DataFrame(
        {
            "flight_id": [f"f{at}" for at in range(count)],
            "scheduled_at": [BEGAN + timedelta(hours=3 * at) for at in range(count)],
            "origin": ["EWR" if at % 3 else "JFK" for at in range(count)],
            "known": known,
            "tailnum": [None if at % 50 == 49 else f"N{at % 37}" for at in range(count)],
            "late": late,
        }
    )


def scored(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(
        "flight_id",
        "scheduled_at",
        truth="late",
        label=pl.when(pl.col("late").is_null()).then(pl.lit("never")).otherwise(pl.lit("known")),
        score=1 / (1 + (-pl.col("known")).exp()),
    )


def model(**changed: Any) -> ModelEntry:
    named: dict[str, Any] = {
        "data": "test.parquet",
        "predictions": "predictions.parquet",
        "target": "late",
        "id": "flight_id",
        "time": "scheduled_at",
        "group": "tailnum",
        "slices": ("origin",),
        **changed,
    }
    return ModelEntry(path="model.skops", task="binary", evaluate=EvaluateEntry(**named))


def evaluated(root: Path, entry: ModelEntry) -> Evaluation:
    return evaluation(root, entry, lambda path: f"digest of {path}")


def test_predictions_are_joined_to_the_rows_by_id_in_whatever_order_they_come(
    tmp_path: Path,
) -> None:
    table = flights()
    table.write_parquet(tmp_path / "test.parquet")
    scored(table).sample(fraction=1.0, shuffle=True, seed=1).write_parquet(
        tmp_path / "predictions.parquet"
    )
    found = evaluated(tmp_path, model())
    given = read_table(tmp_path / "predictions.parquet", "predictions.parquet")
    predicted = predictions_of(found, given)

    np.testing.assert_array_equal(predicted, scored(table)["score"].to_numpy())
    assert found.data == "digest of test.parquet"
    assert found.features == ("origin", "known", "tailnum")
    rows = rows_of(found, {"candidate": predicted})
    assert np.isnan(rows.truth).sum() == 10
    assert rows.group is not None
    assert len(rows.group) == 400


def test_a_slice_that_is_no_column_is_an_error_that_names_the_nearest(tmp_path: Path) -> None:
    flights().write_parquet(tmp_path / "test.parquet")
    with pytest.raises(Exception, match=r"test\.parquet: there is no column 'orign'.*\n.*'origin'"):
        evaluated(tmp_path, model(slices=("orign",)))


def test_rows_whose_truth_never_came_are_left_out_and_counted_and_no_trap(tmp_path: Path) -> None:
    from trueup.gate.comparing import compare

    table = flights()
    table.write_parquet(tmp_path / "test.parquet")
    found = evaluated(tmp_path, model())
    candidate = predictions_of(found, scored(table))
    compared = compare(rows_of(found, {"candidate": candidate}))
    assert compared.traps == ()
    assert (compared.left_out.unlabelled, compared.left_out.unusable) == (10, 0)
    assert len(compared.table) == 390
