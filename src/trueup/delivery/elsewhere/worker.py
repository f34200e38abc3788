"""Predict, or call a project's function, in an environment that need not hold trueup.

Started by path with any Python from 3.9 on that has numpy and the model's library. Requests and
answers are frames (frames.py) on standard input and output. What the code prints goes to standard
error. When the descriptor named by the first argument closes, the whole process group ends.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np

_HERE = Path(__file__).resolve()
_MODELS = _HERE.parents[2] / "models"


def part(name: str, folder: Path = _MODELS) -> Any:
    """Load a file of trueup that needs numpy alone, by path and under a name of its own.

    trueup itself is not importable here, and would not be imported if it were.
    """
    described = util.spec_from_file_location(f"_trueup_{name}", folder / f"{name}.py")
    if described is None or described.loader is None:
        raise ImportError(f"trueup is not whole: {name}.py is missing")
    module = util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


_frames = part("frames", _HERE.parent)
Refused: Any = _frames.Refused


class Model:
    """A model in memory; what it answers is named as in trueup itself."""

    inputs: tuple[str, ...] = ()
    numbers_only = False
    library = ""

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return named output columns, one value a row."""
        raise NotImplementedError


class Estimator(Model):
    """Whatever has scikit-learn's methods."""

    def __init__(self, model: Any) -> None:
        if not callable(getattr(model, "predict", None)):
            raise Refused(f"it holds a {type(model).__name__}, which cannot predict")
        self.model, self.named = model, part("outputs")
        self.inputs = tuple(str(one) for one in getattr(model, "feature_names_in_", ()))
        self.library = _version(type(model).__module__.partition(".")[0])

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return labels, and scores where there are classes."""
        given = self._given(columns)
        labels = np.asarray(self.model.predict(given))
        answered = self.named.values(labels)
        for ask in ("predict_proba", "decision_function"):
            if hasattr(self.model, ask):
                raw = getattr(self.model, ask)(given)
                answered.update(self.named.estimator_scores(self.model, raw, labels.ndim))
                break
        return dict(answered)

    def _given(self, columns: dict[str, Any]) -> Any:
        numbers = all(one.dtype.kind in "biuf" for one in columns.values())
        own = type(self.model).__module__.partition(".")[0]
        if own in ("lightgbm", "xgboost") or (numbers and not self.inputs):
            return matrix(columns)
        return frame_of(columns)


class LightGBM(Model):
    """A booster from LightGBM's own text."""

    def __init__(self, place: str) -> None:
        lightgbm = import_module("lightgbm")
        text = Path(place).read_text("utf-8")
        self.booster, self.named = lightgbm.Booster(model_str=text), part("outputs")
        found = re.search(r"^objective=(\S*)", text, re.MULTILINE)
        self.objective = found.group(1) if found else ""
        names = tuple(self.booster.feature_name())
        if any(name != f"Column_{at}" for at, name in enumerate(names)):
            self.inputs = names
        listed = re.search(r"^pandas_categorical:(.*)$", text, re.MULTILINE)
        self.categories = (json.loads(listed.group(1)) if listed else None) or []
        self.numbers_only, self.library = not self.categories, _version("lightgbm")

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the prediction, and scores where the objective has classes."""
        texts = [name for name, one in columns.items() if one.dtype.kind == "O"]
        if len(texts) == len(self.categories):
            columns = dict(columns)
            for at, name in enumerate(texts):
                codes = {one: float(k) for k, one in enumerate(self.categories[at])}
                column = [codes.get(one, np.nan) for one in columns[name].tolist()]
                columns[name] = np.array(column)
        raw = self.booster.predict(matrix(columns))
        return dict(self.named.boosted(raw, self.objective))


class XGBoost(Model):
    """A booster from XGBoost's JSON or UBJSON."""

    numbers_only = True

    def __init__(self, place: str) -> None:
        xgboost = import_module("xgboost")
        self.booster, self.named = xgboost.Booster({"verbosity": 0}), part("outputs")
        self.booster.load_model(bytearray(Path(place).read_bytes()))
        model = json.loads(bytes(self.booster.save_raw("json")))
        wrong = part("xgboost_trees").wrong_trees(model)
        if wrong:
            raise Refused("the XGBoost model has " + wrong)
        learner = model["learner"]
        self.objective = str(learner["objective"]["name"])
        self.inputs = tuple(self.booster.feature_names or ())
        stopped = learner["attributes"].get("best_iteration")
        wrapped = "scikit_learn" in learner["attributes"]
        self.rounds = (0, int(stopped) + 1) if stopped is not None and wrapped else (0, 0)
        self.library = _version("xgboost")

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return the prediction, and scores where the objective has classes."""
        raw = self.booster.inplace_predict(
            matrix(columns), iteration_range=self.rounds, validate_features=False
        )
        return dict(self.named.boosted(raw, self.objective))


class Pyfunc(Model):
    """An MLflow folder of any flavour."""

    def __init__(self, place: str) -> None:
        self.model, self.named = import_module("mlflow.pyfunc").load_model(place), part("outputs")
        schema = self.model.metadata.get_input_schema()
        if schema is not None and schema.has_input_names():
            self.inputs = tuple(schema.input_names())
        self.library = _version("mlflow")

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return what pyfunc answers."""
        return dict(
            self.named.named(self.model.predict(import_module("pandas").DataFrame(columns)))
        )


