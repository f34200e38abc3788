"""Whatever holds a table, as stretches of rows that are read column by column."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

WHOLE_ROWS = 1 << 20  # at most so many are read at once, column by column
STRETCH_ROWS = 1 << 19  # of larger files: memory stays below 400 MB
_STREAMED_ROWS = 1 << 17  # of sources whose columns cannot be read one by one
_FILES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}
_FILES |= {".arrow": "ipc", ".feather": "ipc", ".ipc": "ipc"}

Types: TypeAlias = "Mapping[str, pl.DataType]"


class Stretch(Protocol):
    """Some rows that follow each other; each column is read when it is asked for."""

    rows: int

    def column(self, name: str) -> "pl.Series":
        """Return a column's values."""


class Source(Protocol):
    """A table that can be read more than once."""

    types: Types
    is_whole: bool  # one stretch is all of it

    def count(self) -> int:
        """Return how many rows it has."""

    def stretches(self, names: Sequence[str]) -> Iterator[Stretch]:
        """Yield all rows in order; columns that are not named may be left out."""


class TableMissing(WrongUsage):
    """What should be a table is not there, or not one."""


def source_of(table: Any) -> Source:
    """Return a table as a source: a path (file, folder, glob), a frame, Arrow, or columns."""
    _require_polars()
    import polars as pl

    if isinstance(table, str | Path):
        return _of_path(str(table))
    if isinstance(table, pl.LazyFrame):
        return _Streamed(table)
    return _Frame(_frame(table))


def _of_path(path: str) -> Source:
    import polars as pl

    files = _files(path)
    kinds = {_FILES[Path(file).suffix.lower()] for file in files}
    if len(kinds) > 1:
        raise TableMissing(
            f"{path} has files of several formats: {', '.join(sorted(kinds))}",
            remedy="Name the files of one format with a glob, such as 'folder/*.parquet'",
        )
    try:
        if kinds == {"csv"}:
            separator = "\t" if Path(files[0]).suffix == ".tsv" else ","
            return _Streamed(pl.scan_csv(files, separator=separator, try_parse_dates=True))
        return _Columnar(files, pl.scan_parquet if kinds == {"parquet"} else pl.scan_ipc)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error


