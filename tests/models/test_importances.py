"""What a model says of its own inputs: the one that decides counts most, the idle one least."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.models.artifact import Reading, open_model
from trueup.models.importances import Importances, importances
from trueup.models.port import Trust
from trueup.models.tables import Table, as_table

for needed in ("polars", "sklearn", "skops"):
    pytest.importorskip(needed)

NAMES = ("place", "near", "idle")


def rows() -> tuple[Any, Any]:
    draw, polars = np.random.default_rng(5), import_module("polars")
    place, near = draw.choice(["a", "b", "c"], 400), draw.normal(size=400)
    truth = (3 * near + 3 * (place == "b") + 0.1 * draw.normal(size=400) > 0).astype(int)
    frame = polars.DataFrame({"place": place, "near": near, "idle": draw.normal(size=400)})
    return frame, truth


def shaped(last: Any) -> Any:
    compose, processing = import_module("sklearn.compose"), import_module("sklearn.preprocessing")
    encoder = processing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = compose.make_column_transformer(
        (encoder, ["place"]), (processing.StandardScaler(), ["near", "idle"])
    )
    return import_module("sklearn.pipeline").make_pipeline(columns, last)


def said(place: Path, estimator: Any) -> Importances | None:
    frame, truth = rows()
    estimator.fit(frame, truth)
    io = import_module("skops.io")
    io.dump(estimator, place)
    trust = Trust(skops=tuple(io.get_untrusted_types(file=place)))
    return importances(open_model(place, trust), as_table(frame))


def in_order(found: Importances | None) -> list[str]:
    assert found is not None
    return sorted(found.values, key=lambda name: -found.values[name])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.ensemble", "RandomForestClassifier"),
        ("sklearn.ensemble", "GradientBoostingClassifier"),
        ("sklearn.linear_model", "LogisticRegression"),
    ],
)
def test_what_an_encoder_makes_of_a_column_counts_for_that_column(
    tmp_path: Path, module: str, name: str
) -> None:
    found = said(tmp_path / "m.skops", shaped(getattr(import_module(module), name)()))
    assert in_order(found) == ["near", "place", "idle"]
    assert found is not None
    assert name in found.by


def test_weights_count_by_how_far_their_columns_are_spread(tmp_path: Path) -> None:
    frame, truth = rows()
    wide = frame.select(near=frame["near"], idle=1e-6 * frame["idle"])
    regression = import_module("sklearn.linear_model").LinearRegression().fit(wide, truth)
    place = tmp_path / "m.skops"
    import_module("skops.io").dump(regression, place)
    found = importances(open_model(place), as_table(wide))
    assert found is not None
    assert found.values["near"] > 10 * found.values["idle"]


def test_a_model_without_any_says_nothing(tmp_path: Path) -> None:
    boosted = import_module("sklearn.ensemble").HistGradientBoostingClassifier(max_iter=5)
    assert said(tmp_path / "m.skops", shaped(boosted)) is None


def test_the_gains_of_lightgbm_and_xgboost_are_by_column(tmp_path: Path) -> None:
    frame, truth = rows()
    table = Table({name: frame[name].to_numpy() for name in ("idle", "near")})
    reading = Reading(("idle", "near"))
    lightgbm = pytest.importorskip("lightgbm")
    made = lightgbm.train(
        {"objective": "binary", "verbose": -1}, lightgbm.Dataset(table.matrix(), truth), 5
    )
    made.save_model(tmp_path / "m.txt")
    assert in_order(importances(open_model(tmp_path / "m.txt", reading=reading), table)) == [
        "near",
        "idle",
    ]
    xgboost = pytest.importorskip("xgboost")
    trees = xgboost.train({"max_depth": 3}, xgboost.DMatrix(table.matrix(), truth), 5)
    trees.save_model(tmp_path / "m.json")
    assert in_order(importances(open_model(tmp_path / "m.json", reading=reading), table)) == [
        "near",
        "idle",
    ]
