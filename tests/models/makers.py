"""Train one model of each format in a process of its own, and write what it predicts there.

``python -m tests.models.makers FOLDER FAMILY`` makes FOLDER/CASE/... and FOLDER/CASE.npz with
the outputs; FOLDER/CASE.json says how to open it. A family whose library is missing is left out.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

ROWS = 300
PLACES = ("ATL", "BOS", "JFK")


def library(name: str) -> Any:
    """Import a library that ships no types, or may not be there."""
    return import_module(name)


def numbers() -> dict[str, Any]:
    """Return three columns of numbers, one with values missing."""
    draw = np.random.default_rng(7)
    a, b, c = draw.normal(size=(3, ROWS))
    c[::17] = np.nan
    return {"a": a, "b": b, "c": c}


def whole_numbers() -> dict[str, Any]:
    """Return the same without missing values."""
    return {name: np.nan_to_num(one) for name, one in numbers().items()}


def mixed() -> dict[str, Any]:
    """Return numbers and a column of places, some of them missing."""
    draw = np.random.default_rng(8)
    place = [PLACES[k] for k in draw.integers(0, 3, ROWS)]
    return {**numbers(), "place": [None if k % 29 == 0 else one for k, one in enumerate(place)]}


def truth() -> Any:
    """Return two classes that depend on the first two columns."""
    columns = numbers()
    noise = np.random.default_rng(9).normal(size=ROWS)
    return (columns["a"] + columns["b"] + 0.5 * noise > 0).astype(np.int64)


def matrix(columns: dict[str, Any]) -> Any:
    """Return columns side by side."""
    return np.column_stack(list(columns.values()))


class Out:
    """Where one family's cases are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, case: str, name: str) -> Path:
        """Return where a case's model belongs."""
        (self.folder / case).mkdir()
        return self.folder / case / name

    def say(self, case: str, model: str, outputs: dict[str, Any], **how: Any) -> None:
        """Write what the training process predicted, and how to open the model."""
        arrays: dict[str, Any] = {name: np.asarray(one) for name, one in outputs.items()}
        np.savez(self.folder / f"{case}.npz", **arrays)
        (self.folder / f"{case}.json").write_text(json.dumps({"model": model, **how}))


def skops_family(out: Out) -> None:
    """A pipeline over named columns, a forest over a matrix, three classes, two targets."""
    import polars as pl

    skops, ensemble = library("skops.io"), library("sklearn.ensemble")
    encoder = library("sklearn.preprocessing").OrdinalEncoder
    frame, y = pl.DataFrame(mixed()), truth()
    unseen = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    columns = library("sklearn.compose").make_column_transformer(
        (encoder(**unseen), ["place"]), ("passthrough", ["a", "b", "c"])
    )
    trees = ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=1)
    piped = library("sklearn.pipeline").make_pipeline(columns, trees)
    piped.fit(frame, y)
    skops.dump(piped, out.place("skops-pipeline", "model.skops"))
    score = piped.predict_proba(frame)[:, 1]
    said = {"prediction": piped.predict(frame), "score": score}
    out.say("skops-pipeline", "model.skops", said, columns="mixed", format="skops")

    given = matrix(whole_numbers())
    forest = ensemble.RandomForestClassifier(20, random_state=1)
    forest.fit(given, np.array(["no", "yes"])[y])
    skops.dump(forest, out.place("skops-forest", "model.bin"))
    score = forest.predict_proba(given)[:, 1]
    said = {"prediction": forest.predict(given).astype("U3"), "score": score}
    out.say("skops-forest", "model.bin", said, columns="whole_numbers", format="skops")

    three = np.digitize(given[:, 0], [-0.5, 0.5])
    forest = ensemble.RandomForestClassifier(10, random_state=1).fit(given, three)
    skops.dump(forest, out.place("skops-three", "model.skops"))
    chances = forest.predict_proba(given)
    said = {"prediction": forest.predict(given)} | {f"score_{k}": chances[:, k] for k in range(3)}
    out.say("skops-three", "model.skops", said, columns="whole_numbers", format="skops")

    targets = given[:, :2] * 2
    trees = ensemble.RandomForestRegressor(10, random_state=1).fit(given, targets)
    skops.dump(trees, out.place("skops-targets", "model.skops"))
    both = trees.predict(given)
    said = {"prediction_0": both[:, 0], "prediction_1": both[:, 1]}
    out.say("skops-targets", "model.skops", said, columns="whole_numbers", format="skops")


