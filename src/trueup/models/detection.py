"""Which format a model is of, told by its content."""

from collections.abc import Callable

from trueup.errors import WrongUsage
from trueup.models.port import Format
from trueup.models.sniffing import Content


class FormatUnknown(WrongUsage):
    """A file or folder that is no model of a format known here."""


def formats() -> tuple[Format, ...]:
    """Return all formats in the order in which they are asked; pickles come first.

    A file that is a pickle and something else at once is a pickle.
    """
    from trueup.models.formats import (
        lightgbm_file,
        mlflow_folder,
        onnx_file,
        packed_class,
        pickles,
        skops_file,
        torch_export,
        xgboost_file,
    )

    return (
        pickles.Pickle(),
        skops_file.Skops(),
        torch_export.TorchExport(),
        lightgbm_file.LightGBM(),
        xgboost_file.XGBoost(),
        packed_class.PackedClass(),
        mlflow_folder.MLflow(),
        onnx_file.Onnx(),
        packed_class.Weights(),
    )


def detect(content: Content) -> Format:
    """Return the format, or raise FormatUnknown saying what the content looks like."""
    for one in formats():
        if one.detects(content):
            return one
    raise FormatUnknown(
        _described(content),
        remedy="Save it as skops, ONNX, LightGBM or XGBoost (JSON or UBJSON), torch.export, "
        "or an MLflow folder; docs/reference/models.md has a line for each",
        place=str(content.place),
    )


_KNOWN: tuple[tuple[Callable[[Content], bool], str], ...] = (
    (lambda one: one.folder, "the folder holds no model of a known format"),
    (lambda one: not one.opening, "the file is empty"),
    (lambda one: one.opening.startswith(b"\x89HDF"), "it is HDF5 (Keras), which can carry code"),
    (lambda one: one.is_zip, "it is a zip archive, of no model of a known format"),
    (lambda one: one.opening.startswith(b"\x1f\x8b"), "it is compressed; store the model itself"),
)


def _described(content: Content) -> str:
    for fits, says in _KNOWN:
        if fits(content):
            return says
    return f"it is no model of a known format; it begins with {content.opening[:16]!r}"
