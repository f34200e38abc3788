"""A model asked in another environment, as carefully as trueup opens it itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from trueup.delivery.elsewhere.talking import Place, Worker, working
from trueup.errors import WrongUsage
from trueup.models import archives
from trueup.models.artifact import BATCH_ROWS, Reading
from trueup.models.detection import detect
from trueup.models.port import ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.signature import encode, require
from trueup.models.skops_types import AUDITED, unaudited_ways
from trueup.models.sniffing import Content
from trueup.models.tables import Table, as_table, listed


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What a model answered, and with which software."""

    outputs: dict[str, Any]
    library: str  # scikit-learn 1.6.1
    python: str  # 3.11.7


class ColumnsMissing(WrongUsage):
    """The model takes columns that the table has not."""


def predict_with(
    place: Place, model: Path, given: Any, trust: Trust, reading: Reading | None = None
) -> Predicted:
    """Return what a model predicts in another environment, in batches.

    Nothing is loaded here; there, only what the consumer trusts. ColumnsMissing or SignatureBroken
    if the table is not what the model takes.
    """
    reading = reading or Reading()
    opening = request_of(model, trust)
    with working(place) as worker:
        said, _ = worker.ask({"op": "open", **opening})
        table = _fitting(as_table(given), tuple(said["inputs"]), reading)
        if said["numbers_only"] and reading.signature is not None:
            table = encode(reading.signature, table)
        outputs = _in_batches(worker, table)
    return Predicted(outputs=outputs, library=str(said["library"]), python=str(said["python"]))


def request_of(model: Path, trust: Trust) -> dict[str, Any]:
    """Return how a worker is to open a model, once all is refused that can be without loading."""
    content = Content(model)
    archives.inspect(content)
    kind = detect(content).name
    if kind in ("pickle", "MLflow") and not trust.pickle:
        raise ModelRefused(
            "it is unpickled when loaded, which runs whatever is in it; nothing was run",
            remedy="Save the model as skops or ONNX. Only if you trust whoever made this file: "
            f"models.{trust.model}.trust.pickle: true in your own trueup.yaml",
            place=str(model),
        )
    if kind == "skops":
        _refuse_unaudited(content, trust)
    if kind == "LightGBM":
        _refuse_unsound(content)
    return {
        "format": kind,
        "model": str(model.resolve()),
        "trusted": [*AUDITED, *trust.skops],
        "pickle": trust.pickle,
    }


def _refuse_unaudited(content: Content, trust: Trust) -> None:
    def schema() -> Any:
        with ZipFile(content.place) as archive:
            return json.loads(archive.read("schema.json"))

    unaudited = unaudited_ways(guarded(schema, content, "skops"), trust.skops)
    if unaudited:
        raise ModelRefused(
            f"it asks for types that are not trusted: {listed(sorted(unaudited))}; nothing was run",
            remedy=f"If you know them: models.{trust.model}.trust.skops in your own trueup.yaml",
            place=str(content.place),
        )


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


def _fitting(table: Table, inputs: tuple[str, ...], reading: Reading) -> Table:
    """Return the columns that the model takes, in its order."""
    if reading.signature is not None:
        require(reading.signature, table)
    names = reading.features or inputs
    if not names and reading.signature is not None:
        names = tuple(field.name for field in reading.signature.inputs)
    absent = [name for name in names if name not in table.names]
    if absent:
        raise ColumnsMissing(
            f"the model takes columns that the table lacks: {listed(absent)}",
            remedy=f"The table has: {listed(table.names)}",
        )
    return table.select(names or table.names)


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
