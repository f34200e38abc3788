"""From a part of a table to rows as the server has them, column by column.

The server reads a request row by row, which a million rows cannot afford. What comes out is the
same: the same numbers, the same flags, the same reasons to refuse (tests compare both).
"""

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.signature import Field
from trueup.serving.batch.cells import cells_of
from trueup.serving.batch.tables import Part
from trueup.serving.fields import Fields, Flag
from trueup.serving.rows import Rows

if TYPE_CHECKING:
    import polars as pl

_WORDS = {"null": "is null", "unseen": "is not in the vocabulary", "range": "is out of range"}


class Wishes(msgspec.Struct, frozen=True):
    """How rows are read for one version."""

    coded: bool  # the form takes numbers, one line a column
    strict: bool = False  # what is unusual is refused
    id: str = ""  # the column of ids; empty: the table has none


class Read(msgspec.Struct):
    """The rows of a part that can be predicted, and what is wrong with the others."""

    rows: Rows
    places: NDArray[np.int64]  # of the rows, in the part
    ids: "pl.Series | None"  # of these rows, as texts
    wrong: dict[int, list[str]]  # place in the part: why it is rejected


def read(fields: Fields, part: Part, wishes: Wishes) -> Read:
    """Read a part; WrongUsage where a whole column is of another type than the model takes."""
    frame = part.frame
    wrong: dict[int, list[str]] = {row: [says] for row, says in part.ragged.items()}
    columns: dict[str, pl.Series] = {}
    for field in fields.signature.inputs:
        found = cells_of(field, frame[field.name], as_text=part.as_text)
        columns[field.name] = found.values
        for row, says in found.wrong.items():
            if row not in part.ragged:
                wrong.setdefault(row, []).append(f"{field.name} {says}")
    ids = _ids(frame, wishes.id, wrong) if wishes.id else None
    flags = _flags(fields, columns)
    if wishes.strict:
        for flag in flags:
            for row in flag.rows:
                if row not in part.ragged:
                    wrong.setdefault(row, []).append(f"{flag.column} {_WORDS[flag.kind]}")
    places = np.arange(frame.height)
    if wrong:
        places = np.delete(places, sorted(wrong))
        columns = {name: one.gather(places) for name, one in columns.items()}
        ids = None if ids is None else ids.gather(places)
        flags = _flags(fields, columns)
    rows = Rows(len(places), columns, _matrix(fields, columns) if wishes.coded else None, flags)
    return Read(rows, places, ids, wrong)


def taken(fields: Fields, rows: Rows, start: int, stop: int) -> Any:
    """Return what a form takes of some of these rows."""
    if rows.coded is not None:
        return np.ascontiguousarray(rows.coded[:, start:stop])
    parts = {name: one.slice(start, stop - start) for name, one in rows.given.items()}
    return {field.name: array_of(field, parts[field.name]) for field in fields.signature.inputs}


def array_of(field: Field, column: "pl.Series") -> NDArray[Any]:
    """Return a column as models take it; as the server's ``as_column`` does of values."""
    import polars as pl

    if field.type in ("integer", "number"):
        return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
    if field.type == "time":
        return np.array(column.to_numpy(), dtype="datetime64[us]")
    if field.type == "boolean" and not column.null_count():
        return np.array(column.to_numpy(), dtype=bool)
    made = np.empty(len(column), dtype=object)
    made[:] = column.to_list()
    return made


def said_of(rows: Rows, kept: NDArray[np.int64]) -> list[str | None]:
    """Return for each kept row its flags as JSON, such as ``{"carrier":"unseen"}``."""
    found: dict[int, dict[str, str]] = {}
    for flag in rows.flags:
        for row in flag.rows:
            found.setdefault(row, {})[flag.column] = flag.kind
    said: list[str | None] = [None] * rows.count
    for row, words in found.items():
        said[row] = msgspec.json.encode(words).decode()
    return said if len(kept) == rows.count else [said[k] for k in kept.tolist()]


def _ids(frame: "pl.DataFrame", name: str, wrong: dict[int, list[str]]) -> "pl.Series":
    import polars as pl

    ids = frame[name]
    if ids.dtype != pl.String:
        texts = [None if one is None else str(one) for one in ids.to_list()]
        ids = pl.Series(name, texts, dtype=pl.String)
    lost = (ids.is_null() | (ids == "")).fill_null(True)
    for row in lost.arg_true().to_list():
        wrong.setdefault(row, []).append(f"{name} has no value, but is the id")
    for row in ((~ids.is_first_distinct()) & ~lost).arg_true().to_list():
        wrong.setdefault(row, []).append(f"{name} {ids[row]!r:.60} is another row's too")
    return ids


def _matrix(fields: Fields, columns: "dict[str, pl.Series]") -> NDArray[np.float64]:
    lines = [_line(field, columns[field.name]) for field in fields.signature.inputs]
    return np.vstack(lines)


def _line(field: Field, column: "pl.Series") -> NDArray[np.float64]:
    import polars as pl

    if not field.vocabulary:
        return column.cast(pl.Float64).to_numpy()
    unseen = float("nan") if field.unseen is None else float(field.unseen)
    codes = pl.Series([float(k) for k in range(len(field.vocabulary))])
    found = column.replace_strict(
        pl.Series(field.vocabulary), codes, default=unseen, return_dtype=pl.Float64
    )
    return found.set(column.is_null(), None).to_numpy()


def _flags(fields: Fields, columns: "dict[str, pl.Series]") -> tuple[Flag, ...]:
    found = []
    for field in fields.signature.inputs:
        column = columns[field.name]
        if column.null_count() and not field.nullable:
            found.append(_flag(field, "null", column.is_null()))
        if field.vocabulary:
            odd = ~column.is_in(list(field.vocabulary)) & column.is_not_null()
            kind = "unseen"
        elif (
            field.type in ("integer", "number") and field.low is not None and field.high is not None
        ):
            odd, kind = (column < field.low) | (column > field.high), "range"
        else:
            continue
        odd = odd.fill_null(False)
        if odd.any():
            found.append(_flag(field, kind, odd))
    return tuple(found)


def _flag(field: Field, kind: str, rows: "pl.Series") -> Flag:
    return Flag(field.name, kind, tuple(rows.arg_true().to_list()))
