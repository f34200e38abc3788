"""Looks into tables that are there: their columns, and the values of one as text."""

import csv
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import polars as pl

_COMMAS, _TABS = (".csv",), (".tsv",)
_OTHERS = (".parquet", ".pq", ".jsonl", ".ndjson", ".arrow", ".feather", ".ipc")
TABLES = (*_COMMAS, *_TABS, *_OTHERS)
_MOST_BYTES = 500_000_000  # larger tables are not looked into; init does not take minutes


class Table(msgspec.Struct, frozen=True):
    """A table that lies in the project; without columns, ``why_not`` tells."""

    path: str
    place: Path
    columns: tuple[str, ...] = ()
    why_not: str = ""

    def values(self, name: str) -> list[str]:
        """Return a column's values as text, empty where there is none; nothing of an unread one."""
        if name not in self.columns:
            return []
        if find_spec("polars") is not None:
            return _by_polars(self.place, name)
        with self.place.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter=_separator(self.path))
            return [row[name] or "" for row in rows]


def is_table(path: str) -> bool:
    """Tell whether a file is a table that models can be judged on, by its suffix."""
    return path.lower().endswith(TABLES)


def look_into(root: Path, path: str) -> Table:
    """Return a table with its columns; CSV is read without polars where that is not installed."""
    place = root / path
    if not place.is_file():
        return Table(path, place, why_not=f"{path} is not there yet")
    if place.stat().st_size > _MOST_BYTES:
        return Table(path, place, why_not=f"{path} is too large for a look at its columns")
    try:
        columns = _columns(place, path)
    except (OSError, ValueError, csv.Error) as error:
        said = (str(error).splitlines() or ["it is no such table"])[0]
        return Table(path, place, why_not=f"{path} cannot be read: {said}")
    return Table(path, place, columns=tuple(columns))


def _columns(place: Path, path: str) -> Sequence[str]:
    if find_spec("polars") is not None:
        return _scanned(place, path)
    if not path.lower().endswith((*_COMMAS, *_TABS)):
        raise ValueError("that needs the extra gate: python -m pip install 'trueup[gate]'")
    with place.open(encoding="utf-8", newline="") as file:
        found = next(csv.reader(file, delimiter=_separator(path)), [])
    if len(set(found)) < len(found):
        raise ValueError("a column's name stands there twice")
    return found


def _scanned(place: Path, path: str) -> Sequence[str]:
    from trueup.errors import TrueupError

    try:
        return _frame(place, path, place.stat().st_mtime_ns).columns
    except TrueupError as error:
        raise ValueError(error.problem) from error


def _by_polars(place: Path, name: str) -> list[str]:
    import polars as pl

    values = _frame(place, place.name, place.stat().st_mtime_ns)[name]
    if values.dtype.is_nested():
        return [str(each) for each in values.to_list()]
    text = values.cast(pl.String, strict=False).fill_null("")
    found: list[str] = text.to_list()
    return found


@lru_cache(maxsize=4)  # a few columns of each table are asked for, one after the other
def _frame(place: Path, path: str, _written_ns: int) -> "pl.DataFrame":
    from trueup.delivery.tables import read_table

    return read_table(place, path)


def _separator(path: str) -> str:
    return "\t" if path.lower().endswith(_TABS) else ","
