"""MLflow model folders: a file of a known format in one is read as such, the rest by pyfunc.

pyfunc unpickles, and runs code that lies in the folder, so it needs the consumer's word. Folders
with the flavours onnx, lightgbm, xgboost, or sklearn saved as skops, need neither it nor MLflow.
"""

import json
import os
from typing import Any

import numpy as np

from trueup.models import archives
from trueup.models.libraries import library
from trueup.models.outputs import Outputs, estimator_scores, named, values
from trueup.models.port import Loaded, ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import Table

_NATIVE = ("onnx", "lightgbm", "xgboost", "sklearn")


class MLflow:
    """A folder with a file called MLmodel."""

    name = "MLflow"

    def detects(self, content: Content) -> bool:
        """Look for the description."""
        return content.folder and "MLmodel" in content.members

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load the flavour's own file where it is of a safe format, else with pyfunc if allowed."""
        described = guarded(lambda: _described(content), content, self.name)
        native = _native(described, content)
        if native is not None:
            from trueup.models.detection import detect

            archives.inspect(native)
            kind = detect(native)
            if kind.name != "pickle":
                return Named(kind.load(native, trust), _inputs(described))
        if not trust.pickle:
            raise ModelRefused(
                f"MLflow would load it ({_flavours(described)}) by running what is in it; "
                "nothing was run",
                remedy="Log the model as onnx, lightgbm or xgboost, or as sklearn with "
                'serialization_format="skops". Only if you trust whoever '
                f"made it: models.{trust.model}.trust.pickle: true in your own trueup.yaml",
                place=os.fspath(content.place),
            )
        pyfunc = library("mlflow.pyfunc", "mlflow", extra=False)
        model = guarded(lambda: pyfunc.load_model(os.fspath(content.place)), content, self.name)
        return PyFunc(model, _schema(described))


def unwrapped(content: Content) -> tuple[Content, tuple[str, ...]]:
    """Return the flavour's own file, or the folder where only pyfunc reads it; and its columns."""
    from trueup.models.detection import detect

    described = guarded(lambda: _described(content), content, MLflow.name)
    native = _native(described, content)
    if native is not None:
        archives.inspect(native)
        if detect(native).name != "pickle":
            return native, _inputs(described)
    return content, _inputs(described)


class Named:
    """A model of another format whose columns MLflow's signature names."""

    def __init__(self, loaded: Loaded, inputs: tuple[str, ...]) -> None:
        self.loaded = loaded
        self.numbers_only = loaded.numbers_only
        self.inputs = loaded.inputs or inputs

    def predict(self, table: Table) -> Outputs:
        """Return what the model answers."""
        return self.loaded.predict(table)


class PyFunc:
    """Any flavour, through pyfunc; it is given a pandas frame.

    pyfunc answers classes alone; a classifier inside it is asked for its scores as well.
    """

    numbers_only = False

    def __init__(self, model: Any, schema: dict[str, str]) -> None:
        self._model = model
        self._schema = schema
        self.inputs = tuple(schema)
        raw = _classifier(model)
        self._classifier = raw if hasattr(raw, "classes_") else None

    def predict(self, table: Table) -> Outputs:
        """Return what pyfunc answers, an array or a frame; of a classifier its scores too."""
        pandas = library("pandas", "pandas", extra=False)
        columns = {
            name: _whole(column) if self._schema.get(name) in ("long", "integer") else column
            for name, column in table.columns().items()
        }
        frame = pandas.DataFrame(columns)
        if self._classifier is None:
            return named(self._model.predict(frame))
        labels = np.asarray(self._classifier.predict(frame))
        raw = self._classifier.predict_proba(frame)
        return values(labels) | estimator_scores(self._classifier, raw, labels.ndim)


def _classifier(model: Any) -> Any:
    """Return the estimator that pyfunc wraps, if it is one with probabilities."""
    if str(getattr(model, "loader_module", "")) != "mlflow.sklearn":
        return None
    raw = model.get_raw_model() if hasattr(model, "get_raw_model") else None
    return raw if hasattr(raw, "predict_proba") else None


def _whole(column: Any) -> Any:
    """Give whole numbers their type back; tables keep them as fractions beside missing ones."""
    if column.dtype.kind == "f" and np.isfinite(column).all() and np.all(column == np.rint(column)):
        return column.astype(np.int64)
    return column


def _described(content: Content) -> dict[str, Any]:
    import yaml

    described = yaml.safe_load((content.place / "MLmodel").read_bytes())
    if not isinstance(described, dict) or not isinstance(described.get("flavors"), dict):
        raise ModelDamaged(
            "its MLmodel names no flavours",
            remedy="Log the model again",
            place=os.fspath(content.place),
        )
    return described


def _native(described: dict[str, Any], content: Content) -> Content | None:
    """Return the file of a flavour whose format is known here, if the folder has it."""
    for flavour in _NATIVE:
        said = described["flavors"].get(flavour)
        said = said if isinstance(said, dict) else {}
        name = next((said[key] for key in ("data", "pickled_model") if said.get(key)), "")
        if not name:
            continue
        if not isinstance(name, str) or archives.climbs(name):
            raise ModelRefused(
                f"its MLmodel names a file outside its folder: {str(name)[:100]!r}",
                remedy="MLflow writes no such path by itself; find out who made it",
                place=os.fspath(content.place),
            )
        if (content.place / name).exists():
            return Content(content.place / name)
    return None


def _inputs(described: dict[str, Any]) -> tuple[str, ...]:
    return tuple(_schema(described))


def _schema(described: dict[str, Any]) -> dict[str, str]:
    """Return the columns that the signature names, with MLflow's words for their types."""
    said = (described.get("signature") or {}).get("inputs")
    listed = json.loads(said) if isinstance(said, str) else []
    if not all(isinstance(one, dict) and "name" in one for one in listed):
        return {}
    return {str(one["name"]): str(one.get("type", "")) for one in listed}


def _flavours(described: dict[str, Any]) -> str:
    return ", ".join(str(one) for one in list(described["flavors"])[:6])[:100]
