"""skops files: audited types load without ceremony, others never, and no tree leaves its arrays."""

import inspect
import json
import re
import warnings
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from trueup.models import skops_types
from trueup.models.artifact import open_model
from trueup.models.port import ModelDamaged, ModelRefused, Trust

skops = pytest.importorskip("skops.io")
estimators = pytest.importorskip("sklearn.utils").all_estimators
linear = import_module("sklearn.linear_model")
ensemble = import_module("sklearn.ensemble")
preprocessing = import_module("sklearn.preprocessing")

DRAW = np.random.default_rng(5)
ROWS = DRAW.normal(size=(90, 4))
CLASSES = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
COLUMNS = {f"x{k}": ROWS[:, k] for k in range(4)}
COMMON = {  # of the rest there are about 80, which load in the slow tests
    *(
        "AdaBoostClassifier",
        "BaggingClassifier",
        "CalibratedClassifierCV",
        "DecisionTreeClassifier",
    ),
    *("ElasticNet", "ExtraTreesClassifier", "GaussianNB", "GaussianProcessRegressor"),
    *("GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier"),
    *("HistGradientBoostingRegressor", "KNeighborsClassifier", "Lasso", "LinearRegression"),
    *("LogisticRegression", "MLPClassifier", "RandomForestClassifier", "RandomForestRegressor"),
    *("Ridge", "SGDClassifier", "SVC", "StackingClassifier", "VotingRegressor"),
}
NOT_FOR_THESE_ROWS = {"IsotonicRegression", "CategoricalNB"}


def every(kind: str) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            pytest.param(made, id=name, marks=[] if name in COMMON else pytest.mark.slow)
            for name, made in estimators(kind)
            if name not in NOT_FOR_THESE_ROWS
        ]


def untrained(made: Any) -> Any:
    needed = inspect.signature(made).parameters
    given: dict[str, Any] = {"param_grid": {}} if made.__name__ == "GridSearchCV" else {}
    for name, one in needed.items():
        if name in ("estimator", "base_estimator") and one.default is inspect.Parameter.empty:
            given["estimator"] = linear.LogisticRegression()
            if "Regress" in made.__name__:
                given["estimator"] = linear.Ridge()
        if name == "estimators":
            inner = linear.Ridge() if "Regress" in made.__name__ else linear.LogisticRegression()
            given["estimators"] = [("a", inner), ("b", inner)]
        if name in ("n_estimators", "max_iter") and isinstance(one.default, int):
            given[name] = min(one.default, 10)
        if name == "random_state":
            given[name] = 1
    if made.__name__ == "SelfTrainingClassifier":
        given["estimator"] = linear.LogisticRegression()
    if made.__name__ == "RandomizedSearchCV":
        given |= {"param_distributions": {"C": [1.0]}, "n_iter": 1}
    return made(**given)


def fitted(model: Any) -> tuple[Any, Any]:
    """Fit it on the first rows that it takes, and return both."""
    for rows, answer in (
        (ROWS, CLASSES),
        (abs(ROWS), CLASSES),
        (ROWS, CLASSES + 1.0),
        (ROWS, np.column_stack([CLASSES, 1 - CLASSES])),
    ):
        try:
            return model.fit(rows, answer), rows
        except (ValueError, IndexError):
            continue
    raise AssertionError(f"{model} takes none of the rows")


def columns(rows: Any) -> dict[str, Any]:
    return {f"x{k}": rows[:, k] for k in range(rows.shape[1])}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("made", every("classifier") + every("regressor"))
