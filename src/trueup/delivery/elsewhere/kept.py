"""Predictions of a model on some evaluation data, kept for whoever judges beside it next."""

import io
from typing import Any

import msgspec
import numpy as np

from trueup.delivery.evaluating import Evaluation
from trueup.errors import TrueupError
from trueup.pipeline.results import Results
from trueup.store.artifacts import Artifact
from trueup.store.hashing import digest_bytes

FORMAT = 1


class KeptPredictions(msgspec.Struct, frozen=True):
    """Lies under ``cache/<scope>/predictions/<model>/<data>.json``."""

    model: str  # digest
    data: str  # digest of the evaluation data
    rows: str  # digest of what the rows are and of their order
    array: Artifact
    how: str  # they were made; empty: by the model itself
    format: int = FORMAT


def keep_predictions(
    results: Results, model: str, evaluation: Evaluation, predictions: Any, how: str = ""
) -> None:
    """Keep an array of predictions, in the order of the evaluation's rows.

    In the writer's own scope only: what a pull request says is not believed by the trusted.
    """
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(predictions), allow_pickle=False)
    body = buffer.getvalue()
    artifact = Artifact(results.keep(lambda: results.content.add_bytes(body)), len(body))
    record = KeptPredictions(model, evaluation.data, rows_digest(evaluation), artifact, how)
    results.note(_name(model, evaluation), msgspec.json.encode(record), [artifact])


def kept_predictions(results: Results, model: str, evaluation: Evaluation) -> "Found | None":
    """Return what was kept of a model on just these rows in this order, or None."""
    rows = rows_digest(evaluation)
    for body in results.notes(_name(model, evaluation)):
        record = _read(body)
        if record is None or (record.model, record.data) != (model, evaluation.data):
            continue
        if record.rows == rows:
            array = _array(results, record.array)
            if array is not None and len(array) == evaluation.frame.height:
                return Found(array, record.how)
    return None


class Found(msgspec.Struct, frozen=True):
    """An array that was kept, and how it was made."""

    array: Any
    how: str


def rows_digest(evaluation: Evaluation) -> str:
    """Return a digest that another order, other ids, task or target would change."""
    entry, ids = evaluation.entry, evaluation.ids
    named = [] if ids is None else [str(one) for one in ids.to_list()]
    classes = [repr(one) for one in evaluation.truth.classes]
    said = [evaluation.task, entry.target, evaluation.frame.height, classes, named]
    return digest_bytes(msgspec.json.encode(said))


def _name(model: str, evaluation: Evaluation) -> str:
    return f"predictions/{model}/{evaluation.data}"


def _read(body: bytes) -> KeptPredictions | None:
    """Return the record; what this version cannot read is a miss, never an error."""
    try:
        record = msgspec.json.decode(body, type=KeptPredictions)
    except msgspec.DecodeError:
        return None
    return record if record.format <= FORMAT else None


def _array(results: Results, artifact: Artifact) -> Any:
    try:
        return np.load(io.BytesIO(results.read(artifact)), allow_pickle=False)
    except (TrueupError, ValueError, OSError, EOFError):
        return None