def pickle_family(out: Out) -> None:
    """A pickle, which only loads where the consumer says so."""
    joblib, linear = library("joblib"), library("sklearn.linear_model")
    given = matrix(whole_numbers())
    model = linear.LinearRegression().fit(given, given[:, 0] * 3)
    joblib.dump(model, out.place("pickle", "model.onnx"), compress=3)
    said = {"prediction": model.predict(given)}
    how = {"columns": "whole_numbers", "format": "pickle", "trust": {"pickle": True}}
    out.say("pickle", "model.onnx", said, **how)


def onnx_family(out: Out) -> None:
    """A converted classifier over a matrix, an input a column, and data beside the graph."""
    onnx, onnxruntime = library("onnx"), library("onnxruntime")
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    given = matrix(whole_numbers()).astype(np.float32)
    model = library("sklearn.linear_model").LogisticRegression().fit(given, truth())
    converted = library("skl2onnx").to_onnx(model, given[:1], options={"zipmap": False})
    graph = converted.SerializeToString()
    out.place("onnx-matrix", "model.onnx").write_bytes(graph)
    session = onnxruntime.InferenceSession(graph)
    label, chances = session.run(None, {session.get_inputs()[0].name: given})
    assert np.allclose(chances, model.predict_proba(given), atol=1e-5)
    said = {"prediction": label, "score": chances[:, 1]}
    out.say("onnx-matrix", "model.onnx", said, columns="whole_numbers", format="ONNX")

    def graph_of(weights: Any) -> Any:
        inputs = [helper.make_tensor_value_info(name, number, [None, 1]) for name in "abc"]
        output = helper.make_tensor_value_info("answer", number, [None, 1])
        nodes = [
            helper.make_node("Concat", ["a", "b", "c"], ["all"], axis=1),
            helper.make_node("MatMul", ["all", "weights"], ["answer"]),
        ]
        return helper.make_model(
            helper.make_graph(nodes, "linear", inputs, [output], [weights]),
            opset_imports=[helper.make_opsetid("", 18)],
            ir_version=9,
        )

    factors = np.array([[1.0], [2.0], [0.5]], dtype=np.float32)
    said = {"prediction": (given @ factors)[:, 0]}
    weights = onnx.numpy_helper.from_array(factors, "weights")
    onnx.save(graph_of(weights), out.place("onnx-columns", "model.skops"))
    out.say("onnx-columns", "model.skops", said, columns="whole_numbers", format="ONNX", near=1e-6)

    folder = out.place("onnx-folder", "model")
    folder.mkdir()
    outside = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(graph_of(weights), folder / "graph.onnx", **outside)
    assert (folder / "weights.bin").stat().st_size > 0
    out.say("onnx-folder", "model", said, columns="whole_numbers", format="ONNX", near=1e-6)


def lightgbm_family(out: Out) -> None:
    """A binary booster with missing values, one of three classes, and an MLflow folder."""
    lightgbm = library("lightgbm")
    given = matrix(numbers())
    quiet = {"verbose": -1, "num_leaves": 7, "seed": 1}
    rows = lightgbm.Dataset(given, truth(), feature_name=["a", "b", "c"])
    model = lightgbm.train({**quiet, "objective": "binary"}, rows, 20)
    model.save_model(out.place("lightgbm", "model.txt"))
    score = model.predict(given)
    said = {"prediction": (score >= 0.5).astype(int), "score": score}
    out.say("lightgbm", "model.txt", said, columns="numbers", format="LightGBM")

    three = np.digitize(given[:, 0], [-0.5, 0.5])
    settings = {**quiet, "objective": "multiclass", "num_class": 3}
    model = lightgbm.train(settings, lightgbm.Dataset(given, three), 10)
    model.save_model(out.place("lightgbm-three", "model.json"))
    chances = model.predict(given)
    said = {"prediction": chances.argmax(1)} | {f"score_{k}": chances[:, k] for k in range(3)}
    out.say("lightgbm-three", "model.json", said, columns="numbers", format="LightGBM")

    folder = out.place("mlflow", "model")
    folder.mkdir()
    model = lightgbm.train({**quiet, "objective": "regression"}, rows, 10)
    model.save_model(folder / "model.lgb")
    (folder / "MLmodel").write_text(
        "flavors:\n  lightgbm: {data: model.lgb, lgb_version: 4.6.0}\n"
        "  python_function: {loader_module: mlflow.lightgbm, data: model.lgb}\n"
        'signature:\n  inputs: \'[{"type": "double", "name": "a"}, {"type": "double", "name": "b"},'
        ' {"type": "double", "name": "c"}]\'\n'
    )
    said = {"prediction": model.predict(given)}
    out.say("mlflow", "model", said, columns="numbers", format="MLflow")


