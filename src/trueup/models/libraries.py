"""Libraries that models need, imported when they are needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from trueup.errors import WrongUsage


class LibraryMissing(WrongUsage):
    """A format needs a library that is not installed."""


def library(module: str, package: str, *, extra: bool = True) -> Any:
    """Import what a format needs when it is needed, or say what to install.

    Libraries that only a project's own models need are not in the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        wanted = "'trueup[models]'" if extra else package
        raise LibraryMissing(
            f"this model needs {package}, which is not installed here ({error})"[:300],
            remedy=f"Install it: pip install {wanted}",
        ) from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the libraries that are loaded from sharing out work among threads.

    On few rows that costs more than it gains, and minutes where others need the cores, too.
    """
    if find_spec("threadpoolctl") is None:
        yield
        return
    with import_module("threadpoolctl").threadpool_limits(1):
        yield


_OF_FORMATS = {
    "skops": ("skops", "sklearn"),
    "pickle": ("sklearn",),
    "LightGBM": ("lightgbm",),
    "XGBoost": ("xgboost",),
    "MLflow": ("mlflow", "sklearn"),
}
_ANSWERS = {
    "skops": ("scikit-learn",),
    "pickle": ("scikit-learn",),
    "LightGBM": ("lightgbm",),
    "XGBoost": ("xgboost", "xgboost-cpu"),
    "MLflow": ("mlflow", "mlflow-skinny"),
    "ONNX": ("onnxruntime",),
}


def lacking_for(format_name: str, *more: str) -> list[str]:
    """Return which modules are not there of those that a format takes; none is imported."""
    wanted = (*_OF_FORMATS.get(format_name, ()), *more)
    return [one for one in wanted if find_spec(one) is None]


def made_with(format_name: str) -> str:
    """Return the library that answers for a format, with its version; else the format's name."""
    from importlib.metadata import PackageNotFoundError, version

    for package in _ANSWERS.get(format_name, ()):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return format_name


def needs_no_other(format_name: str) -> bool:
    """Say whether models of a format can be opened with what is installed here."""
    return format_name in _OF_FORMATS and not lacking_for(format_name)