class OwnClass(Model):
    """An instance of a class that is packed with the model, of code that is trusted by name."""

    def __init__(self, place: str, entry: str) -> None:
        sys.dont_write_bytecode = True  # a model's folder stays as it was hashed
        sys.path.insert(0, os.path.join(place, "code"))  # noqa: PTH118 - sys.path holds texts
        self.model, self.named = function_of(entry).load(Path(place)), part("outputs")
        self.library = entry

    def predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Return what the class answers: an array, a dict of arrays, or a frame."""
        return dict(self.named.named(self.model.predict(columns)))


def function_of(entry: str) -> Any:
    """Import what ``module:name`` names."""
    module, _, name = entry.partition(":")
    found: Any = import_module(module)
    for one in name.split("."):
        found = getattr(found, one)
    return found


def matrix(columns: dict[str, Any]) -> Any:
    """Return rows by columns; numbers only."""
    texts = [name for name, one in columns.items() if one.dtype.kind not in "biuf"]
    if texts:
        raise Refused(f"the model takes numbers, but {', '.join(texts[:8])} is not")
    return np.column_stack(list(columns.values()))


def frame_of(columns: dict[str, Any]) -> Any:
    """Return a frame of polars where this scikit-learn knows it, else of pandas."""
    knows_polars = _numbers(_version("sklearn")) >= (1, 4)
    if knows_polars and util.find_spec("polars") is not None:
        polars = import_module("polars")
        return polars.DataFrame([_series(polars, name, one) for name, one in columns.items()])
    if util.find_spec("pandas") is not None:
        return import_module("pandas").DataFrame(columns)
    raise Refused(
        "the model takes named columns, for which this environment has no polars, no pandas"
    )


def polars_frame(columns: dict[str, Any], side: str) -> Any:
    """Return the columns whose names begin with a side; NaN are nulls."""
    if util.find_spec("polars") is None:
        raise Refused("it is given polars frames, for which this environment has no polars")
    polars = import_module("polars")
    mine = {name[len(side) :]: one for name, one in columns.items() if name.startswith(side)}
    frame = polars.DataFrame([_series(polars, name, one) for name, one in mine.items()])
    return frame.with_columns(polars.selectors.float().fill_nan(None))


def _series(polars: Any, name: str, column: Any) -> Any:
    if column.dtype.kind != "O":
        return polars.Series(name, column)
    texts = all(value is None or isinstance(value, str) for value in column.tolist())
    return polars.Series(name, column.tolist(), dtype=polars.String if texts else None)


def _version(module: str) -> str:
    found = getattr(sys.modules.get(module), "__version__", "")
    known_as = "scikit-learn" if module == "sklearn" else module
    return f"{known_as} {found}" if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in re.findall(r"\d+", version.rpartition(" ")[2])[:2])


def _skops(frame: dict[str, Any]) -> Model:
    io = import_module("skops.io")
    body = Path(frame["model"]).read_bytes()
    untrusted = sorted(set(io.get_untrusted_types(data=body)) - set(frame["trusted"]))
    if untrusted:
        raise Refused(f"it asks for types that are not trusted: {', '.join(untrusted[:8])}")
    model = io.loads(body, trusted=frame["trusted"])
    wrong = part("tree_bounds").check_bounds(model)
    if wrong:
        raise Refused(f"the model's {wrong}; scikit-learn would read beyond its memory")
    return Estimator(model)


def _pickle(frame: dict[str, Any]) -> Model:
    if frame["pickle"] is not True:
        raise Refused("it is a pickle, and pickles are not trusted")
    return Estimator(import_module("joblib").load(frame["model"]))


_FORMATS: dict[str, Callable[[dict[str, Any]], Model]] = {
    "skops": _skops,
    "pickle": _pickle,
    "LightGBM": lambda frame: LightGBM(frame["model"]),
    "XGBoost": lambda frame: XGBoost(frame["model"]),
    "Python class": lambda frame: OwnClass(frame["model"], frame["entry"]),
    "MLflow": lambda frame: Pyfunc(frame["model"]),
}


class Session:
    """What one process answers, frame by frame."""

    def __init__(self) -> None:
        self.model = Model()
        self.functions: dict[str, Any] = {}

    def answer(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Return an answer's JSON and its arrays."""
        for place in frame.get("code", ()):
            if place not in sys.path:
                sys.path.insert(0, place)
        answers = {"open": self.open, "predict": self.predict, "load": self.load, "call": self.call,
                   "compare": self.compare}  # fmt: skip
        return answers[frame["op"]](frame, columns)

    def open(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Load a model of a format that needs no trust, or that the frame trusts."""
        kind = frame["format"]
        if kind not in _FORMATS:
            raise Refused(f"a model of format {kind} cannot be opened outside trueup itself")
        self.model = _FORMATS[kind](frame)
        inputs = self.model.inputs or frame["inputs"]
        said = {"inputs": inputs, "numbers_only": self.model.numbers_only}
        return {**said, "library": self.model.library, "python": platform.python_version()}, {}

    def predict(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Predict on the columns, given in the model's order."""
        return {}, self.model.predict(columns)

    def load(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Import a function, named module:function."""
        found = function_of(frame["call"])
        self.functions[frame["call"]] = found
        return {"higher": bool(getattr(found, "greater_is_better", True))}, {}

    def call(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Call a function that was loaded: truth and prediction to a number, or one a row."""
        value = self.functions[frame["call"]](columns["truth"], columns["predicted"])
        return {}, {"value": np.asarray(value, dtype=np.float64)}

    def compare(self, frame: dict[str, Any], columns: dict[str, Any]) -> Any:
        """Call a function that was loaded with two polars frames: to a number, or to a record."""
        tables = [polars_frame(columns, side) for side in ("reference/", "window/")]
        said = self.functions[frame["call"]](*tables)
        plain = said if isinstance(said, dict) else float(said)
        return {"said": json.loads(json.dumps(plain, default=float))}, {}


def problem(error: BaseException) -> dict[str, Any]:
    """Return what went wrong: the last line of the traceback, and where in whose code."""
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    steps = [one for one in traceback.extract_tb(error.__traceback__) if _is_theirs(one.filename)]
    ours = [one for one in steps if "site-packages" not in Path(one.filename).parts]
    steps = ours or steps  # where a library raises matters less than who asked it
    where = f"{Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else ""
    kind = "library" if isinstance(error, ImportError) else "code"
    refused = isinstance(error, Refused)
    return {"kind": "refused" if refused else kind, "says": str(error) if refused else last,
            "where": where}  # fmt: skip


def _is_theirs(file: str) -> bool:
    return not file.startswith("<") and Path(file).resolve() != _HERE


def end_with(descriptor: int) -> None:
    """End the process group once whoever started it is gone."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Answer frames until there are no more."""
    end_with(int(sys.argv[1]))
    sys.path[:] = [one for one in sys.path if Path(one).resolve() != _HERE.parent]
    inbox, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    session = Session()
    while True:
        received = _frames.receive(inbox.readline, inbox.read)
        if received is None:
            return
        try:
            answered, columns = session.answer(*received)
            _frames.send(dict(answered, ok=True), columns, out)
        except BaseException as error:  # noqa: BLE001 - a project's code raises what it likes
            traceback.print_exc()
            _frames.send({"ok": False, "error": problem(error)}, {}, out)


if __name__ == "__main__":
    main()
