"""What of a model's fields the server needs on each request, worked out once from its signature."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.signature import Field, Problem, Signature, check
from trueup.models.tables import Table
from trueup.serving.refusals import SHOWN, FieldsWrong, Wrong

Values = Sequence[Any]  # one column of a request: texts, numbers, None
_FEW = 16  # values that Python compares sooner than NumPy is called

_KINDS: dict[str, Any] = {
    "boolean": bool | None,
    "integer": int | None,
    "number": float | None,
    "text": str | None,
    "time": datetime | None,
}


class Flag(msgspec.Struct, frozen=True):
    """What is unusual about a column, and in which rows."""

    column: str
    kind: str  # null, unseen, range
    rows: tuple[int, ...]


class Lines(Mapping[str, NDArray[np.float64]]):
    """Columns of numbers by name, where nobody has needed them as Python's values."""

    def __init__(self, names: tuple[str, ...], matrix: NDArray[np.float64]) -> None:
        self._names, self._matrix = names, matrix

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        try:
            found: NDArray[np.float64] = self._matrix[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Fields:
    """The inputs of one version: how they are coded as numbers, and what is usual in them."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.names = tuple(one.name for one in signature.inputs)
        self._codes = [_coding(one) for one in signature.inputs]
        self._coded = [k for k, one in enumerate(self._codes) if one is not None]
        self._lows = [_low(one) for one in signature.inputs]
        self._highs = [_high(one) for one in signature.inputs]
        self._may_lack = [_may_lack(one) for one in signature.inputs]
        self._low = np.array(self._lows)[:, None]
        self._high = np.array(self._highs)[:, None]
        self._lacks = ~np.array(self._may_lack, dtype=bool)[:, None]
        self.plain = all(one.type == "number" for one in signature.inputs)
        self._pack = struct.Struct(f"{len(self.names)}d").pack
        self.numeric = all(
            coding is not None or one.type in ("boolean", "integer", "number")
            for one, coding in zip(signature.inputs, self._codes, strict=True)
        )

    def kinds(self) -> list[Any]:
        """Return the type of each field as JSON is read into it."""
        return [_KINDS.get(one.type, Any) for one in self.signature.inputs]

    def coded(self, columns: Sequence[Values]) -> NDArray[np.float64]:
        """Return the columns as numbers, one line a column; only where all are ``numeric``."""
        lines = list(columns)
        for k in self._coded:
            codes, unseen = self._codes[k]  # type: ignore[misc]  # those of _coded have codes
            lines[k] = [codes.get(one, unseen) for one in columns[k]]
        return np.array(lines, dtype=np.float64)

    def packed(self, rows: Sequence[tuple[Any, ...]]) -> NDArray[np.float64] | None:
        """Return rows as ``coded`` would, sooner; None where a value is missing.

        Only where all fields are ``plain``.
        """
        try:
            body = b"".join([self._pack(*one) for one in rows])
        except struct.error:
            return None
        return np.ascontiguousarray(np.frombuffer(body).reshape(len(rows), -1).T)

    def usual(self, matrix: NDArray[np.float64]) -> bool:
        """Say whether nothing of coded columns can be unusual; if not, ``flags`` tells."""
        if matrix.size <= _FEW * 2:
            return self._usual_values(matrix)
        within = (matrix >= self._low) & (matrix <= self._high)
        if within.all():
            return True
        within |= (matrix != matrix) & ~self._lacks
        return bool(within.all())

    def _usual_values(self, matrix: NDArray[np.float64]) -> bool:
        bounds = zip(matrix.tolist(), self._lows, self._highs, self._may_lack, strict=True)
        for values, low, high, may_lack in bounds:
            for value in values:
                if not low <= value <= high and not (may_lack and value != value):
                    return False
        return True

    def flags(self, columns: Mapping[str, NDArray[Any]]) -> tuple[Flag, ...]:
        """Return what is unusual, column by column, with the rows that have it."""
        found = []
        for field in self.signature.inputs:
            column = columns[field.name]
            missing = _missing(column)
            if missing.any() and not field.nullable:
                found.append(Flag(field.name, "null", _places(missing)))
            kind, odd = _beyond(field, column, missing)
            if odd.any():
                found.append(Flag(field.name, kind, _places(odd)))
        return tuple(found)

    def require(self, columns: Mapping[str, NDArray[Any]], where: str = "") -> None:
        """Raise FieldsWrong with every field that is missing or of another type."""
        broken = [one for one in check(self.signature, Table(columns)) if one.breaks]
        if broken:
            raise wrong_columns(broken, where)


def wrong_columns(problems: Sequence[Problem], where: str) -> FieldsWrong:
    """Return the refusal that these problems of columns are."""
    said = [Wrong(f"{where}{one.field}", one.says) for one in problems]
    return FieldsWrong(said[:SHOWN], max(0, len(said) - SHOWN))


def as_column(field: Field, values: Values) -> NDArray[Any]:
    """Return values that fit a field as models take them."""
    if field.type in ("integer", "number"):
        return np.array(values, dtype=np.float64)
    if field.type == "time":
        return np.array([_naive(one) for one in values], dtype="datetime64[us]")
    if field.type == "boolean" and None not in values:
        return np.array(values, dtype=bool)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _naive(at: Any) -> Any:
    if isinstance(at, datetime) and at.tzinfo is not None:
        return at.astimezone(UTC).replace(tzinfo=None)
    return at


def _coding(field: Field) -> tuple[dict[Any, float], float] | None:
    if not field.vocabulary:
        return None
    codes: dict[Any, float] = {text: float(k) for k, text in enumerate(field.vocabulary)}
    codes[None] = float("nan")
    return codes, float("nan") if field.unseen is None else float(field.unseen)


def _low(field: Field) -> float:
    if field.vocabulary:
        return 0.0
    return -np.inf if field.low is None or field.high is None else field.low


def _high(field: Field) -> float:
    if field.vocabulary:
        return len(field.vocabulary) - 1.0
    return np.inf if field.low is None or field.high is None else field.high


def _may_lack(field: Field) -> bool:
    """Say whether NaN is certainly usual; where it may also be an unseen text, look closer."""
    return field.nullable and not (field.vocabulary and field.unseen is None)


def _missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype.kind == "O":
        return np.array([one is None or one != one for one in column.tolist()], dtype=bool)
    if column.dtype.kind in "Mm":
        return np.array(np.isnat(column), dtype=bool)
    return np.asarray(column != column, dtype=np.bool_)


def _beyond(field: Field, column: NDArray[Any], missing: NDArray[np.bool_]) -> tuple[str, Any]:
    if field.vocabulary and column.dtype.kind == "O":
        known = set(field.vocabulary)
        there = [one in known for one in column.tolist()]
        return "unseen", ~np.array(there, dtype=bool) & ~missing
    if field.type in ("integer", "number") and field.low is not None and field.high is not None:
        return "range", (column < field.low) | (column > field.high)
    return "", np.zeros(0, dtype=bool)


def _places(odd: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(odd).tolist())
