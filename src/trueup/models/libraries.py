"""Libraries that models need, imported when they are needed."""

from importlib import import_module
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
