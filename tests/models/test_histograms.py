"""Histogram boosting, which most people have: categories, missing values, losses, in pipelines."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

skops = pytest.importorskip("skops.io")
for needed in ("sklearn", "onnx", "onnxruntime", "polars"):
    pytest.importorskip(needed)
from trueup.models import converting  # noqa: E402 - needs what is asked for above
from trueup.models.artifact import Model, Reading, open_model  # noqa: E402 - likewise
from trueup.models.converters.graph import NotConvertible  # noqa: E402 - likewise
from trueup.models.tables import as_table  # noqa: E402 - likewise

pl = import_module("polars")
ensemble = import_module("sklearn.ensemble")
preprocessing = import_module("sklearn.preprocessing")
compose = import_module("sklearn.compose")
pipe = import_module("sklearn.pipeline").make_pipeline
SimpleImputer = import_module("sklearn.impute").SimpleImputer

ROWS = 600
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(ROWS, 2))
X[::7, 1] = np.nan
PLACE = DRAW.choice(["ATL", "BOS", "JFK", "LGA", "SFO"], ROWS).astype(object)
IS_BOSTON = PLACE == "BOS"
SPARSE = PLACE.copy()
SPARSE[::13] = None
FRAME = pl.DataFrame(
    {
        "near": X[:, 0],
        "far": X[:, 1],
        "place": SPARSE.tolist(),
        "kind": DRAW.choice(list("xyz"), ROWS).tolist(),
        "month": DRAW.integers(1, 13, ROWS),
        "late": DRAW.random(ROWS) > 0.5,
    }
)
CATEGORIES = FRAME.with_columns(pl.col("place", "kind").cast(pl.Categorical))
ENUM = FRAME.with_columns(pl.col("place").cast(pl.Enum(["SFO", "LGA", "JFK", "BOS", "ATL"])))
TWO = (X[:, 0] + IS_BOSTON + 0.3 * DRAW.normal(size=ROWS) > 0).astype(int)
NAMED = np.array(["no", "yes"])[TWO]
THREE = np.digitize(X[:, 0] + IS_BOSTON, [-0.5, 0.7])
AMOUNT = 3 * X[:, 0] + 2 * IS_BOSTON + np.nan_to_num(X[:, 1])
COUNT = np.abs(AMOUNT) + 0.1
NUMBERS = ["near", "far", "month"]
UNSEEN = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other by spinning take minutes where others work, too."""
    with import_module("threadpoolctl").threadpool_limits(1):
        yield


def classes(**settings: Any) -> Any:
    return ensemble.HistGradientBoostingClassifier(max_iter=8, random_state=1, **settings)


def numbers(**settings: Any) -> Any:
    return ensemble.HistGradientBoostingRegressor(max_iter=8, random_state=1, **settings)


def ordinal(**settings: Any) -> Any:
    return preprocessing.OrdinalEncoder(**{**UNSEEN, **settings})


def filled(**settings: Any) -> Any:
    return pipe(SimpleImputer(**settings), preprocessing.StandardScaler())


def columns(encoder: Any, rest: Any = "passthrough") -> Any:
    return compose.make_column_transformer((encoder, ["place", "kind"]), (rest, NUMBERS))


