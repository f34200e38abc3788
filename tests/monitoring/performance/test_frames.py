from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.captures.rows import MODEL, bring, captured, labelled
from trueup.captures.reading import captures
from trueup.config.model_entries import LabelsEntry
from trueup.errors import WrongUsage
from trueup.monitoring.maturity import NEVER
from trueup.monitoring.performance.frames import Reading, answers_of
from trueup.store.memory import MemoryBucket

START = datetime(2026, 3, 1, tzinfo=UTC)


def _frame(**changed: Any) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "id": ["c", "a", "b", "d"],
        "at": [START + timedelta(minutes=k) for k in (3, 1, 2, 4)],
        "role": ["champion", "explore", "champion", "champion"],
        "propensity": [None, 0.05, None, None],
        "output.prediction": [1, 0, 1, 0],
        "output.score": [0.9, 0.2, 0.7, 0.1],
        "input.amount": [30.0, 10.0, 20.0, None],
        "input.shop": ["x", "y", "x", None],
        "label": ["true", None, "0", "1"],
        "labelled_at": [START + timedelta(hours=1), None, START, START + timedelta(hours=2)],
    }
    return pl.DataFrame({**columns, **changed}, strict=False)


def test_captures_become_columns_in_the_order_of_their_time() -> None:
    found = answers_of(_frame(), Reading("binary"))
    assert found.predicted.tolist() == [0.2, 0.7, 0.9, 0.1]
    assert found.truth.tolist()[1:] == [0, 1, 1]
    assert found.labelled_at is not None
    assert found.labelled_at[0] == NEVER
    assert found.labelled(int(found.at.max())).tolist() == [False, True, False, False]
    assert set(found.inputs) == {"amount", "shop"}
    assert np.diff(found.at).tolist() == [60_000_000] * 3


def test_explored_rows_are_known_by_their_role() -> None:
    found = answers_of(_frame(), Reading("binary"))
    assert found.explored is not None
    assert found.explored[0] == 0.05
    assert np.isnan(found.explored[1:]).all()


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"prediction": 1}, [False, True, True, False]),
        ({"score": {"at_least": 0.2, "below": 0.9}}, [True, True, False, False]),
        ({"shop": ["x", "z"]}, [False, True, True, False]),
        ({"shop": "x", "amount": {"above": 25}}, [False, False, True, False]),
        ("output.prediction", [False, True, True, False]),
    ],
)
def test_which_rows_can_be_labelled_is_told_by_their_columns(
    condition: Any, rows: list[bool]
) -> None:
    found = answers_of(_frame(), Reading("binary", labels=LabelsEntry(observed_if=condition)))
    assert found.observed is not None
    assert found.observed.tolist() == rows


def test_a_propensity_is_a_number_or_a_captured_column() -> None:
    number = answers_of(_frame(), Reading("binary", labels=LabelsEntry(propensity=0.25)))
    column = answers_of(_frame(), Reading("binary", labels=LabelsEntry(propensity="score")))
    assert number.propensity is not None
    assert column.propensity is not None
    assert number.propensity.tolist() == [0.25] * 4
    assert column.propensity.tolist() == [0.2, 0.7, 0.9, 0.1]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (LabelsEntry(propensity=2.0), "must lie between 0 and 1"),
        (LabelsEntry(propensity="scoer"), "Did you mean 'score'"),
        (LabelsEntry(observed_if={"shp": "x"}), "Did you mean 'shop'"),
        (LabelsEntry(observed_if=3), "names no column"),
        (LabelsEntry(observed_if={"score": {"atleast": 1}}), "Did you mean 'at_least'"),
    ],
)
def test_what_is_declared_wrongly_is_refused_with_a_remedy(labels: LabelsEntry, says: str) -> None:
    with pytest.raises(WrongUsage, match=says):
        answers_of(_frame(), Reading("binary", labels=labels))


def test_several_classes_are_read_by_their_scores() -> None:
    frame = _frame(label=["cat", None, "dog", "cat"]).with_columns(
        pl.Series("output.score_cat", [0.6, 0.2, 0.3, 0.4]),
        pl.Series("output.score_dog", [0.4, 0.8, 0.7, 0.6]),
    )
    found = answers_of(frame, Reading("multiclass", ("cat", "dog")))
    assert found.predicted.tolist() == [[0.2, 0.8], [0.3, 0.7], [0.6, 0.4], [0.4, 0.6]]
    assert found.truth.tolist()[1:] == [1, 0, 0]
    assert found.classes == (0, 1)


def test_a_label_that_is_no_class_is_refused_by_its_name() -> None:
    with pytest.raises(WrongUsage, match="'bird', which is no class"):
        answers_of(_frame(label=["bird", None, "0", "1"]), Reading("binary"))


def test_what_was_served_and_labelled_is_read_from_the_bucket(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bring([captured(["a", "b", "c"]), labelled(["c", "a"], 1, after_s=60)], bucket, tmp_path)
    found = answers_of(captures(bucket, MODEL), Reading("binary"))
    assert len(found) == 3
    assert found.labelled(int(found.at[0]) + 59_000_000).tolist() == [False] * 3
    assert found.labelled(int(found.at[0]) + 60_000_000).tolist() == [True, False, True]
    assert found.truth[0] == 1


def test_numbers_are_read_as_they_are() -> None:
    frame = _frame(label=[3.0, None, 2.0, 4.0]).drop("output.score")
    found = answers_of(frame, Reading("regression"))
    assert found.predicted.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert found.truth.tolist()[1:] == [2.0, 3.0, 4.0]
