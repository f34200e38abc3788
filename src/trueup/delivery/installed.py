"""Whether what judging needs is installed: a base install runs pipelines without it."""

from importlib.util import find_spec

from trueup.errors import WrongUsage

_NEEDED = {"numpy": "NumPy", "polars": "polars"}


def lacking() -> WrongUsage | None:
    """Return what is missing to read tables and judge models, as an error; None if nothing is."""
    missing = [shown for name, shown in _NEEDED.items() if find_spec(name) is None]
    if not missing:
        return None
    return WrongUsage(
        f"models are judged with {' and '.join(missing)}, not installed beside trueup",
        remedy="Install what is missing with: pip install 'trueup[gate]'",
    )
