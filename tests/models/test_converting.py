"""Converted forms answer as their models do, at one ulp of every threshold, or are refused."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import NotProven
from trueup.models.artifact import Model, Reading, open_model
from trueup.models.conversions import (
    Bounds,
    Conversion,
    Measured,
    converted_key,
    converted_of,
    decode_conversion,
    keep_conversion,
    open_converted,
)
from trueup.models.signature import Signature, encode, infer
from trueup.models.tables import Table, as_table
from trueup.store.artifacts import Artifact
from trueup.store.hashing import digest_bytes
from trueup.store.memory import MemoryBucket

skops = pytest.importorskip("skops.io")
for needed in ("sklearn", "onnx", "onnxruntime", "skl2onnx", "polars"):
    pytest.importorskip(needed)
from trueup.models import converting  # noqa: E402 - needs what is asked for above
from trueup.models.converters import forests, probing  # noqa: E402 - likewise
from trueup.models.converters.graph import NotConvertible  # noqa: E402 - likewise

pl = import_module("polars")
ensemble = import_module("sklearn.ensemble")
linear = import_module("sklearn.linear_model")
preprocessing = import_module("sklearn.preprocessing")
compose = import_module("sklearn.compose")
pipe = import_module("sklearn.pipeline").make_pipeline
SimpleImputer = import_module("sklearn.impute").SimpleImputer
Calibrated = import_module("sklearn.calibration").CalibratedClassifierCV
selection = import_module("sklearn.model_selection")

ROWS = 360
DIGEST = "d" * 64
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(ROWS, 4))
HOLES = X.copy()
HOLES[::7, 2] = np.nan
TWO = (X[:, 0] + X[:, 1] + 0.5 * DRAW.normal(size=ROWS) > 0).astype(int)
NAMED = np.array(["no", "yes"])[TWO]
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
AMOUNT = 3 * X[:, 0] + X[:, 1] ** 2
WORDS = DRAW.choice(["ATL", "BOS", "JFK", "LGA"], ROWS).astype(object)
SPARSE = WORDS.copy()
SPARSE[::13] = None
FRAME = pl.DataFrame(
    {
        "a": X[:, 0],
        "b": HOLES[:, 2],
        "p": SPARSE.tolist(),
        "q": WORDS.tolist(),
        "month": DRAW.integers(1, 13, ROWS),
    }
)
UNSEEN = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}


def trees(**settings: Any) -> Any:
    return ensemble.HistGradientBoostingClassifier(max_iter=8, **settings)


def by_columns(encoder: Any, numbers: Any = "passthrough") -> Any:
    return compose.make_column_transformer((encoder, ["p", "q"]), (numbers, ["a", "b"]))


MODELS: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "forest": lambda: (ensemble.RandomForestClassifier(8), X, TWO),
    "forest, classes by name": lambda: (ensemble.RandomForestClassifier(8), X, NAMED),
    "forest, three classes": lambda: (ensemble.RandomForestClassifier(5), X, THREE),
    "forest, missing values": lambda: (ensemble.RandomForestClassifier(5), HOLES, TWO),
    "forest, two targets": lambda: (ensemble.RandomForestRegressor(4), X, X[:, :2]),
    "extra trees": lambda: (ensemble.ExtraTreesRegressor(4), X, AMOUNT),
    "bagging": lambda: (ensemble.BaggingClassifier(n_estimators=3, max_features=3), X, TWO),
    "boosting": lambda: (ensemble.GradientBoostingClassifier(n_estimators=8), X, TWO),
    "boosting, three classes": lambda: (
        ensemble.GradientBoostingClassifier(n_estimators=4),
        X,
        THREE,
    ),
    "boosting, numbers": lambda: (ensemble.GradientBoostingRegressor(n_estimators=8), X, AMOUNT),
    "histograms": lambda: (trees(), HOLES, TWO),
    "histograms, three classes": lambda: (trees(), HOLES, THREE),
    "histograms, counts": lambda: (
        ensemble.HistGradientBoostingRegressor(max_iter=8, loss="poisson"),
        HOLES,
        np.abs(AMOUNT),
    ),
    "histograms, categories": lambda: (
        pipe(
            by_columns(preprocessing.OrdinalEncoder(**UNSEEN)), trees(categorical_features=[0, 1])
        ),
        FRAME,
        TWO,
    ),
    "histograms, scaled": lambda: (pipe(preprocessing.StandardScaler(), trees()), X, TWO),
    "ordinal codes": lambda: (
        pipe(by_columns(preprocessing.OrdinalEncoder(**UNSEEN)), trees()),
        FRAME,
        TWO,
    ),
    "one column a category": lambda: (
        pipe(
            by_columns(
                pipe(
                    SimpleImputer(strategy="most_frequent"),
                    preprocessing.OneHotEncoder(handle_unknown="ignore"),
                ),
                pipe(SimpleImputer(), preprocessing.StandardScaler()),
            ),
            linear.LogisticRegression(),
        ),
        FRAME,
        TWO,
    ),
    "rare categories": lambda: (
        pipe(
            by_columns(
                preprocessing.OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
                SimpleImputer(),
            ),
            linear.LogisticRegression(),
        ),
        FRAME,
        TWO,
    ),
    "target means": lambda: (
        pipe(by_columns(preprocessing.TargetEncoder()), trees()),
        FRAME,
        TWO,
    ),
    "numbers as categories": lambda: (
        pipe(
            compose.make_column_transformer(
                (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["month"]),
                (preprocessing.MinMaxScaler(), ["a"]),
            ),
            linear.LogisticRegression(),
        ),
        FRAME,
        TWO,
    ),
    "calibrated": lambda: (Calibrated(trees(), cv=2), HOLES, TWO),
    "calibrated by steps": lambda: (
        Calibrated(ensemble.RandomForestClassifier(5), method="isotonic", cv=2),
        X,
        TWO,
    ),
    "calibrated pipelines": lambda: (
        Calibrated(pipe(by_columns(preprocessing.OrdinalEncoder(**UNSEEN)), trees()), cv=2),
        FRAME,
        TWO,
    ),
    "votes": lambda: (
        ensemble.VotingClassifier(
            [("a", trees()), ("b", ensemble.RandomForestClassifier(4))], voting="soft"
        ),
        X,
        TWO,
    ),
    "a stack": lambda: (
        ensemble.StackingClassifier(
            [("a", trees()), ("b", ensemble.RandomForestClassifier(4))], cv=2
        ),
        X,
        TWO,
    ),
    "a chosen threshold": lambda: (
        selection.FixedThresholdClassifier(trees(), threshold=0.3),
        X,
        TWO,
    ),
    "a search": lambda: (
        selection.GridSearchCV(ensemble.RandomForestClassifier(4), {"max_depth": [2, 3]}, cv=2),
        X,
        TWO,
    ),
    "logistic": lambda: (linear.LogisticRegression(), X, THREE),
    "least squares": lambda: (linear.Ridge(), X, AMOUNT),
    "through skl2onnx": lambda: (
        pipe(import_module("sklearn.decomposition").PCA(2), linear.LogisticRegression()),
        X,
        TWO,
    ),
}


def opened(model: Any, folder: Path) -> Model:
    (folder / "model.skops").write_bytes(skops.dumps(model))
    return open_model(folder / "model.skops")


def table_of(given: Any) -> Table:
    if isinstance(given, pl.DataFrame):
        return as_table(given)
    return as_table({f"x{k}": given[:, k] for k in range(given.shape[1])})


def seeded(model: Any) -> Any:
    known = model.get_params()
    ends = ("classifier__random_state", "regressor__random_state")
    seeds = {name: 1 for name in known if name == "random_state" or name.endswith(ends)}
    return model.set_params(**seeds)


@pytest.mark.parametrize("name", MODELS)
def test_a_graph_answers_as_its_model_does(name: str, tmp_path: Path) -> None:
    model, given, truth = MODELS[name]()
    seeded(model).fit(given, truth)
    made = converting.convert(opened(model, tmp_path), table_of(given[120:]), DIGEST).record
    assert made.refused == ()
    assert made.sample.decisions == made.probes.decisions == 0
    assert made.sample.difference is not None
    assert made.sample.difference < 1e-13
    assert made.probes.difference is not None
    assert made.probes.difference < 1e-13
    if made.thresholds.thresholds:  # nodes that no row reaches are left out
        assert made.thresholds.probed > 0.5 * made.thresholds.thresholds


def booster_of_lightgbm(columns: dict[str, Any], **settings: Any) -> str:
    lightgbm = pytest.importorskip("lightgbm")
    quiet = {"verbose": -1, "num_leaves": 7, "seed": 1, "num_threads": 1, **settings}
    categories = quiet.pop("categories", [])
    rows = lightgbm.Dataset(
        np.column_stack(list(columns.values())),
        TWO ^ (WORDS == "BOS") if categories else TWO,
        feature_name=[*columns],
        categorical_feature=categories,
    )
    text: str = lightgbm.train(quiet, rows, 12).model_to_string()
    return text


NUMBERS = {"a": X[:, 0], "b": X[:, 1], "c": HOLES[:, 2]}


@pytest.mark.parametrize("objective", ["binary", "regression", "poisson", "cross_entropy"])
def test_a_graph_answers_as_lightgbm_does(objective: str, tmp_path: Path) -> None:
    text = booster_of_lightgbm(NUMBERS, objective=objective)
    (tmp_path / "m").write_text(text)
    made = converting.convert(open_model(tmp_path / "m"), as_table(NUMBERS), DIGEST).record
    assert made.refused == ()
    assert made.thresholds.probed == made.thresholds.thresholds > 0


def test_a_graph_takes_what_is_next_to_zero_for_zero_as_lightgbm_does(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    signs = {"a": draw.normal(size=400), "b": draw.choice([-1.0, 0.0, 1.0], 400)}
    rows = pytest.importorskip("lightgbm").Dataset(
        np.column_stack(list(signs.values())),
        (signs["a"] > 0) ^ (signs["b"] > 0) ^ (signs["b"] < 0),
        feature_name=[*signs],
    )
    settings = {"verbose": -1, "objective": "binary", "min_data": 2, "num_threads": 1}
    text = pytest.importorskip("lightgbm").train(settings, rows, 12).model_to_string()
    assert re.search(r"[= ]-1\.0\d*e-35", text)
    assert re.search(r"[= ]1\.0\d*e-35", text)
    (tmp_path / "m").write_text(text)
    made = converting.convert(open_model(tmp_path / "m"), as_table(signs), DIGEST).record
    assert made.refused == ()
    assert made.probes.difference is not None
    assert made.probes.difference < 1e-13


def test_categories_of_lightgbm_are_numbered_by_the_signature(tmp_path: Path) -> None:
    columns = NUMBERS | {"p": SPARSE}
    signature = infer(as_table(columns))
    coded = encode(signature, as_table(columns)).columns()
    text = booster_of_lightgbm(coded, objective="binary", categories=[3], min_data=2)
    assert re.search(r"^num_cat=[1-9]", text, re.MULTILINE)
    (tmp_path / "m").write_text(text)
    model = open_model(tmp_path / "m", reading=Reading(signature=signature))
    made = converting.convert(model, as_table(columns), DIGEST).record
    assert made.refused == ()
    assert made.signature.inputs[3].vocabulary == ("ATL", "BOS", "JFK", "LGA")


def test_categories_of_a_training_frame_keep_their_numbers(tmp_path: Path) -> None:
    lightgbm, pandas = pytest.importorskip("lightgbm"), pytest.importorskip("pandas")
    kinds = pandas.CategoricalDtype(["LGA", "JFK", "BOS", "ATL"])
    frame = pandas.DataFrame({"p": pandas.Series(SPARSE, dtype=kinds), "a": X[:, 0]})
    truth = TWO ^ (WORDS == "BOS")
    model = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=5, verbose=-1, min_child_samples=3)
    (tmp_path / "m").write_text(model.fit(frame, truth).booster_.model_to_string())
    columns = as_table({"p": SPARSE, "a": X[:, 0]})
    made = converting.convert(open_model(tmp_path / "m"), columns, DIGEST).record
    assert made.refused == ()
    assert "p" in [field.name for field in made.signature.inputs if field.vocabulary]


@pytest.mark.parametrize("case", ["binary", "three", "numbers", "stopped"])
def test_a_graph_answers_as_xgboost_does_to_single_precision(case: str, tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    settings: dict[str, Any] = {"n_estimators": 10, "max_depth": 3, "n_jobs": 1}
    truth = {"three": THREE, "numbers": AMOUNT}.get(case, TWO)
    kind = xgboost.XGBRegressor if case == "numbers" else xgboost.XGBClassifier
    if case == "stopped":
        model = kind(**settings | {"n_estimators": 40}, early_stopping_rounds=2)
        model.fit(HOLES[:200], truth[:200], eval_set=[(HOLES[200:], truth[200:])], verbose=False)
        assert model.best_iteration < 38
    else:
        model = kind(**settings).fit(HOLES, truth)
    model.save_model(tmp_path / "m.json")
    made = converting.convert(open_model(tmp_path / "m.json"), table_of(HOLES), DIGEST).record
    assert made.refused == ()
    assert made.thresholds.probed > 0.9 * made.thresholds.thresholds
    assert made.probes.decisions == 0


def test_categories_of_xgboost_are_sets(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    columns = NUMBERS | {"p": SPARSE}
    signature = infer(as_table(columns))
    coded = np.column_stack(list(encode(signature, as_table(columns)).columns().values()))
    rows = xgboost.DMatrix(
        coded,
        TWO ^ (WORDS == "BOS"),
        feature_names=[*columns],
        feature_types=["q", "q", "q", "c"],
        enable_categorical=True,
    )
    settings = {"objective": "binary:logistic", "max_depth": 4, "max_cat_to_onehot": 2}
    xgboost.train(settings | {"nthread": 1}, rows, 8).save_model(tmp_path / "m.json")
    assert '"categories_sizes":[2' in (tmp_path / "m.json").read_text()
    model = open_model(tmp_path / "m.json", reading=Reading(signature=signature))
    made = converting.convert(model, as_table(columns), DIGEST).record
    assert made.refused == ()
    assert made.probes.decisions == 0


def test_categories_that_only_the_model_knows_are_not_unseen(tmp_path: Path) -> None:
    model = pipe(by_columns(preprocessing.OrdinalEncoder(**UNSEEN)), trees())
    truth = TWO ^ (WORDS == "LGA")
    given = opened(model.fit(FRAME, truth), tmp_path)
    without = FRAME.filter((pl.col("q") != "LGA") & (pl.col("p") != "LGA"))
    made = converting.convert(given, as_table(without), DIGEST)
    assert made.record.refused == ()
    words = {one.name: one.vocabulary for one in made.record.signature.inputs if one.vocabulary}
    assert words["q"] == ("ATL", "BOS", "JFK", "LGA")
    (tmp_path / "form").write_bytes(made.graph)
    form = open_model(tmp_path / "form", reading=Reading(signature=made.record.signature))
    odd = FRAME.with_columns(q=pl.when(pl.col("a") > 0).then(pl.lit("SFO")).otherwise("q"))
    for table in (FRAME, odd):
        wanted, found = given.predict(table)[0], form.predict(table)[0]
        np.testing.assert_allclose(found.column("score"), wanted.column("score"), atol=1e-14)


def test_a_category_that_the_model_refuses_is_refused_by_the_graph(tmp_path: Path) -> None:
    encoder = preprocessing.OneHotEncoder(drop="first")
    model = pipe(by_columns(encoder, SimpleImputer()), linear.LogisticRegression())
    made = converting.convert(opened(model.fit(FRAME, TWO), tmp_path), as_table(FRAME), DIGEST)
    assert made.record.refused == ()
    assert not any("values like" in note for note in made.record.notes)


def test_thresholds_in_single_precision_are_found_out_where_rows_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = opened(trees(random_state=1).fit(X, TWO), tmp_path)
    honest = forests._attributes

    def careless(graph: Any, forest: forests.Forest) -> Any:
        rounded = [
            msgspec.structs.replace(one, threshold=one.threshold.astype(np.float32).astype(float))
            for one in forest.trees
        ]
        return honest(graph, msgspec.structs.replace(forest, trees=tuple(rounded)))

    monkeypatch.setattr(forests, "_attributes", careless)
    fresh = np.random.default_rng(4).normal(size=(ROWS, 4))
    made = converting.convert(given, table_of(fresh), DIGEST).record
    assert made.sample.differing == 0
    assert made.probes.differing > 0.1
    assert not made.kept
    assert made.refused[0].startswith("rows at thresholds and categories: ")
    assert f"{made.probes.differing:.3%} of {made.probes.rows} rows" in " ".join(made.refused)


def test_bounds_are_the_callers_and_are_kept(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    xgboost.XGBRegressor(n_estimators=5, n_jobs=1).fit(X, AMOUNT).save_model(tmp_path / "m.json")
    strict = Bounds(difference=1e-12, tolerance=1e-12)
    made = converting.convert(open_model(tmp_path / "m.json"), table_of(X), DIGEST, strict).record
    assert made.bounds == strict
    assert any("the largest difference is" in why for why in made.refused)


@pytest.mark.parametrize(
    ("model", "given", "why"),
    [
        (lambda: import_module("sklearn.neighbors").KNeighborsClassifier(), X, "skl2onnx cannot"),
        (
            lambda: ensemble.AdaBoostClassifier(n_estimators=3),
            X,
            "AdaBoostClassifier: its trees' thresholds could not be probed",
        ),
        (
            lambda: pipe(
                compose.make_column_transformer(
                    (import_module("sklearn.feature_extraction.text").CountVectorizer(), "q")
                ),
                linear.LogisticRegression(),
            ),
            FRAME,
            r"CountVectorizer takes categories as they are \(q\)",
        ),
    ],
)
def test_what_has_no_form_is_said_with_the_reason(
    model: Callable[[], Any], given: Any, why: str, tmp_path: Path
) -> None:
    fitted = model().fit(given, TWO)
    with pytest.raises(NotConvertible, match=why):
        converting.convert(opened(fitted, tmp_path), table_of(given), DIGEST)


def test_a_graph_is_not_converted_again(tmp_path: Path) -> None:
    made = converting.convert(
        opened(linear.LogisticRegression().fit(X, TWO), tmp_path), table_of(X), DIGEST
    )
    (tmp_path / "form").write_bytes(made.graph)
    with pytest.raises(NotConvertible, match="ONNX"):
        converting.convert(open_model(tmp_path / "form"), table_of(X), DIGEST)


@given(st.floats(-1e30, 1e30))
def test_the_numbers_around_a_threshold_are_on_both_sides_of_it(threshold: float) -> None:
    near = probing.around(threshold)
    assert {threshold, np.nextafter(threshold, -np.inf), np.nextafter(threshold, np.inf)} <= set(
        near
    )
    singles = sorted({float(np.float32(one)) for one in near})
    under = [one for one in singles if one <= threshold]
    over = [one for one in singles if one > threshold]
    assert under
    assert over
    with np.errstate(under="ignore"):
        assert np.nextafter(np.float32(under[-1]), np.float32(np.inf)) == np.float32(over[0])


def record(model: str = DIGEST, **parts: Any) -> Conversion:

    given: dict[str, Any] = {
        "signature": Signature(()),
        "bounds": Bounds(),
        "sample": Measured(10),
        "probes": Measured(10),
        "artifact": Artifact("a" * 64, 5),
    }
    return Conversion(model=model, to="onnx", **given | parts)


def test_a_form_is_found_by_the_digest_of_its_model_in_scopes_that_are_believed() -> None:
    bucket = MemoryBucket()
    assert converted_of(bucket, DIGEST) is None
    keep_conversion(bucket, "pr/7", record())
    assert converted_of(bucket, DIGEST) is None
    assert converted_of(bucket, DIGEST, ("trusted", "pr/7")) == record()
    keep_conversion(bucket, "trusted", record(notes=("ours",)))
    assert converted_of(bucket, DIGEST, ("trusted", "pr/7")) == record(notes=("ours",))


def test_refused_foreign_and_newer_forms_are_none() -> None:
    bucket = MemoryBucket()
    key = converted_key("trusted", DIGEST)
    keep_conversion(bucket, "trusted", record(refused=("far apart",), artifact=None))
    assert converted_of(bucket, DIGEST) is None
    bucket.put(key, msgspec.json.encode(record("e" * 64)))
    assert converted_of(bucket, DIGEST) is None
    bucket.put(key, msgspec.json.encode(record(format=2)))
    assert converted_of(bucket, DIGEST) is None
    assert decode_conversion(b"{}") is None


def test_a_kept_form_opens_as_what_was_verified_and_not_otherwise(tmp_path: Path) -> None:
    model = opened(linear.LogisticRegression().fit(X, TWO), tmp_path)
    made = converting.convert(model, table_of(X), DIGEST)
    (tmp_path / "form").write_bytes(made.graph)
    artifact = Artifact(digest_bytes(made.graph), len(made.graph))
    kept = msgspec.structs.replace(made.record, artifact=artifact)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Conversion) == kept
    found = open_converted(kept, tmp_path / "form").predict(table_of(X))[0]
    np.testing.assert_allclose(
        found.column("score"), model.predict(table_of(X))[0].column("score"), atol=1e-14
    )
    (tmp_path / "form").write_bytes(made.graph.replace(b"trueup", b"tricks"))
    with pytest.raises(NotProven, match="not the one with the digest"):
        open_converted(kept, tmp_path / "form")


def test_the_same_model_becomes_the_same_bytes(tmp_path: Path) -> None:
    model = opened(trees(random_state=1).fit(X, TWO), tmp_path)
    first, second = (converting.convert(model, table_of(X), DIGEST).graph for _ in range(2))
    assert first == second
