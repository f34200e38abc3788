"""Predictions found by the names that the field uses, and joined to the rows they are for."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.evaluating import (
    Evaluation,
    evaluation,
    predictions_from,
    predictions_of,
    rows_of,
)
from trueup.errors import WrongUsage

IDS = [f"r{at}" for at in range(4)]


def table_of(
    root: Path, task: Any, truth: list[Any], target: str = "target", **named: Any
) -> Evaluation:
    frame = pl.DataFrame({"id": IDS[: len(truth)], target: truth, **named.pop("columns", {})})
    frame.write_parquet(root / "test.parquet")
    entry = EvaluateEntry(data="test.parquet", target=target, **{"id": "id", **named})
    return evaluation(root, ModelEntry(path="m", task=task, evaluate=entry), lambda path: path)


def given(found: Evaluation, **columns: Any) -> Any:
    frame = pl.DataFrame({"id": IDS[: found.frame.height], **columns})
    return predictions_of(found, frame, "predictions.csv").tolist()


SCORE = [0.1, 0.9, 0.4, 0.6]


@pytest.mark.parametrize(
    "columns",
    [
        {"score": SCORE},
        {"probability": SCORE, "prediction": ["no", "yes", "no", "yes"]},
        {"probability_no": [1 - one for one in SCORE], "probability_yes": SCORE},
        {"y_proba": SCORE, "label": ["never"] * 4},
        {"prediction": SCORE},
    ],
)
def test_a_score_of_two_classes_is_found_whatever_its_usual_name(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    found = table_of(tmp_path, "binary", ["no", "yes", "yes", None])
    assert given(found, **columns) == SCORE


@pytest.mark.parametrize(
    ("truth", "labels"),
    [
        (["no", "yes", "yes", "no"], ["no", "yes", "no", "yes"]),
        ([False, True, True, False], [0, 1, 0, 1]),
        ([0, 1, 1, 0], ["False", "true", "false", "True"]),
        ([1, 2, 2, 1], [1, 2, 1, 2]),
        ([1.0, 2.0, None, 1.0], ["1", "2", "1", "2"]),
    ],
)
def test_labels_of_two_classes_become_zero_and_one(
    tmp_path: Path, truth: list[Any], labels: list[Any]
) -> None:
    found = table_of(tmp_path, "binary", truth)
    assert given(found, prediction=labels) == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"score": SCORE, "probability": SCORE}, "several columns may be .*: score, probability"),
        ({"p_hat": SCORE}, r"no column is known by name as the prediction\n.*id, p_hat"),
        ({"prediction": ["maybe"] * 4}, "other values than the truth's no, yes"),
        ({"score": ["high"] * 4}, "holds no numbers"),
    ],
)
def test_predictions_that_are_not_clear_are_an_error_that_lists_the_columns(
    tmp_path: Path, columns: dict[str, Any], said: str
) -> None:
    found = table_of(tmp_path, "binary", ["no", "yes", "yes", "no"])
    with pytest.raises(WrongUsage, match=said) as caught:
        given(found, **columns)
    assert str(caught.value).startswith("predictions.csv: ")


def test_classes_have_a_column_each_in_the_order_of_the_truth(tmp_path: Path) -> None:
    found = table_of(tmp_path, "multiclass", ["b", "c", "a", None])
    shares = given(
        found,
        probability_c=[0.1, 0.7, 0.1, 0.2],
        probability_a=[0.2, 0.1, 0.8, 0.2],
        probability_b=[0.7, 0.1, 0.1, 0.6],
        probability_z=[0.0, 0.1, 0.0, 0.0],
    )
    assert shares[1] == [0.1, 0.1, 0.7, 0.1]
    assert given(found, probability=[[0.2, 0.7, 0.1], [1, 0, 0], [0, 0, 1], None])[0][1] == 0.7
    with pytest.raises(WrongUsage, match="predictions for a, z, and none for b, c"):
        given(found, score_a=[0.1] * 4, score_z=[0.9] * 4)


def test_a_booster_that_numbers_its_classes_means_the_sorted_ones(tmp_path: Path) -> None:
    found = table_of(tmp_path, "multiclass", ["b", "c", "a", "a"])
    outputs = {f"score_{at}": np.full(4, at / 3) for at in range(3)}
    assert predictions_from(found, outputs)[0].tolist() == [0.0, 1 / 3, 2 / 3]
    whole = table_of(tmp_path, "multiclass", [1, 2, 3, 3])
    with pytest.raises(WrongUsage, match="none for 3"):
        predictions_from(whole, outputs)


def test_predicted_labels_are_places_and_a_new_one_comes_after_all(tmp_path: Path) -> None:
    found = table_of(tmp_path, "multiclass", ["b", "c", "a", "a"])
    places = predictions_of(found, pl.DataFrame({"id": IDS, "prediction": ["a", "c", "new", None]}))
    np.testing.assert_array_equal(places, [0.0, 2.0, 3.0, np.nan])
    shares = np.eye(3)[[1, 2, 0, 0]]
    rows = rows_of(found, {"candidate": places, "champion": shares})
    assert rows.names == ("a", "b", "c", "(other)")
    assert rows.champion.tolist() == [1, 2, 0, 0]  # labels too, where the other has only those


def test_several_labels_are_lists_or_a_column_each(tmp_path: Path) -> None:
    lists = table_of(tmp_path, "multilabel", [["x"], ["x", "y"], [], None], "topics")
    assert lists.truth.classes == ("x", "y")
    assert lists.truth.absent.tolist() == [False, False, False, True]
    named = given(lists, prediction=[["x", "z"], ["y"], [], ["x"]])
    assert named == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]]
    rows = rows_of(lists, {"candidate": np.array(named)})
    assert rows.truth.shape == (4, 3)

    wide = {"topics_x": [1, 1, 0, 0], "topics_y": [0, 1, 0, None]}
    table_of(tmp_path, "regression", [1, 2, 3, 4], "other", columns=wide)
    entry = EvaluateEntry(data="test.parquet", target="topics", id="id")
    model = ModelEntry(path="m", task="multilabel", evaluate=entry)
    found = evaluation(tmp_path, model, lambda path: path)
    assert found.features == ("other",)
    for columns in (
        {"score_y": [0.1] * 4, "score_x": [0.9] * 4, "score_z": [0.5] * 4},
        {"score_0": [0.9] * 4, "score_1": [0.1] * 4},
        {"probability": [[0.9, 0.1]] * 4},
        {"prediction_x": [0.9] * 4, "prediction_y": [0.1] * 4},
    ):
        assert given(found, **columns)[3] == [0.9, 0.1]
    with pytest.raises(WrongUsage, match="lists in 'probability' are 3 long"):
        given(found, probability=[[0.1, 0.2, 0.3]] * 4)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0]),
        ([1, 2, 3, 4], ["1", "2", "3", "4"]),
        (["007", "2", "3", "4"], [7, 2, 3, 4]),
    ],
)
def test_ids_of_two_types_meet(tmp_path: Path, mine: list[Any], theirs: list[Any]) -> None:
    pl.DataFrame({"id": mine, "y": [1.0, 2.0, 3.0, 4.0]}).write_parquet(tmp_path / "test.parquet")
    entry = EvaluateEntry(data="test.parquet", target="y", id="id")
    model = ModelEntry(path="m", task="regression", evaluate=entry)
    found = evaluation(tmp_path, model, lambda path: path)
    frame = pl.DataFrame({"id": theirs, "prediction": [0.1, 0.2, 0.3, 0.4]}).reverse()
    assert predictions_of(found, frame).tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_row_without_prediction_is_nan_which_the_gate_names(tmp_path: Path) -> None:
    from trueup.gate.comparing import compare

    found = table_of(tmp_path, "regression", [1.0, 2.0, 3.0, 4.0])
    frame = pl.DataFrame({"id": ["r3", "r0"], "prediction": [4, 1]})
    predicted = predictions_of(found, frame)
    np.testing.assert_array_equal(predicted, [1, np.nan, np.nan, 4])
    traps = compare(rows_of(found, {"candidate": predicted})).traps
    assert [(trap.kind, trap.word) for trap in traps] == [("nan_predictions", "fail")]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"id": ["r0", "r0", "r1"], "score": [1, 2, 3]}, "1 rows repeat the 'id' of another"),
        ({"id": ["r0", None], "score": [1, 2]}, "1 rows have no 'id'"),
        ({"id": ["a", "b"], "score": [1, 2]}, "no 'id' here is one of the rows to judge"),
        ({"ids": ["r0"], "score": [1]}, "there is no column 'id'"),
    ],
)
def test_ids_that_join_nothing_soundly_are_an_error(
    tmp_path: Path, frame: dict[str, Any], said: str
) -> None:
    found = table_of(tmp_path, "regression", [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(WrongUsage, match=said):
        predictions_of(found, pl.DataFrame(frame), "predictions.csv")


def test_without_ids_the_order_counts_and_the_number_must_be_the_same(tmp_path: Path) -> None:
    found = table_of(tmp_path, "binary", [0, 1, 1, 0], id="")
    assert predictions_of(found, pl.DataFrame({"score": SCORE})).tolist() == SCORE
    with pytest.raises(WrongUsage, match="there are 3 predictions for 4 rows"):
        predictions_of(found, pl.DataFrame({"score": SCORE[:3]}))
    with pytest.raises(WrongUsage, match=r"2 rows have another 'truth' than in test\.parquet"):
        predictions_of(found, pl.DataFrame({"score": SCORE, "truth": [1, 1, 0, None]}))


def test_a_predictions_file_is_enough(tmp_path: Path) -> None:
    columns = {"truth": [1, 0, 1], "score": [0.9, 0.2, 0.7], "carrier": ["a", "b", "a"]}
    pl.DataFrame(columns).write_csv(tmp_path / "predictions.csv")
    entry = EvaluateEntry(predictions="predictions.csv", target="late", slices=("carrier",))
    model = ModelEntry(path="", task="binary", evaluate=entry)
    found = evaluation(tmp_path, model, lambda path: f"digest of {path}")
    assert (found.data, found.features) == ("digest of predictions.csv", ())
    assert predictions_of(found, found.frame).tolist() == [0.9, 0.2, 0.7]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"evaluate": None}, "no rows to be judged on"),
        ({"task": None}, "does not say what it predicts"),
        ({"task": "ranking"}, "no column names the query"),
        ({"task": "binary"}, "'y' has 4 values, and the task is binary"),
        ({"task": "multilabel"}, "holds no lists of numbers"),
        ({"features": ("x", "nope")}, "there is no column 'nope', which features names"),
        ({"evaluate": EvaluateEntry(data="test.csv", target="late")}, "there is no column 'late'"),
        ({"evaluate": EvaluateEntry(data="test.csv")}, "not said which column is the truth"),
        ({"evaluate": EvaluateEntry(data="empty.csv", target="y")}, "the table has no rows"),
        ({"evaluate": EvaluateEntry(data="test.csv", target="y", time="when")}, "'soon'"),
        ({"evaluate": EvaluateEntry(data="test.csv", target="y", time="some")}, "2 rows have no"),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    pl.DataFrame(
        {
            "x": [1, 2, 3, 4],
            "y": [1, 2, 3, 4],
            "when": ["2026-01-01", "soon", "2026-01-03", "2026-01-04"],
            "some": ["2026-01-01", None, None, "2026-01-04"],
        }
    ).write_csv(tmp_path / "test.csv")
    (tmp_path / "empty.csv").write_text("x,y\n")
    fields = {
        "path": "m",
        "task": "regression",
        "evaluate": EvaluateEntry(data="test.csv", target="y"),
        **change,
    }
    with pytest.raises(WrongUsage, match=said):
        evaluation(tmp_path, ModelEntry(**fields), lambda path: path)


def test_a_model_of_two_classes_may_be_judged_as_one_of_many(tmp_path: Path) -> None:
    found = table_of(tmp_path, "multiclass", ["no", "yes", "yes", "no"])
    outputs = {"prediction": np.array(["no"] * 4, dtype=object), "score": np.array(SCORE)}
    np.testing.assert_allclose(predictions_from(found, outputs)[:, 1], SCORE)
