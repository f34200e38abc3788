"""A model asked in another environment, as carefully as trueup opens it itself."""

import json
import platform
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from trueup.delivery.elsewhere.talking import Place, Worker, working
from trueup.errors import WrongUsage
from trueup.models import archives
from trueup.models.artifact import BATCH_ROWS, Reading, open_model
from trueup.models.detection import detect
from trueup.models.port import ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.signature import encode, narrowed, require
from trueup.models.skops_types import AUDITED, FORMER, types_in, unaudited_ways
from trueup.models.sniffing import Content
from trueup.models.tables import Table, as_table, listed

_LIBRARIES = ("sklearn.", "numpy.", "scipy.", "lightgbm.", "xgboost.")


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What a model answered, and with which software."""

    outputs: dict[str, Any]
    library: str  # scikit-learn 1.6.1
    python: str  # 3.11.7
    inputs: tuple[str, ...] = ()  # the columns that it was given


class ColumnsMissing(WrongUsage):
    """The model takes columns that the table has not."""


def predict_with(
    place: Place, model: Path, given: Any, trust: Trust, reading: Reading | None = None
) -> Predicted:
    """Return what a model predicts in another environment, in batches.

    Nothing is loaded here; there, only what the consumer trusts. ColumnsMissing or SignatureBroken
    if the table is not what the model takes.
    """
    opening = request_of(model, trust)
    with working(place) as worker:
        said, _ = worker.ask({"op": "open", **opening})
        table = as_table(given)
        reading = read_for(tuple(said["inputs"]), table, reading or Reading())
        table = table.select(reading.features)
        if reading.signature is not None:
            require(reading.signature, table)
            if said["numbers_only"]:
                table = encode(reading.signature, table)
        outputs = _in_batches(worker, table)
    library, python = str(said["library"]), str(said["python"])
    return Predicted(outputs=outputs, library=library, python=python, inputs=reading.features)


def predict_here(
    model: Path, given: Any, trust: Trust, reading: Reading | None = None
) -> Predicted:
    """Return what a model predicts in this process; raises as predict_with does."""
    opened = open_model(model, trust)
    table = as_table(given)
    reading = read_for(opened.inputs, table, reading or Reading())
    outputs, _ = opened.read_as(reading).predict(table)
    return Predicted(
        outputs=outputs.columns(),
        library=opened.format,
        python=platform.python_version(),
        inputs=reading.features,
    )


def request_of(model: Path, trust: Trust) -> dict[str, Any]:
    """Return how a worker is to open a model, once all is refused that can be without loading."""
    content = Content(model)
    inputs: tuple[str, ...] = ()
    archives.inspect(content)
    kind = detect(content).name
    if kind == "MLflow":
        from trueup.models.formats.mlflow_folder import unwrapped

        content, inputs = unwrapped(content)
        kind = detect(content).name
    if kind in ("pickle", "MLflow") and not trust.pickle:
        raise ModelRefused(
            "it is unpickled when loaded, which runs whatever is in it; nothing was run",
            remedy="Save the model as skops or ONNX. Only if you trust whoever made this file: "
            f"models.{trust.model}.trust.pickle: true in your own trueup.yaml",
            place=str(model),
        )
    if kind == "LightGBM":
        _refuse_unsound(content)
    return {
        "format": kind,
        "model": str(content.place.resolve()),
        "inputs": inputs,
        "entry": _trusted_class(content, trust) if kind == "Python class" else "",
        "trusted": _trusted_types(content, trust) if kind == "skops" else [],
        "pickle": trust.pickle,
    }


def _trusted_types(content: Content, trust: Trust) -> list[str]:
    """Return the types that may come alive: audited, the consumer's, and what skops itself trusts.

    An older skops in the model's own environment trusts fewer than the one here; what this one
    says counts, of types of the libraries alone. ModelRefused for types in ways not audited.
    """

    def read() -> Any:
        with ZipFile(content.place) as archive:
            return json.loads(archive.read("schema.json"))

    schema = guarded(read, content, "skops")
    unaudited = unaudited_ways(schema, trust.skops)
    if unaudited:
        raise ModelRefused(
            f"it asks for types that are not trusted: {listed(sorted(unaudited))}; nothing was run",
            remedy=f"If you know them: models.{trust.model}.trust.skops in your own trueup.yaml",
            place=str(content.place),
        )
    trusted = [*AUDITED, *FORMER, *trust.skops]
    if find_spec("skops") is None:
        return trusted
    here = import_module("skops.io")
    untrusted = set(guarded(lambda: here.get_untrusted_types(data=content.body), content, "skops"))
    known = (one for one in types_in(schema) - untrusted if one.startswith(_LIBRARIES))
    return [*trusted, *sorted(known)]


def _trusted_class(content: Content, trust: Trust) -> str:
    """Return the class whose packed code may run, its files compared with their digests."""
    from trueup.models.packing import read_sidecar

    sidecar = read_sidecar(content.place)
    if sidecar.entry not in trust.code:
        raise ModelRefused(
            f"it brings Python code to run, the class {sidecar.entry!r}; nothing was run",
            remedy="If you trust whoever made it, allow the class in your own trueup.yaml: "
            f"models.{trust.model}.trust.code: ['{sidecar.entry}']",
            place=str(content.place),
        )
    if sidecar.kind == "safetensors":
        raise ModelRefused(
            "weights of a network are opened in trueup's own process only",
            remedy="Install trueup into the environment that the model runs in.",
            place=str(content.place),
        )
    return sidecar.entry


def _refuse_unsound(content: Content) -> None:
    from trueup.models.formats.lightgbm_file import wrong_text

    text = guarded(lambda: content.body.decode(), content, "LightGBM")
    wrong = guarded(lambda: wrong_text(text), content, "LightGBM")
    if wrong:
        raise ModelDamaged(
            f"the LightGBM model {wrong}",
            remedy="Make it again: trueup run, or fetch it again: trueup pull",
            place=str(content.place),
        )


def read_for(inputs: tuple[str, ...], table: Table, reading: Reading) -> Reading:
    """Return how a model that declares these inputs reads a table.

    ColumnsMissing if the table lacks one; of the signature only what the model takes counts.
    """
    signature = reading.signature
    described = () if signature is None else tuple(field.name for field in signature.inputs)
    names = reading.features or inputs or described or table.names
    absent = [name for name in names if name not in table.names]
    if absent:
        raise ColumnsMissing(
            f"the model takes columns that the table lacks: {listed(absent)}",
            remedy=f"The table has: {listed(table.names)}",
        )
    return Reading(tuple(names), None if signature is None else narrowed(signature, names))


def _in_batches(worker: Worker, table: Table) -> dict[str, Any]:
    parts = []
    for batch in table.batches(BATCH_ROWS):
        _, answered = worker.ask({"op": "predict"}, batch.columns())
        wrong = {name: len(one) for name, one in answered.items() if len(one) != batch.rows}
        if wrong or not answered:
            raise WrongUsage(
                f"the model answered {wrong or 'nothing'} for {batch.rows} rows",
                remedy="A model answers one value a row.",
            )
        parts.append(answered)
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
