"""Columns as bytes: made of arrays or lists, joined without looking at a value."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Kind: TypeAlias = Literal["none", "bool", "int", "float32", "float", "time", "text"]
WIDTHS: dict[Kind, int] = {"bool": 1, "int": 8, "float32": 4, "float": 8, "time": 8}
DTYPES: dict[Kind, str] = {"bool": "?", "int": "<i8", "float32": "<f4", "float": "<f8"}
DTYPES |= {"time": "<i8"}
_OF_DTYPE: dict[str, Kind] = {"b": "bool", "i": "int", "u": "int"}
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_PARTS_OF_MICROSECOND = "datetime64[us]"

if TYPE_CHECKING:
    Bytes: TypeAlias = bytes | memoryview
else:
    Bytes = memoryview  # of what is read msgspec then copies nothing


class Column(msgspec.Struct, frozen=True, array_like=True):
    """Values of one kind. Times are microseconds since 1970, texts lie one behind the other."""

    kind: Kind
    rows: int
    body: Bytes = b""
    lengths: Bytes = b""  # of texts, four bytes each
    valid: bytes = b""  # one byte a row; empty: no value is missing

    def values(self) -> NDArray[Any]:
        """Return a column of numbers as they lie."""
        return np.frombuffer(self.body, DTYPES[self.kind])

    def present(self) -> NDArray[np.bool_]:
        """Say of each row whether it has a value."""
        if not self.valid:
            return np.full(self.rows, self.kind != "none")
        return np.frombuffer(self.valid, np.bool_)


def column_of(parts: Sequence[Any]) -> Column:
    """Make one column of what several batches have under one name."""
    types = set(map(type, parts))
    if types == {list}:
        return _of_values(list(chain.from_iterable(parts)))
    if types == {np.ndarray} and len({one.dtype for one in parts}) == 1:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if whole.ndim == 1 and whole.dtype.kind in "biufM":
            return _of_array(whole)
    values: list[Any] = []
    for one in parts:
        values += _listed(one)
    return _of_values(values)


def columns_of(parts: Sequence[NDArray[Any]]) -> list[Column]:
    """Make the columns of matrices that lie one below the other."""
    lines = [one.T for one in parts]  # as a server has them: each column lies in one piece
    whole = np.ascontiguousarray(lines[0]) if len(lines) == 1 else np.concatenate(lines, axis=1)
    return [column_of([one]) for one in whole]


def repeated(value: str, rows: int) -> Column:
    """Return the same text for each row."""
    raw = value.encode("utf-8", "replace")
    return Column("text", rows, raw * rows, np.full(rows, len(raw), "<i4").tobytes())


def texts(values: Sequence[str | None]) -> Column:
    """Return a column of texts."""
    raw = [b"" if one is None else one.encode("utf-8", "replace") for one in values]
    lengths = np.fromiter(map(len, raw), "<i4", len(raw))
    valid = bytes(one is not None for one in values) if None in values else b""
    return Column("text", len(raw), b"".join(raw), lengths.tobytes(), valid)


def of_one_length(letters: bytes, rows: int) -> Column:
    """Return texts that are as long as each other, and lie one behind the other already."""
    width = len(letters) // rows if rows else 0
    return Column("text", rows, letters, np.full(rows, width, "<i4").tobytes())


def numbers(kind: Kind, values: NDArray[Any]) -> Column:
    """Return a column of numbers that have this kind."""
    fitted = np.ascontiguousarray(values, DTYPES[kind])
    return Column(kind, len(values), fitted.view(np.uint8).data)


def absent(rows: int) -> Column:
    """Return a column without any value."""
    return Column("none", rows)


def join(columns: Sequence[Column]) -> Column:
    """Put columns one behind the other; of different kinds they become the kind that holds all."""
    kind = _wider({one.kind for one in columns})
    fitted = [one if one.kind == kind else _as_kind(one, kind) for one in columns]
    valid = b""
    if kind != "none" and any(one.valid for one in fitted):
        valid = b"".join(one.valid or b"\1" * one.rows for one in fitted)
    return Column(
        kind,
        sum(one.rows for one in fitted),
        _glued([one.body for one in fitted]),
        _glued([one.lengths for one in fitted]),
        valid,
    )


def take(column: Column, chosen: NDArray[np.bool_]) -> Column:
    """Return the rows that are chosen."""
    rows = int(chosen.sum())
    valid = np.frombuffer(column.valid, np.uint8)[chosen].tobytes() if column.valid else b""
    if column.kind == "none":
        return Column("none", rows)
    if column.kind != "text":
        return Column(column.kind, rows, column.values()[chosen].tobytes(), b"", valid)
    lengths = np.frombuffer(column.lengths, "<i4")
    ends = np.cumsum(lengths, dtype=np.int64)
    starts = (ends - lengths)[chosen].tolist()
    body = b"".join(
        column.body[start:end] for start, end in zip(starts, ends[chosen].tolist(), strict=True)
    )
    return Column("text", rows, body, lengths[chosen].tobytes(), valid)


def as_list(column: Column) -> list[Any]:
    """Return the values, None where there is none; times as numbers of microseconds."""
    if column.kind == "none":
        return [None] * column.rows
    values: list[Any]
    if column.kind == "text":
        ends = np.cumsum(np.frombuffer(column.lengths, "<i4"), dtype=np.int64).tolist()
        starts = [0, *ends][:-1]
        body = bytes(column.body)
        values = [body[start:end].decode() for start, end in zip(starts, ends, strict=True)]
    else:
        values = column.values().tolist()
    if not column.valid:
        return values
    return [one if there else None for one, there in zip(values, column.valid, strict=True)]


def _glued(parts: Sequence[Bytes]) -> Bytes:
    """Return parts as one; NumPy lets other threads go on while it copies, which bytes do not."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([np.frombuffer(one, np.uint8) for one in parts]).data


