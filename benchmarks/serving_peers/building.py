"""Four models, trained once and written in every form that one of the servers reads."""

import logging
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

FEATURES, ROWS = 20, 2000
NAMES = tuple(f"x{k}" for k in range(FEATURES))
KINDS = ("logistic", "lightgbm", "forest", "boosting")
ITSELF = "forest_itself"  # not converted: what trueup does with a model that takes long
_MADE = {
    "logistic": ("sklearn.linear_model", "LogisticRegression", {}),
    "lightgbm": ("lightgbm", "LGBMClassifier", {"verbose": -1}),
    "forest": ("sklearn.ensemble", "RandomForestClassifier", {"n_estimators": 100}),
    "boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", {}),
    ITSELF: ("sklearn.ensemble", "RandomForestClassifier", {"random_state": 1}),
}
_PROJECT = {
    "format": 1,
    "project": "bench",
    "environment": {"key": "none"},
    "stages": {"count": {"cmd": "wc -l test.csv > n.txt", "deps": ["test.csv"], "outs": ["n.txt"]}},
}
_TRUST = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


def build(root: Path, trueup: str) -> None:
    """Train all, register and convert them, and leave ``project`` and ``models/KIND`` in a folder.

    Every library that is needed must be installed beside the program that is given.
    """
    draw = np.random.default_rng(1)
    x = draw.normal(size=(ROWS, FEATURES))
    y = (x[:, 0] - x[:, 1] + 0.5 * draw.normal(size=ROWS) > 0).astype(int)
    project = root / "project"
    project.mkdir(parents=True)
    _write_table(project / "test.csv", x, y)
    for kind in _MADE:
        _train(root, kind, x, y)
    write_project(project)
    for kind in _MADE:
        _run(trueup, "-C", str(project), "register", kind)
        if kind != ITSELF:
            out = str(root / "models" / kind / "model.onnx")
            _run(trueup, "-C", str(project), "convert", f"{kind}/1", "--out", out)


def write_project(project: Path, serve: Any = None) -> None:
    """Write trueup.yaml; every model is served as it says."""
    models = {}
    for kind in _MADE:
        models[kind] = {
            "path": "lightgbm.txt" if kind == "lightgbm" else f"{kind}.skops",
            "task": "binary",
            "features": list(NAMES),
            "evaluate": {"data": "test.csv", "target": "y", "id": "id"},
            "trust": {"skops": _TRUST},
            "serve": serve or {},
            "convert": "off",  # it is, where and when this benchmark says so
        }
    content = msgspec.json.encode({**_PROJECT, "models": models})  # JSON is YAML, too
    (project / "trueup.yaml").write_bytes(content)


def records(rows: int) -> list[dict[str, float]]:
    """Return rows to ask with, as records."""
    drawn = np.random.default_rng(3).uniform(-2, 2, size=(rows, FEATURES)).round(4)
    return [dict(zip(NAMES, one, strict=True)) for one in drawn.tolist()]


def _train(root: Path, kind: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    folder = root / "models" / kind
    folder.mkdir(parents=True)
    module, name, settings = _MADE[kind]
    frame = import_module("pandas").DataFrame(x, columns=list(NAMES))
    model = getattr(import_module(module), name)(**settings).fit(frame, y)
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it warns of what is known here
    mlflow: Any = import_module("mlflow")
    if kind == "lightgbm":
        model.booster_.save_model(folder / "model.txt")
        (root / "project/lightgbm.txt").write_bytes((folder / "model.txt").read_bytes())
        import_module("mlflow.lightgbm")
        mlflow.lightgbm.save_model(model.booster_, folder / "mlflow")
        return
    (root / f"project/{kind}.skops").write_bytes(import_module("skops.io").dumps(model))
    import_module("mlflow.sklearn")
    mlflow.sklearn.save_model(model, folder / "mlflow", serialization_format="cloudpickle")
    del model.feature_names_in_  # the others give it arrays; it should not warn at each of them
    import_module("joblib").dump(model, folder / "model.joblib")


def _write_table(path: Path, x: NDArray[Any], y: NDArray[Any]) -> None:
    lines = [",".join([*NAMES, "id", "y"])]
    for k, row in enumerate(x.tolist()):
        lines.append(",".join([*map(repr, row), f"r{k}", str(y[k])]))
    path.write_text("\n".join(lines) + "\n")


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words} failed:\n{done.stderr}")
