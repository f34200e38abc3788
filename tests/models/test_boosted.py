"""LightGBM and XGBoost: trees that would leave their arrays are refused, categories encoded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.models.artifact import open_model
from trueup.models.port import ModelDamaged

DRAW = np.random.default_rng(2)
ROWS = DRAW.normal(size=(200, 3))
TRUTH = (ROWS[:, 0] > 0).astype(int)


@pytest.fixture
def lightgbm_text() -> str:
    lightgbm: Any = pytest.importorskip("lightgbm")
    rows = lightgbm.Dataset(ROWS, TRUTH)
    settings = {"objective": "binary", "verbose": -1, "num_leaves": 5}
    return str(lightgbm.train(settings, rows, 3).model_to_string())


def line(name: str, change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """Change the values of the first line with a name."""

    def spoil(text: str) -> str:
        before, _, rest = text.partition(f"\n{name}=")
        values, newline, after = rest.partition("\n")
        return f"{before}\n{name}={' '.join(change(values.split()))}{newline}{after}"

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (line("left_child", lambda one: ["99", *one[1:]]), "children that do not exist in tree 0"),
        (line("right_child", lambda one: ["-99", *one[1:]]), "children that do not exist"),
        (line("left_child", lambda one: ["0", *one[1:]]), "a loop"),
        (line("split_feature", lambda one: ["77", *one[1:]]), "features that do not exist"),
        (line("leaf_value", lambda one: one[1:]), "not one value a leaf"),
        (line("decision_type", lambda one: ["1", *one[1:]]), "categories that do not exist"),
        (lambda text: text.replace("\nTree=1", "\nNot=1"), "not the trees that it announces"),
        (lambda text: text.partition("\nend of trees")[0], "cut off"),
    ],
)
def test_a_lightgbm_tree_that_would_leave_its_arrays_is_refused(
    spoil: Callable[[str], str], says: str, lightgbm_text: str, tmp_path: Path
) -> None:
    spoilt = spoil(lightgbm_text)
    assert spoilt != lightgbm_text
    (tmp_path / "model").write_text(spoilt)
    with pytest.raises(ModelDamaged, match=says):
        open_model(tmp_path / "model")


def test_categories_of_a_training_frame_are_encoded_as_then(
    lightgbm_text: str, tmp_path: Path
) -> None:
    lightgbm: Any = pytest.importorskip("lightgbm")
    codes = DRAW.integers(0, 3, 200)
    rows = np.column_stack([codes, ROWS[:, 0]]).astype(float)
    data = lightgbm.Dataset(rows, (codes == 1).astype(int), categorical_feature=[0])
    model = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_per_group": 1}, data, 5)
    text = model.model_to_string().replace(
        "pandas_categorical:null", 'pandas_categorical:[["BOS", "ATL", "JFK"]]'
    )
    (tmp_path / "model").write_text(text)
    places = [["BOS", "ATL", "JFK"][code] for code in codes]
    found, _ = open_model(tmp_path / "model").predict({"place": places, "x": ROWS[:, 0]})
    np.testing.assert_array_equal(found.column("score"), model.predict(rows))


@pytest.fixture
def xgboost_json() -> Any:
    xgboost: Any = pytest.importorskip("xgboost")
    rows = xgboost.DMatrix(ROWS, TRUTH)
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, rows, 2)
    return json.loads(bytes(model.save_raw("json")))


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_children", 999), ("right_children", 0), ("split_indices", 77), ("left_children", 2)],
)
def test_an_xgboost_tree_that_would_leave_its_arrays_is_refused(
    field: str, value: int, xgboost_json: Any, tmp_path: Path
) -> None:
    xgboost_json["learner"]["gradient_booster"]["model"]["trees"][1][field][0] = value
    (tmp_path / "model").write_text(json.dumps(xgboost_json))
    with pytest.raises(ModelDamaged):
        open_model(tmp_path / "model")


def test_an_xgboost_model_of_classes_answers_a_score_a_class(tmp_path: Path) -> None:
    xgboost: Any = pytest.importorskip("xgboost")
    three = np.digitize(ROWS[:, 0], [-0.5, 0.5])
    model = xgboost.XGBClassifier(n_estimators=4, max_depth=2).fit(ROWS, three)
    model.save_model(tmp_path / "model.json")
    table = {f"x{k}": ROWS[:, k] for k in range(3)}
    found, _ = open_model(tmp_path / "model.json").predict(table)
    np.testing.assert_array_equal(found.column("prediction"), model.predict(ROWS))
    np.testing.assert_array_equal(found.column("score_2"), model.predict_proba(ROWS)[:, 2])
