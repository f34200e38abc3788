"""A few columns of a table, read without the rest of it; tables may be larger than memory."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_PARQUET = (".parquet", ".pq")
_COMMAS = (".csv", ".csv.gz")
_TABS = (".tsv", ".tsv.gz")
_LINES = (".jsonl", ".ndjson")
_ARROW = (".arrow", ".feather", ".ipc")
SUFFIXES = (*_PARQUET, *_COMMAS, *_TABS, *_LINES, *_ARROW)


class Unreadable(Exception):
    """A table that is no such table, or that cannot be read here."""


def is_table(name: str) -> bool:
    """Say whether a file's name is that of a table."""
    return name.lower().endswith(SUFFIXES)


def tables_in(root: Path, path: str) -> Iterator[Path]:
    """Yield the tables that lie at a path of the project: itself, or those in the folder.

    Links are followed, each folder once.
    """
    top = root / path
    if not top.is_dir():
        if is_table(top.name):
            yield top
        return
    known: set[str] = set()
    for folder, below, names in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        if real in known:
            below.clear()
            continue
        known.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if is_table(name) and not name.startswith("."):
                yield Path(folder, name)


def columns_of(path: Path, names: Sequence[str]) -> "pl.DataFrame":
    """Return those of the named columns that a table has. Raises Unreadable."""
    try:
        import polars as pl
    except ImportError as error:
        raise Unreadable("polars is not installed: pip install 'trueup[gate]'") from error
    try:
        lazy = _scanned(path)
        there = lazy.collect_schema().names()
        return lazy.select([name for name in names if name in there]).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unreadable((str(error).splitlines() or [type(error).__name__])[0][:200]) from error


def _scanned(path: Path) -> "pl.LazyFrame":
    import polars as pl

    name = path.name.lower()
    if name.endswith(_PARQUET):
        return pl.scan_parquet(path)
    if name.endswith((*_COMMAS, *_TABS)):
        separator = "," if name.endswith(_COMMAS) else "\t"
        return pl.scan_csv(path, separator=separator, infer_schema=False)
    if name.endswith(_LINES):
        return pl.scan_ndjson(path, infer_schema_length=None)
    return pl.scan_ipc(path)