def test_every_estimator_of_scikit_learn_saves_and_loads_without_ceremony(
    made: Any, tmp_path: Path
) -> None:
    model, rows = fitted(untrained(made))
    skops.dump(model, tmp_path / "model")
    found, _ = open_model(tmp_path / "model").predict(columns(rows))
    wanted = np.asarray(model.predict(rows))
    first = wanted[:, 0] if wanted.ndim == 2 else wanted
    found_first = found.column(found.names[0])
    if first.dtype.kind == "f":  # an array's order in memory moves the last bit of a product
        np.testing.assert_allclose(found_first, first, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(found_first, first)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.filterwarnings("ignore")
def test_wrappers_of_boosting_libraries_load_without_ceremony(library: str, tmp_path: Path) -> None:
    module = pytest.importorskip(library)
    kind = {"lightgbm": "LGBM", "xgboost": "XGB"}[library]
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    for name in ("Classifier", "Regressor"):
        model = getattr(module, kind + name)(n_estimators=5, **quiet).fit(ROWS, CLASSES)
        skops.dump(model, tmp_path / "model")
        found, _ = open_model(tmp_path / "model").predict(COLUMNS)
        np.testing.assert_array_equal(found.column("prediction"), model.predict(ROWS))


def test_every_audited_type_that_is_installed_exists() -> None:
    missing = []
    for name in skops_types.AUDITED:
        module, _, attribute = name.rpartition(".")
        if module.partition(".")[0] in ("lightgbm", "xgboost"):
            pytest.importorskip(module.partition(".")[0])
        if not hasattr(import_module(module), attribute):
            missing.append(name)
    assert not missing


def saved(model: Any) -> bytes:
    return bytes(skops.dumps(model))


def changed(body: bytes, change: Callable[[str], str]) -> bytes:
    """Return a skops file with another schema."""
    out = BytesIO()
    with ZipFile(BytesIO(body)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, change(member.decode()) if name == "schema.json" else member)
    return out.getvalue()


def harmless(rows: Any) -> Any:
    return rows


def test_a_type_that_is_not_trusted_is_named_and_nothing_runs(tmp_path: Path) -> None:
    model = preprocessing.FunctionTransformer(harmless)
    pipe = import_module("sklearn.pipeline").make_pipeline(model, linear.LogisticRegression())
    (tmp_path / "model").write_bytes(saved(pipe.fit(ROWS, CLASSES)))
    wanted = f"{__name__}.harmless"
    with pytest.raises(ModelRefused, match=re.escape(f"{wanted}; nothing was run")) as refused:
        open_model(tmp_path / "model", Trust(model="late"))
    assert f"models.late.trust.skops: [{wanted}]" in refused.value.remedy
    loaded = open_model(tmp_path / "model", Trust(skops=(wanted,)))
    assert loaded.predict(COLUMNS)[0].rows == 90


@pytest.mark.parametrize("asked", ["os.system", "builtins.eval", "subprocess.Popen"])
@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode"])
def test_a_file_cannot_ask_for_a_program(asked: str, loader: str, tmp_path: Path) -> None:
    module, _, name = asked.rpartition(".")
    node = {"__class__": name, "__module__": module, "__loader__": loader}
    model = saved(linear.LogisticRegression().fit(ROWS, CLASSES))

    def hidden(schema: str) -> str:
        state = json.loads(schema)
        state["content"]["content"]["tol"] = node
        state["trusted"] = [asked]
        return json.dumps(state)

    (tmp_path / "model").write_bytes(changed(model, hidden))
    with pytest.raises(ModelRefused, match=re.escape(asked)):
        open_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("loader", "node"),
    [
        ("OperatorFuncNode", {"__class__": "methodcaller", "__module__": "operator"}),
        ("PartialNode", {"__class__": "partial", "__module__": "functools"}),
        ("MethodNode", {"__class__": "str", "__module__": "builtins"}),
    ],
)
def test_programs_out_of_trusted_parts_are_refused(
    loader: str, node: dict[str, Any], tmp_path: Path
) -> None:
    text = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": '"x"',
        "is_json": True,
    }
    parts = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode"}
    empty: dict[str, Any] = {
        "__class__": "dict",
        "__module__": "builtins",
        "__loader__": "DictNode",
    }
    names = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    empty |= {"content": {}, "key_types": names}
    content: dict[str, Any] = {
        "func": "format" if loader == "MethodNode" else text,
        "obj": text,
        "args": text,
    }
    content |= {"kwds": empty, "namespace": empty}
    node = {**node, "__loader__": loader, "content": content, "attrs": {**parts, "content": [text]}}

    def hidden(schema: str) -> str:
        state = json.loads(schema)
        state["content"]["content"]["func"] = node
        return json.dumps(state)

    model = preprocessing.FunctionTransformer().fit(ROWS)
    (tmp_path / "model").write_bytes(changed(saved(model), hidden))
    with pytest.raises(ModelRefused, match="not trusted"):
        open_model(tmp_path / "model")


def spoilt_tree(model: Any, field: str, value: int) -> Any:
    """Return the model with one node of its first tree saying something else."""
    tree = model.tree_ if hasattr(model, "tree_") else model.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    return model


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 10**6), ("right_child", -7), ("left_child", 0), ("feature", 999)],
)
@pytest.mark.parametrize("name", ["RandomForestClassifier", "ExtraTreesRegressor"])
def test_a_tree_that_would_leave_its_arrays_is_refused(
    name: str, field: str, value: int, tmp_path: Path
) -> None:
    model = getattr(ensemble, name)(3, random_state=1).fit(ROWS, CLASSES)
    try:
        spoilt = spoilt_tree(model, field, value)
    except ValueError:
        pytest.skip("this scikit-learn checks it by itself")
    (tmp_path / "model").write_bytes(saved(spoilt))
    with pytest.raises(ModelDamaged, match=r"do not exist|cannot be read"):
        open_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 999), ("left", 0)]
)
def test_a_histogram_tree_that_would_leave_its_arrays_is_refused(
    field: str, value: int, tmp_path: Path
) -> None:
    model = ensemble.HistGradientBoostingClassifier(max_iter=3).fit(ROWS, CLASSES)
    model._predictors[1][0].nodes[field][0] = value
    (tmp_path / "model").write_bytes(saved(model))
    with pytest.raises(ModelDamaged, match="do not exist"):
        open_model(tmp_path / "model")


def test_a_tree_for_more_features_than_its_ensemble_is_refused(tmp_path: Path) -> None:
    wide = np.column_stack([ROWS, ROWS])
    model = ensemble.RandomForestClassifier(3, random_state=1).fit(wide, CLASSES)
    model.n_features_in_ = 4  # rows are checked against this alone
    (tmp_path / "model").write_bytes(saved(model))
    with pytest.raises(ModelDamaged, match="another number of features than its ensemble"):
        open_model(tmp_path / "model")


def test_neighbours_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    neighbours = import_module("sklearn.neighbors")
    model = neighbours.KNeighborsClassifier(algorithm="kd_tree").fit(ROWS, CLASSES)
    state = list(model._tree.__getstate__())
    state[1] = np.array(state[1])
    state[1][0] = 10**6
    model._tree.__setstate__(tuple(state))
    (tmp_path / "model").write_bytes(saved(model))
    with pytest.raises(ModelDamaged, match="rows that do not exist"):
        open_model(tmp_path / "model")


def test_an_object_that_cannot_predict_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(saved(preprocessing.StandardScaler().fit(ROWS)))
    with pytest.raises(ModelRefused, match="StandardScaler, which cannot predict"):
        open_model(tmp_path / "model")