def polars_out(encoder: Any) -> Any:
    chosen = compose.ColumnTransformer(
        [("words", encoder, ["place", "kind"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return chosen.set_output(transform="polars")


NUMERIC = FRAME.select(NUMBERS)
MODELS: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "categories by type": lambda: (classes(), CATEGORIES.select("near", "place", "far"), TWO),
    "an enumeration by type": lambda: (classes(), ENUM.select("near", "place", "far"), NAMED),
    "categories by name, three classes": lambda: (
        classes(categorical_features=["place", "kind"]),
        FRAME.select("near", "place", "far", "kind"),
        THREE,
    ),
    "categories by type, numbers": lambda: (numbers(), CATEGORIES.select("place", "far"), AMOUNT),
    "categories by type, counts": lambda: (
        numbers(loss="poisson"),
        CATEGORIES.select("near", "kind", "place"),
        COUNT,
    ),
    "codes as categories, three classes": lambda: (
        pipe(columns(ordinal()), classes(categorical_features=[0, 1])),
        FRAME,
        THREE,
    ),
    "codes as categories by name": lambda: (
        pipe(polars_out(ordinal()), classes(categorical_features=["place", "kind"])),
        FRAME,
        TWO,
    ),
    "unseen is a code": lambda: (
        pipe(columns(ordinal(unknown_value=-1)), classes(categorical_features=[0, 1])),
        FRAME,
        TWO,
    ),
    "unseen and missing are codes": lambda: (
        pipe(columns(ordinal(unknown_value=-1, encoded_missing_value=-2)), classes()),
        FRAME,
        TWO,
    ),
    "missing is a category": lambda: (
        pipe(
            columns(pipe(SimpleImputer(strategy="constant", fill_value="none"), ordinal())),
            classes(categorical_features=[0, 1]),
        ),
        FRAME,
        TWO,
    ),
    "a column a category, rare ones together": lambda: (
        pipe(
            columns(
                pipe(
                    SimpleImputer(strategy="most_frequent"),
                    preprocessing.OneHotEncoder(
                        handle_unknown="infrequent_if_exist", min_frequency=40, sparse_output=False
                    ),
                ),
                filled(strategy="median"),
            ),
            classes(),
        ),
        FRAME,
        NAMED,
    ),
    "marks where values were missing": lambda: (
        pipe(columns(ordinal(), filled(add_indicator=True)), classes()),
        FRAME,
        TWO,
    ),
    "target means, three classes": lambda: (
        pipe(columns(preprocessing.TargetEncoder(target_type="multiclass")), classes()),
        FRAME,
        THREE,
    ),
    "functions of numbers": lambda: (
        pipe(
            compose.make_column_transformer(
                (ordinal(), ["place"]),
                (preprocessing.FunctionTransformer(np.log1p), ["month"]),
                (preprocessing.FunctionTransformer(np.abs), ["near", "far"]),
            ),
            classes(),
        ),
        FRAME,
        TWO,
    ),
    "true and false": lambda: (classes(), FRAME.select("near", "late"), TWO),
    "poisson": lambda: (numbers(loss="poisson"), NUMERIC, COUNT),
    "gamma": lambda: (numbers(loss="gamma"), NUMERIC, COUNT),
    "gamma, categories": lambda: (
        pipe(columns(ordinal()), numbers(loss="gamma", categorical_features=[0, 1])),
        FRAME,
        COUNT,
    ),
    "quantile": lambda: (numbers(loss="quantile", quantile=0.9), NUMERIC, AMOUNT),
    "absolute error": lambda: (
        pipe(columns(ordinal()), numbers(loss="absolute_error", categorical_features=[0, 1])),
        FRAME,
        AMOUNT,
    ),
    "a target in logarithms": lambda: (
        compose.TransformedTargetRegressor(numbers(), func=np.log1p, inverse_func=np.expm1),
        NUMERIC,
        COUNT,
    ),
    "a scaled target": lambda: (
        compose.TransformedTargetRegressor(
            pipe(columns(ordinal()), numbers()), transformer=preprocessing.StandardScaler()
        ),
        FRAME,
        AMOUNT,
    ),
    "nothing to split": lambda: (classes(min_samples_leaf=550), NUMERIC, TWO),
    "only rising": lambda: (classes(monotonic_cst={"near": 1}), NUMERIC, TWO),
    "stopped early": lambda: (
        classes(early_stopping=True).set_params(max_iter=60),
        NUMERIC,
        NAMED,
    ),
}


def opened(model: Any, folder: Path) -> Model:
    (folder / "model.skops").write_bytes(skops.dumps(model))
    return open_model(folder / "model.skops")


@pytest.mark.parametrize("name", MODELS)
def test_a_graph_answers_as_the_trees_do(name: str, tmp_path: Path) -> None:
    untrained, given, truth = MODELS[name]()
    model = opened(untrained.fit(given, truth), tmp_path)
    made = converting.convert(model, as_table(given), "d" * 64)
    assert made.record.refused == ()
    assert made.record.probes.rows > 0
    assert made.record.probes.decisions == 0
    assert made.record.probes.difference is not None
    assert made.record.probes.difference < 1e-13
    odd = given[:40].with_columns(
        *(pl.lit("XNA").cast(pl.String).alias(one) for one in ("place", "kind") if one in given),
        *(pl.lit(None, pl.Float64).alias(one) for one in ("near", "far") if one in given),
    )
    (tmp_path / "form").write_bytes(made.graph)
    form = open_model(tmp_path / "form", reading=Reading(signature=made.record.signature))
    wanted, found = model.predict(odd)[0], form.predict(odd)[0]
    assert wanted.names == tuple(one for one in wanted.names if one in found.names)
    for column in wanted.names:
        one, other = wanted.column(column), found.column(column)
        if one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13)
        else:
            assert one.tolist() == other.tolist()


def test_categories_of_a_pandas_frame_are_texts_when_it_is_asked(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    kinds = pandas.CategoricalDtype(["LGA", "JFK", "BOS", "ATL", "SFO"])
    given = pandas.DataFrame({"place": pandas.Series(SPARSE, dtype=kinds), "near": X[:, 0]})
    model = opened(classes().fit(given, TWO), tmp_path)
    made = converting.convert(model, as_table({"place": SPARSE, "near": X[:, 0]}), "d" * 64)
    assert made.record.refused == ()
    assert made.record.probes.difference is not None
    assert made.record.probes.difference < 1e-13


@pytest.mark.parametrize("called", ["log", "sqrt", "exp", "square", "log2", "log10", "expm1"])
def test_a_target_behind_any_usual_function_is_taken_back(called: str, tmp_path: Path) -> None:
    back = {"log": "exp", "sqrt": "square", "exp": "log", "square": "sqrt"}
    back |= {"log2": "exp2", "log10": "exp", "expm1": "log1p"}
    model = compose.TransformedTargetRegressor(
        numbers(),
        func=getattr(np, called),
        inverse_func=getattr(np, back[called]),
        check_inverse=False,
    ).fit(NUMERIC, COUNT + 1)
    given = opened(model, tmp_path)
    if back[called] == "exp2":
        with pytest.raises(NotConvertible, match="no inverse here"):
            converting.convert(given, as_table(NUMERIC), "d" * 64)
        return
    made = converting.convert(given, as_table(NUMERIC), "d" * 64).record
    assert made.refused == ()