def xgboost_family(out: Out) -> None:
    """JSON and UBJSON, and early stopping as scikit-learn's wrapper predicts with it."""
    xgboost = library("xgboost")
    given, y = matrix(numbers()), truth()
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=3, early_stopping_rounds=2)
    model.fit(given[:200], y[:200], eval_set=[(given[200:], y[200:])], verbose=False)
    assert model.best_iteration < 18
    score = model.predict_proba(given)[:, 1]
    said = {"prediction": model.predict(given), "score": score}
    for case in ("json", "ubj"):
        model.save_model(out.place(f"xgboost-{case}", f"model.{case}"))
        out.say(f"xgboost-{case}", f"model.{case}", said, columns="numbers", format="XGBoost")
    rows = xgboost.DMatrix(given, y, feature_names=["a", "b", "c"])
    booster = xgboost.train({"max_depth": 3, "objective": "reg:squarederror"}, rows, 10)
    booster.save_model(out.place("xgboost-regression", "model.json"))
    said = {"prediction": booster.predict(rows)}
    out.say("xgboost-regression", "model.json", said, columns="numbers", format="XGBoost")


OWN_CLASS = """
import json
import scaling


class Scaled:
    def __init__(self, factors):
        self.factors = factors

    @classmethod
    def load(cls, folder):
        return cls(json.loads((folder / "factors.json").read_text()))

    def predict(self, columns):
        return scaling.total(columns, self.factors)
"""
OWN_HELP = """
def total(columns, factors):
    return {"score": sum(columns[name] * factor for name, factor in factors.items())}
"""


def class_family(out: Out) -> None:
    """A class of the project's own and the module that it imports."""
    from trueup.models.packing import Packed, alive, pack

    place = out.place("python-class", "model")
    sources = out.folder / "python-class" / "sources"
    sources.mkdir()
    (sources / "scaled.py").write_text(OWN_CLASS)
    (sources / "scaling.py").write_text(OWN_HELP)
    (sources / "factors.json").write_text('{"a": 1.5, "c": -2.0}')
    files = {"factors.json": sources / "factors.json"}
    pack(Packed("scaled:Scaled", sources, files, ("a", "c")), place)
    model = alive("scaled:Scaled", place).load(place)
    trust = {"code": ["scaled:Scaled"]}
    said = model.predict(numbers())
    out.say("python-class", "model", said, columns="numbers", format="Python class", trust=trust)


NETWORK = """
import torch


class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = torch.nn.Linear(3, width)
        self.second = torch.nn.Linear(width, 1)

    def forward(self, rows):
        return {"score": torch.sigmoid(self.second(torch.relu(self.first(rows)))).squeeze(1)}
"""


def torch_family(out: Out) -> None:
    """An exported graph, and weights with the class of their network."""
    from trueup.models.formats.packed_class import pack_weights
    from trueup.models.packing import Packed

    torch, files_of = library("torch"), library("safetensors.torch")
    place = out.place("safetensors", "model")
    sources = out.folder / "safetensors" / "sources"
    sources.mkdir()
    (sources / "net.py").write_text(NETWORK)
    sys.path.insert(0, str(sources))
    torch.manual_seed(3)
    model = library("net").Net(width=8).eval()
    rows = torch.from_numpy(matrix(whole_numbers()).astype(np.float32))
    with torch.no_grad():
        said = {"score": model(rows)["score"].numpy()}
    how: dict[str, Any] = {"columns": "whole_numbers", "near": 1e-6}
    files_of.save_file(model.state_dict(), sources / "weights")
    files = {"model.safetensors": sources / "weights"}
    pack_weights(Packed("net:Net", sources, files), place, {"width": 8})
    trust = {"code": ["net:Net"]}
    out.say("safetensors", "model", said, format="Python class", trust=trust, **how)

    shapes = ({0: torch.export.Dim("rows")},)
    program = torch.export.export(model, (rows[:2],), dynamic_shapes=shapes)
    torch.export.save(program, out.place("torch-export", "model.pt2"))
    out.say("torch-export", "model.pt2", said, format="torch.export", **how)


FAMILIES: dict[str, Callable[[Out], None]] = {
    "skops": skops_family,
    "pickle": pickle_family,
    "onnx": onnx_family,
    "lightgbm": lightgbm_family,
    "xgboost": xgboost_family,
    "class": class_family,
    "torch": torch_family,
}
NEEDS = {
    "skops": ("skops", "sklearn", "polars"),
    "pickle": ("sklearn", "joblib"),
    "onnx": ("onnx", "onnxruntime", "skl2onnx"),
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost",),
    "class": (),
    "torch": ("torch", "safetensors"),
}

if __name__ == "__main__":
    for family in sys.argv[2:]:
        FAMILIES[family](Out(Path(sys.argv[1])))
