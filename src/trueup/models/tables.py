"""A table as models take it: named columns of equal length, from numpy, polars or Arrow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import WrongUsage, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Column = NDArray[Any]


class Table:
    """Named columns in order; missing values are None in text, NaN in numbers, NaT in times."""

    def __init__(self, columns: Mapping[str, Column], frame: "pl.DataFrame | None" = None) -> None:
        self._columns = dict(columns)
        self._frame = frame
        lengths = {name: len(column) for name, column in self._columns.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} {rows}" for name, rows in list(lengths.items())[:6])
            raise WrongUsage(
                f"the columns differ in length: {said}", remedy="Give every column the same rows"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self._columns)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    def column(self, name: str) -> Column:
        """Return a column; WrongUsage with the nearest name if there is none."""
        if name not in self._columns:
            raise WrongUsage(
                f"the table has no column {name!r}",
                remedy=f"{did_you_mean(name, self._columns)}It has: {listed(self.names)}",
            )
        return self._columns[name]

    def columns(self) -> dict[str, Column]:
        """Return all columns by name."""
        return dict(self._columns)

    def select(self, names: Sequence[str]) -> "Table":
        """Return these columns in this order."""
        chosen = {name: self.column(name) for name in names}
        return Table(chosen, None if self._frame is None else self._frame.select(names))

    def part(self, start: int, stop: int) -> "Table":
        """Return the rows from start to before stop."""
        parts = {name: column[start:stop] for name, column in self._columns.items()}
        frame = self._frame
        return Table(parts, None if frame is None else frame.slice(start, stop - start))

    def batches(self, rows: int) -> Iterator["Table"]:
        """Yield parts of at most so many rows; an empty table is one empty part."""
        for start in range(0, max(self.rows, 1), rows):
            yield self.part(start, min(start + rows, self.rows))

    def matrix(self) -> NDArray[Any]:
        """Return rows by columns, in the type that holds all columns; numbers only."""
        texts = [name for name, one in self._columns.items() if one.dtype.kind not in "biuf"]
        if texts:
            raise WrongUsage(
                f"the model takes numbers, but {listed(texts)} is not",
                remedy="Give the model a signature whose vocabularies encode it, "
                "or make encoding a part of the model",
            )
        return np.column_stack(list(self._columns.values())) if self._columns else np.empty((0, 0))

    def frame(self) -> "pl.DataFrame":
        """Return it as a polars frame, which models that choose columns by name need."""
        if self._frame is None:
            try:
                import polars
            except ImportError as error:
                raise WrongUsage(
                    "this model takes named columns, for which polars is needed",
                    remedy="Install it: pip install 'trueup[models]'",
                ) from error
            self._frame = polars.DataFrame(
                {
                    name: polars.Series(name, column.tolist(), dtype=polars.String)
                    if _is_text(column)
                    else polars.Series(name, column)
                    for name, column in self._columns.items()
                }
            )
        return self._frame


def as_table(given: Any) -> Table:
    """Make a Table of a mapping of columns, a polars frame, or anything that speaks Arrow.

    A table in a file is read by whoever has it; here it is in memory.
    """
    if isinstance(given, Table):
        return given
    if isinstance(given, Mapping):
        return Table({str(name): _column(values) for name, values in given.items()})
    if hasattr(given, "get_columns"):  # a polars frame
        return Table({one.name: _column(one.to_numpy()) for one in given.get_columns()}, given)
    if hasattr(given, "column_names"):  # an Arrow table or record batch
        return Table(
            {name: _arrow_column(given.column(name)) for name in map(str, given.column_names)}
        )
    if hasattr(given, "__arrow_c_stream__"):
        import polars

        return as_table(polars.DataFrame(given))
    raise WrongUsage(
        f"{type(given).__name__} is not a table",
        remedy="Pass a dict of columns, a polars frame or an Arrow table",
    )


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names for a message, bounded."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def _arrow_column(column: Any) -> Column:
    return _column(column.to_numpy(zero_copy_only=False) if hasattr(column, "chunks") else column)


def _column(values: Any) -> Column:
    column = np.asarray(values)
    if column.dtype.kind in "US":
        return column.astype(object)
    if column.dtype.kind == "O":
        return _objects(column)
    return column


def _objects(column: Column) -> Column:
    """Give a column of Python objects the plain type that it has, where it has one."""
    present = [value for value in column.tolist() if value is not None]
    if not present or any(isinstance(value, str | list | dict | bytes) for value in present):
        return column
    if all(isinstance(value, bool | np.bool_) for value in present):
        return column if len(present) < len(column) else column.astype(bool)
    try:
        filled = [np.nan if value is None else float(value) for value in column.tolist()]
    except (TypeError, ValueError):
        return column
    return np.array(filled, dtype=np.float64)


def _is_text(column: Column) -> bool:
    return column.dtype.kind == "O" and all(
        value is None or isinstance(value, str) for value in column.tolist()
    )
