"""Columns of a table as a model's fields have them; what does not fit is told row by row.

What counts as missing, as a number, as true or as a time is what the server takes for it: of CSV
as ``POST /invocations`` does, of typed columns as ``POST /predict`` does of JSON.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage
from trueup.models.signature import Field

if TYPE_CHECKING:
    import polars as pl

_LONG = 2.0**63
NOTHING = ("", "nan", "null", "none", "na")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_SAYS = {"boolean": "true or false", "integer": "a whole number", "time": "a time of ISO 8601"}
# What str.strip takes away; polars has a slightly smaller set of its own.
_SPACES = "".join(chr(k) for k in range(0x3001) if chr(k).isspace())


class Cells(msgspec.Struct):
    """One column: null where a value is missing or wrong."""

    values: "pl.Series"
    wrong: dict[int, str] = {}  # row: what is wrong with its value


def cells_of(field: Field, column: "pl.Series", *, as_text: bool) -> Cells:
    """Return a column as its field's type; WrongUsage where the whole column is of another."""
    import polars as pl

    if as_text:
        return _TEXTS.get(field.type, _text_text)(field, column)
    if column.dtype == pl.Null and field.type in _DTYPES:
        return Cells(column.cast(_dtype(field)))
    return _TYPED[field.type](field, column)


def _number(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    if not column.dtype.is_numeric() and column.dtype != pl.Boolean:
        raise _other(field, column)
    return Cells(column.cast(pl.Float64).fill_nan(None))


def _integer(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    if column.dtype.is_integer() or column.dtype == pl.Boolean:
        fits = column.dtype not in (pl.UInt64, pl.Int128)
        return Cells(column.cast(pl.Int64 if fits else pl.Float64))
    found = _number(field, column).values
    return _whole(field, found, found)


def _whole(field: Field, numbers: "pl.Series", said: "pl.Series") -> Cells:
    """Keep whole numbers; said is what stands in the table."""
    import polars as pl

    parts = ((numbers != numbers.floor()) | numbers.is_infinite()).fill_null(False)
    wrong = {k: _not(field, said[k]) for k in parts.arg_true().to_list()}
    if wrong:
        numbers = numbers.set(parts, None)
    if (numbers.abs() < _LONG).fill_null(True).all():
        numbers = numbers.cast(pl.Int64)
    return Cells(numbers, wrong)


def _boolean(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    if column.dtype != pl.Boolean:
        raise _other(field, column)
    return Cells(column)


def _text(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    if column.dtype != pl.String and not isinstance(column.dtype, pl.Categorical | pl.Enum):
        raise _other(field, column)
    return Cells(column.cast(pl.String))


def _time(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    if column.dtype == pl.String:
        return _each(field, column, _moment, _dtype(field))
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Cells(column.dt.cast_time_unit("us"))
    if column.dtype != pl.Date:
        raise _other(field, column)
    return Cells(column.cast(pl.Datetime("us")))


def _anything(field: Field, column: "pl.Series") -> Cells:
    return Cells(column)


def _present(field: Field, column: "pl.Series") -> "pl.Series":
    """Return the cells of CSV that say something, without spaces around them."""
    words = column.str.strip_chars(_SPACES)
    is_nothing = words.str.to_lowercase().is_in(NOTHING)
    return words.set(is_nothing.fill_null(True), None)


def _number_text(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    numbers = column.str.strip_chars(_SPACES).cast(pl.Float64, strict=False)
    odd = numbers.is_null() & column.is_not_null()
    if not odd.any():
        return Cells(numbers.fill_nan(None))
    rest = _each(field, column.set(~odd, None), _float, pl.Float64())
    found = pl.select(pl.coalesce(numbers, rest.values)).to_series().fill_nan(None)
    return Cells(found.alias(column.name), rest.wrong)


def _integer_text(field: Field, column: "pl.Series") -> Cells:
    numbers = _number_text(field, column)
    whole = _whole(field, numbers.values, numbers.values)
    return Cells(whole.values, numbers.wrong | whole.wrong)


def _boolean_text(field: Field, column: "pl.Series") -> Cells:
    import polars as pl

    words = _present(field, column)
    truths = words.str.to_lowercase().replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)
    odd = words.is_not_null() & truths.is_null()
    return Cells(truths, {k: _not(field, column[k]) for k in odd.arg_true().to_list()})


def _text_text(field: Field, column: "pl.Series") -> Cells:
    words = _present(field, column)
    gone = words.is_null() & column.is_not_null()
    kept = [one for one in field.vocabulary if one.lower() in NOTHING]
    if kept:
        stripped = column.str.strip_chars(_SPACES)
        gone &= ~stripped.is_in(kept).fill_null(False)
    return Cells(column.set(gone, None) if gone.any() else column)


def _time_text(field: Field, column: "pl.Series") -> Cells:
    words = _present(field, column)
    return _each(field, column.set(words.is_null(), None), _moment, _dtype(field))


def _each(
    field: Field, column: "pl.Series", read: Callable[[str], Any], dtype: "pl.DataType"
) -> Cells:
    """Read texts one by one, each different text once."""
    import polars as pl

    known: dict[str, Any] = {}
    for text in column.drop_nulls().unique().to_list():
        try:
            known[text] = read(text)
        except (ValueError, OverflowError):
            known[text] = None
    said = column.to_list()
    values = [None if one is None else known[one] for one in said]
    wrong = {
        k: _not(field, text)
        for k, (text, value) in enumerate(zip(said, values, strict=True))
        if text is not None and value is None
    }
    return Cells(pl.Series(column.name, values, dtype=dtype), wrong)


def _float(text: str) -> float:
    word = text.strip()
    return float("nan") if word.lower() in NOTHING else float(word)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _not(field: Field, value: Any) -> str:
    return f"is {value!r:.40}, not {_SAYS.get(field.type, f'a {field.type}')}"


def _other(field: Field, column: "pl.Series") -> WrongUsage:
    return WrongUsage(
        f"the column {field.name!r} is of type {column.dtype}, but the model takes {field.type}",
        remedy="Write it as the model's evaluation data has it",
    )


def _dtype(field: Field) -> Any:
    import polars as pl

    types = {"integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean()}
    return (types | {"text": pl.String(), "time": pl.Datetime("us")})[field.type]


_DTYPES = ("integer", "number", "boolean", "text", "time")
_TYPED: dict[str, Callable[[Field, Any], Cells]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "text": _text,
    "time": _time,
    "other": _anything,
}
_TEXTS: dict[str, Callable[[Field, Any], Cells]] = {
    "number": _number_text,
    "integer": _integer_text,
    "boolean": _boolean_text,
    "text": _text_text,
    "time": _time_text,
}
