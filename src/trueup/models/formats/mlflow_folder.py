"""MLflow model folders: a file of a known format in one is read as such, the rest by pyfunc.

pyfunc unpickles, and runs code that lies in the folder, so it needs the consumer's word. Folders
with the flavours onnx, lightgbm, xgboost, or sklearn saved as skops, need neither it nor MLflow.
"""

import json
import os
from typing import Any

from trueup.models import archives
from trueup.models.libraries import library
from trueup.models.outputs import Outputs, named
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
                remedy="Log the model as onnx, lightgbm or xgboost. Only if you trust whoever "
                f"made it: models.{trust.model}.trust.pickle: true in your own trueup.yaml",
                place=os.fspath(content.place),
            )
        pyfunc = library("mlflow.pyfunc", "mlflow", extra=False)
        model = guarded(lambda: pyfunc.load_model(os.fspath(content.place)), content, self.name)
        return PyFunc(model, _inputs(described))


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
    """Any flavour, through pyfunc; it is given a pandas frame."""

    numbers_only = False

    def __init__(self, model: Any, inputs: tuple[str, ...]) -> None:
        self._model = model
        self.inputs = inputs

    def predict(self, table: Table) -> Outputs:
        """Return what pyfunc answers: an array or a frame."""
        pandas = library("pandas", "pandas", extra=False)
        return named(self._model.predict(pandas.DataFrame(table.columns())))


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
    said = (described.get("signature") or {}).get("inputs")
    listed = json.loads(said) if isinstance(said, str) else []
    names = tuple(str(one["name"]) for one in listed if isinstance(one, dict) and "name" in one)
    return names if len(names) == len(listed) else ()


def _flavours(described: dict[str, Any]) -> str:
    return ", ".join(str(one) for one in list(described["flavors"])[:6])[:100]
