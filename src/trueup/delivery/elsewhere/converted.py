"""A version asked through its ONNX form, which needs none of the software it was made with."""

from importlib.util import find_spec
from pathlib import Path

from trueup.delivery.elsewhere.asking import Had, Wanted
from trueup.delivery.evaluating import predictions_from
from trueup.models.conversions import converted_of, open_converted
from trueup.store.scopes import TRUSTED


def predictions(wanted: Wanted, folder: Path) -> Had | None:
    """Return what the verified form predicts; None where there is none, or nothing to run it."""
    results = wanted.results
    bucket = results.remote or results.local
    found = converted_of(bucket, wanted.model.digest, (TRUSTED,))
    if found is None or found.artifact is None or find_spec("onnxruntime") is None:
        return None
    place = folder / "form"
    results.place(found.artifact, place)
    outputs, _ = open_converted(found, place).predict(wanted.evaluation.frame)
    return Had(
        predictions_from(wanted.evaluation, outputs.columns(), wanted.shown_as),
        "asked as its verified ONNX form",
    )
