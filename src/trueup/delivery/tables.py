"""Tables in files, as polars reads them; polars is imported when a table is read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import WrongUsage, did_you_mean

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".arrow", ".feather", ".ipc")
_LISTED = 12  # columns named in an error


def polars() -> Any:
    """Return polars, or say what to install."""
    try:
        import polars
    except ImportError as missing:
        raise WrongUsage(
            "tables are read with polars, which is not installed",
            remedy="Install it with: pip install 'trueup[gate]'",
        ) from missing
    return polars


def read_table(path: Path, shown_as: str) -> "pl.DataFrame":
    """Return the table in a file; its suffix tells the format.

    Of CSV, a column is numbers or truths only if all its values are: ``007`` stays text, as an id
    that lost its zeros would meet no other. Empty fields are null.
    """
    reader = _reader(path, shown_as)
    pl = polars()
    if not path.is_file():
        raise WrongUsage(
            "there is no such table" if not path.is_dir() else "this is a folder, not a table",
            remedy="Name a file that a stage writes or that lies in the project.",
            place=shown_as,
        )
    try:
        frame = reader(path)
    except (pl.exceptions.PolarsError, OSError, ValueError, UnicodeError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise WrongUsage(
            f"the table cannot be read: {said}",
            remedy="Write it again; its suffix must be that of its format.",
            place=shown_as,
        ) from error
    if not frame.width:
        raise WrongUsage("the table is empty", remedy="Write rows to it.", place=shown_as)
    return frame


def column(frame: "pl.DataFrame", name: str, key: str, shown_as: str) -> "pl.Series":
    """Return a column; ``key`` is where the configuration names it."""
    if name not in frame.columns:
        raise WrongUsage(
            f"there is no column {name!r}, which {key} names",
            remedy=f"{did_you_mean(name, frame.columns)}It has: {listed(frame.columns)}",
            place=shown_as,
        )
    return frame[name]


def listed(names: Sequence[str]) -> str:
    """Return names for a message, bounded."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _reader(path: Path, shown_as: str) -> "Callable[[Path], pl.DataFrame]":
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongUsage(
            f"no table is known by the suffix {suffix!r}",
            remedy=f"Tables are: {', '.join(SUFFIXES)}",
            place=shown_as,
        )
    pl = polars()
    if suffix == ".parquet":
        return lambda path: pl.read_parquet(path)
    if suffix in (".csv", ".tsv"):
        return _csv("\t" if suffix == ".tsv" else ",")
    if suffix in (".jsonl", ".ndjson"):
        return lambda path: pl.read_ndjson(path, infer_schema_length=None)
    return _ipc


def _ipc(path: Path) -> "pl.DataFrame":
    with path.open("rb") as file:  # a file that is mapped could change under its readers
        frame: pl.DataFrame = polars().read_ipc(file)
    return frame


def _csv(separator: str) -> "Callable[[Path], pl.DataFrame]":
    def read(path: Path) -> "pl.DataFrame":
        frame = polars().read_csv(path, separator=separator, infer_schema=False)
        typed: pl.DataFrame = frame.with_columns(_plain(one) for one in frame.get_columns())
        return typed

    return read


def _plain(text: "pl.Series") -> "pl.Series":
    """Return text as whole numbers, numbers or truths where all of it is."""
    pl = polars()
    there = text.drop_nulls()
    if there.is_empty() or there.str.contains(r"^[+-]?0[0-9]").any():
        return text
    if there.str.contains(r"^[+-]?[0-9]{1,18}$").all():
        return text.cast(pl.Int64)
    if there.str.to_lowercase().is_in(["true", "false"]).all():
        return text.str.to_lowercase() == "true"
    numbers = text.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == text.null_count() else text