def _listed(part: Any) -> list[Any]:
    if not isinstance(part, np.ndarray):
        return list(part)
    if part.ndim > 1:
        return [msgspec.json.encode(row).decode() for row in part.tolist()]
    if part.dtype.kind == "M":
        part = part.astype(_PARTS_OF_MICROSECOND)
    return list(part.tolist())


def _of_array(array: NDArray[Any]) -> Column:
    kind = array.dtype.kind
    if kind == "f":
        return numbers("float32" if array.dtype.itemsize <= 4 else "float", array)
    if kind == "M":
        missing = np.isnat(array)
        made = numbers("time", array.astype(_PARTS_OF_MICROSECOND).view("<i8"))
        valid = (~missing).tobytes() if missing.any() else b""
        return msgspec.structs.replace(made, valid=valid)
    if kind == "u" and array.dtype.itemsize == 8 and len(array) and array.max() > 1 << 62:
        return numbers("float", array)
    return numbers(_OF_DTYPE[kind], array)


def _of_values(values: list[Any]) -> Column:
    types = set(map(type, values))
    if any(issubclass(one, np.generic) for one in types):
        return _of_values([one.item() if isinstance(one, np.generic) else one for one in values])
    missing = NoneType in types
    types.discard(NoneType)
    if not types:
        return absent(len(values))
    if types == {str}:
        return texts(values)
    kind = _kind_of(types)
    if kind == "int" and not _fits(values):
        kind = "float"
    if kind is None:
        return texts([one if one is None or isinstance(one, str) else _json(one) for one in values])
    if kind == "time":
        values = [None if one is None else _microseconds(one) for one in values]
    if not missing:
        return numbers(kind, np.array(values, DTYPES[kind]))
    made = numbers(kind, np.array([0 if one is None else one for one in values], DTYPES[kind]))
    return msgspec.structs.replace(made, valid=bytes(one is not None for one in values))


def _kind_of(types: set[type]) -> Kind | None:
    if types == {bool}:
        return "bool"
    if types == {int}:
        return "int"
    if types <= {int, float}:
        return "float"
    return "time" if types == {datetime} else None


def _fits(values: list[Any]) -> bool:
    present = [one for one in values if one is not None]
    return bool(min(present) >= -(1 << 63) and max(present) < 1 << 63)


def _microseconds(at: datetime) -> int:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _wider(kinds: set[Kind]) -> Kind:
    kinds = kinds - {"none"}
    if len(kinds) <= 1:
        return next(iter(kinds), "none")
    return "float" if kinds <= {"int", "float32", "float"} else "text"


def _as_kind(column: Column, kind: Kind) -> Column:
    if column.kind == "none":
        body, lengths = bytes(column.rows * WIDTHS.get(kind, 0)), b""
        if kind == "text":
            lengths = bytes(4 * column.rows)
        return Column(kind, column.rows, body, lengths, bytes(column.rows))
    if kind == "text":
        return texts([None if one is None else _json(one) for one in as_list(column)])
    return Column(kind, column.rows, numbers(kind, column.values()).body, b"", column.valid)