def _files(path: str) -> list[str]:
    """Return the files that a path means, in the order of their names."""
    from glob import glob, has_magic

    here = Path(path)
    if has_magic(path) and not here.exists():
        every = glob(path, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        found = [one for one in sorted(every) if Path(one).is_file()]
    elif here.is_dir():
        found = sorted(str(one) for one in here.rglob("*") if one.suffix.lower() in _FILES)
    else:
        found = [path] if here.is_file() else []
    if not found:
        raise TableMissing(
            f"there is no table at {path}", remedy="Name a file, a folder or a glob that has rows"
        )
    unknown = [one for one in found if Path(one).suffix.lower() not in _FILES]
    if unknown:
        raise TableMissing(
            f"{unknown[0]} has no ending that says what it is",
            remedy=f"Tables end in one of: {', '.join(_FILES)}",
        )
    return found


class _Frame:
    """A table in memory."""

    is_whole = True

    def __init__(self, frame: "pl.DataFrame") -> None:
        self.frame = frame
        self.rows = frame.height
        self.types: Types = frame.schema

    def count(self) -> int:
        """Return how many rows it has."""
        return self.rows

    def stretches(self, names: Sequence[str]) -> Iterator[Stretch]:
        """Yield all rows at once."""
        yield self

    def column(self, name: str) -> "pl.Series":
        """Return a column's values."""
        return self.frame[name]


class _Columnar:
    """Files whose columns lie apart: each is read alone."""

    def __init__(self, files: list[str], scan: "Callable[..., pl.LazyFrame]") -> None:
        import polars as pl

        self.files, self.scan = files, scan
        self.lazy = scan(files)
        self.types: Types = self.lazy.collect_schema()
        self.rows = _height(self.lazy)
        self.is_whole = self.rows <= WHOLE_ROWS
        self.is_apart = not self.is_whole and len(files) > 1 and scan is pl.scan_parquet
        self._sizes: list[int] = []

    def count(self) -> int:
        """Return how many rows it has."""
        return self.rows

    def stretches(self, names: Sequence[str]) -> Iterator[Stretch]:
        """Yield all rows at once, or in stretches of half a million."""
        most = WHOLE_ROWS if self.is_whole else STRETCH_ROWS
        for lazy, rows in self._parts(most):
            for start in range(0, max(rows, 1), most):
                yield _Slice(lazy, start, min(most, rows - start))

    def _parts(self, most: int) -> "Iterator[tuple[pl.LazyFrame, int]]":
        """Yield a few files at a time: a stretch of all of them would open every one before it."""
        if not self.is_apart:
            yield self.lazy, self.rows
            return
        self._sizes = self._sizes or [_height(self._typed([file])) for file in self.files]
        some: list[str] = []
        held = 0
        for file, rows in zip(self.files, self._sizes, strict=True):
            if some and held + rows > most:
                yield self._typed(some), held
                some, held = [], 0
            some.append(file)
            held += rows
        yield self._typed(some), held

    def _typed(self, files: list[str]) -> "pl.LazyFrame":
        """Return some of the files, which must have the columns of the first."""
        return self.scan(files, schema=self.types)


class _Slice:
    """Some rows of files whose columns lie apart."""

    def __init__(self, lazy: "pl.LazyFrame", start: int, rows: int) -> None:
        self.lazy, self.start, self.rows = lazy, start, rows

    def column(self, name: str) -> "pl.Series":
        """Read one column of these rows."""
        import polars as pl

        chosen = self.lazy.select(name).slice(self.start, self.rows)
        try:
            return chosen.collect().to_series()
        except pl.exceptions.PolarsError as error:
            raise _unreadable(f"the column {name!r}", error) from error


def _height(lazy: "pl.LazyFrame") -> int:
    import polars as pl

    return int(lazy.select(pl.len()).collect().item())


class _Streamed:
    """Rows that come as they come: text files, and whatever a lazy frame computes."""

    is_whole = False

    def __init__(self, lazy: "pl.LazyFrame") -> None:
        self.lazy = lazy
        self.types: Types = lazy.collect_schema()

    def count(self) -> int:
        """Return how many rows it has, which takes a pass of its own."""
        import polars as pl

        return int(self.lazy.select(pl.len()).collect(engine="streaming").item())

    def stretches(self, names: Sequence[str]) -> Iterator[Stretch]:
        """Yield the rows in stretches of some hundred thousand, all columns of each at once."""
        chosen = self.lazy.select(names)
        for frame in chosen.collect_batches(chunk_size=_STREAMED_ROWS, maintain_order=True):
            yield _Frame(frame)


def _frame(table: Any) -> "pl.DataFrame":
    import polars as pl

    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, Mapping):
        return pl.DataFrame([_series(str(name), each) for name, each in table.items()])
    if hasattr(table, "iloc"):  # pandas; its own way to Arrow needs a further library
        return pl.DataFrame(
            [_series(str(name), table.iloc[:, k]) for k, name in enumerate(table.columns)]
        )
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return pl.DataFrame(table)
    raise TableMissing(
        f"{type(table).__name__} is not a table",
        remedy="Pass a path, a polars, pandas or Arrow table, or a dict of columns",
    )


def _series(name: str, values: Any) -> "pl.Series":
    import polars as pl

    if isinstance(values, pl.Series):
        return values.alias(name)
    if hasattr(values, "iloc"):
        values = _of_pandas(values)
    try:
        return pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        return mixed(name, list(values))


def _of_pandas(values: Any) -> Any:
    """Return a column of pandas as numpy, or as a list in which nothing is None."""
    kind = getattr(values.dtype, "kind", "O")
    if kind in "biufM" and values.dtype.__class__.__module__.startswith("numpy"):
        return values.to_numpy()
    missing = values.isna().tolist()
    return [None if gone else one for one, gone in zip(values.tolist(), missing, strict=True)]


def mixed(name: str, values: Sequence[Any]) -> "pl.Series":
    """Return values of several types as text, which is all that they have in common."""
    import polars as pl

    return pl.Series(name, [None if one is None else str(one) for one in values], dtype=pl.String)


def _unreadable(path: str, error: Exception) -> TableMissing:
    return TableMissing(
        f"{path} cannot be read: {str(error).splitlines()[0][:200]}",
        remedy="See whether it is what its ending says",
    )


def _require_polars() -> None:
    try:
        import polars  # noqa: F401 - whether it is there
    except ImportError as error:
        raise WrongUsage(
            f"tables are read with polars, which is not installed here ({error})",
            remedy="Install it: pip install 'trueup[monitor]'",
        ) from error
