"""The generated pages of docs/reference: what the code says of itself, as Markdown."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import trueup
from trueup.errors import TrueupError

GENERATED = "<!-- Generated from the code by `make references`; edit the code instead. -->\n"


def pages(checkout: Path) -> dict[Path, str]:
    """Return each generated page's path and text."""
    reference = checkout / "docs" / "reference"
    return {reference / "errors.md": errors_page()}


def errors_page() -> str:
    """Return the page of all errors that a user can meet, grouped by what they have in common."""
    for module in walk_packages(trueup.__path__, "trueup."):
        import_module(module.name)
    rows = "".join(_error_rows(TrueupError, 0))
    return (
        f"{GENERATED}\n# Errors\n\n"
        "Every error names the problem, where it is, and what mends it. They form a tree; Python\n"
        "code that catches one catches what is indented below it.\n\n"
        "| error | means |\n|---|---|\n" + rows
    )


def _error_rows(kind: type[TrueupError], depth: int) -> Iterator[str]:
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    indent = "&nbsp;&nbsp;" * depth
    yield f"| {indent}`{kind.__module__}.{kind.__qualname__}` | {summary} |\n"
    for child in sorted(kind.__subclasses__(), key=lambda child: child.__qualname__):
        yield from _error_rows(child, depth + 1)
