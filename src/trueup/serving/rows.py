"""Rows of a request, read into columns: from JSON records at once, from anything else by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import did_you_mean
from trueup.models.signature import Field
from trueup.models.tables import Table, as_table
from trueup.serving.fields import Fields, Flag, Lines, Values, as_column
from trueup.serving.refusals import SHOWN, FieldsWrong, Refused, TooMuch, Unreadable, Wrong

_SAYS = {"boolean": "true or false", "integer": "a whole number", "time": "a time of ISO 8601"}

_NUMBERS = ("integer", "number")
LONGEST_ID = 200  # characters
_SENT_ROWS = 16  # of a refused request that are captured


class Rows(msgspec.Struct):
    """The rows of one request: what was given, what the model takes, and what is unusual."""

    count: int
    given: Mapping[str, Any]  # column: values as they came, in the order of the signature
    coded: Any  # numbers, one line a column; None: the model takes the columns themselves
    flags: tuple[Flag, ...] = ()
    ids: list[str] = []  # given with the request, or none
    keys: Any = None  # by which a request sticks to a version, where that is no input of the model


class Reader:
    """Reads the rows of requests for one version."""

    def __init__(self, fields: Fields, *, coded: bool, strict: bool = False, key: str = "") -> None:
        self.fields, self._coded, self._strict = fields, coded, strict
        self._key = key if key not in fields.names else ""  # of its inputs every one is there
        self._packs = coded and fields.plain and not self._key
        inputs = list(zip(fields.names, fields.kinds(), strict=True))
        named: list[Any] = [(f"f{k}", kind) for k, (_, kind) in enumerate(inputs)]
        renamed = {f"f{k}": name for k, (name, _) in enumerate(inputs)}
        if self._key:
            named.append(("key", Any, None))
            renamed["key"] = self._key
        row = msgspec.defstruct("Row", named, rename=renamed, gc=not fields.numeric)
        body = msgspec.defstruct(
            "Body",
            [("records", list[row]), ("ids", list[str], msgspec.field(default_factory=list))],  # type: ignore[valid-type]  # made here
        )
        self._many = msgspec.json.Decoder(body)
        self._bare = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # likewise

    def records(self, body: bytes, most: int) -> Rows:
        """Read ``{"records": [{...}, ...]}``, the list alone, or one record alone."""
        try:
            if body[:1] == b"[":
                return self._read(self._bare.decode(body), [], most)
            found: Any = self._many.decode(body)
            return self._read(found.records, found.ids, most)
        except msgspec.ValidationError:
            return self._slowly(plain_json(body), most)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise unreadable(error) from None

    def columns(self, given: Mapping[str, Any], where: str = "", ids: Sequence[str] = ()) -> Rows:
        """Read columns by name; those that the model does not take are not looked at."""
        known = {name: given[name] for name in self.fields.names if name in given}
        known = {name: _of_text(self._field(name), one) for name, one in known.items()}
        if len({len(one) for one in known.values()}) > 1:
            raise Unreadable("the columns differ in length", remedy="Give each the same rows")
        table = as_table(known)
        self.fields.require(table.columns(), where)
        rows = self._kept(table, list(ids))
        if self._key in given:
            rows.keys = _listed(given[self._key], rows.count)
        return rows

    def listed(self, records: Sequence[Any], where: str, ids: Sequence[str] = ()) -> Rows:
        """Read records that are Python's objects already; every mistake has its path."""
        wrong, more = self._wrong(records, where)
        if wrong:
            refusal = FieldsWrong(wrong, more)
            refusal.sent = self._sent(records)
            raise refusal
        columns = {
            field.name: [_fitting(field, row[field.name]) for row in records]
            for field in self.fields.signature.inputs
        }
        if self._key:
            columns[self._key] = [row.get(self._key) for row in records]
        return self.columns(columns, where, ids)

    def _read(self, records: list[Any], ids: list[str], most: int) -> Rows:
        count = len(records)
        within(count, most, ids)
        if self._packs:
            matrix = self.fields.packed([msgspec.structs.astuple(one) for one in records])
            if matrix is not None and self.fields.usual(matrix):
                return Rows(count, Lines(self.fields.names, matrix), matrix, (), ids)
        columns: list[Values] = list(zip(*map(msgspec.structs.astuple, records), strict=True))
        names = self.fields.names
        keys = columns.pop() if self._key else None
        if self._coded:
            matrix = self.fields.coded(columns)
            rows = Rows(count, dict(zip(names, columns, strict=True)), matrix, (), ids, keys)
            if self.fields.usual(matrix):
                return rows
            rows.flags = self.fields.flags(self._arrays(columns))
        else:
            arrays = self._arrays(columns)
            rows = Rows(count, arrays, None, self.fields.flags(arrays), ids, keys)
        return self.admitted(rows)

    def _arrays(self, columns: Sequence[Values]) -> dict[str, NDArray[Any]]:
        inputs = self.fields.signature.inputs
        pairs = zip(inputs, columns, strict=True)
        return {field.name: as_column(field, values) for field, values in pairs}

    def _kept(self, table: Table, ids: list[str]) -> Rows:
        columns = table.columns()
        matrix = None
        if self._coded:
            matrix = self.fields.coded([columns[name].tolist() for name in self.fields.names])
        return self.admitted(Rows(table.rows, columns, matrix, self.fields.flags(columns), ids))

    def admitted(self, rows: Rows) -> Rows:
        """Return rows as they are; FieldsWrong where something is flagged and that is strict."""
        if self._strict and rows.flags:
            says = {"null": "is null", "unseen": "is not in the vocabulary"}
            wrong = [
                Wrong(f"records[{row}].{flag.column}", says.get(flag.kind, "is out of range"))
                for flag in rows.flags
                for row in flag.rows
            ]
            raise FieldsWrong(wrong[:SHOWN], max(0, len(wrong) - SHOWN))
        return rows

    def _slowly(self, body: Any, most: int) -> Rows:
        ids: Any = []
        where = "records"
        if isinstance(body, dict):
            if "records" in body:
                body, ids = body["records"], body.get("ids", [])
            else:
                body, where = [body], ""
        if not isinstance(body, list):
            raise Unreadable("there are no records", remedy='Send {"records": [{...}]}')
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise FieldsWrong([Wrong("ids", "is not a list of texts")])
        within(len(body), most, ids)
        return self.listed(body, where, ids)

    def _sent(self, records: Sequence[Any]) -> dict[str, list[Any]]:
        """Return plain values of the first records, for whoever looks into a refusal."""
        rows = [one for one in records[:_SENT_ROWS] if isinstance(one, dict)]
        known = [name for name in self.fields.names if any(name in row for row in rows)]
        return {name: [_sendable(row.get(name)) for row in rows] for name in known}

    def _wrong(self, records: Sequence[Any], where: str) -> tuple[list[Wrong], int]:
        wrong: list[Wrong] = []
        more = 0
        for k, row in enumerate(records):
            at = f"{where}[{k}]" if where else ""
            for one in self._wrong_row(row, at):
                if len(wrong) < SHOWN:
                    wrong.append(one)
                else:
                    more += 1
        return wrong, more

    def _wrong_row(self, row: Any, at: str) -> list[Wrong]:
        if not isinstance(row, dict):
            return [Wrong(at or "$", "is not a record, names to values")]
        wrong = []
        for field in self.fields.signature.inputs:
            path = f"{at}.{field.name}" if at else field.name
            if field.name not in row:
                wrong.append(Wrong(path, f"is missing. {did_you_mean(field.name, row)}".strip()))
            elif not _fits(field, row[field.name]):
                says = _SAYS.get(field.type, f"a {field.type}")
                wrong.append(Wrong(path, f"is {_shown(row[field.name])}, not {says}"))
        return wrong

    def _field(self, name: str) -> Field:
        return self.fields.signature.inputs[self.fields.names.index(name)]


def plain_json(body: bytes) -> Any:
    """Return what JSON says; Unreadable where it is none, or nested beyond measure."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> Refused:
    """Return what is wrong with a body that cannot be read as JSON."""
    if isinstance(error, RecursionError):
        return TooMuch("the JSON is nested too deeply", remedy="Send records of plain values")
    said = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]
    return Unreadable(
        f"the body cannot be read: {said}",
        remedy="Send JSON of RFC 8259; it has no NaN and no Infinity: a missing value is null",
    )


def within(count: int, most: int, ids: Sequence[str]) -> None:
    """Raise TooMuch for more rows than one request may have, and for ids that are not theirs."""
    if count > most:
        raise TooMuch(
            f"{count} rows in one request, at most {most}", remedy="Send them in several requests"
        )
    if count == 0:
        raise FieldsWrong([Wrong("records", "has no row")])
    if ids and (len(ids) != count or len(set(ids)) != count):
        raise FieldsWrong([Wrong("ids", f"must be {count} different ones, one a row")])
    for k, one in enumerate(ids):
        if not 0 < len(one) <= LONGEST_ID:
            raise FieldsWrong([Wrong(f"ids[{k}]", f"must have 1 to {LONGEST_ID} characters")])


def _fits(field: Field, value: Any) -> bool:
    if value is None or field.type == "other":
        return True
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type in ("integer", "number"):
        number = isinstance(value, int | float)
        return number and (field.type == "number" or float(value).is_integer())
    if field.type == "time":
        return isinstance(value, str) and _time(value) is not None
    return isinstance(value, str)


def _fitting(field: Field, value: Any) -> Any:
    if field.type == "time" and isinstance(value, str):
        return _time(value)
    return float(value) if isinstance(value, bool) and field.type in _NUMBERS else value


def _time(text: str) -> Any:
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _of_text(field: Field, values: Any) -> Any:
    """Give a column its type where only missing values, or times as text, hide it."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if field.type == "time":
        return np.array([_fitting(field, one) for one in plain], dtype="datetime64[us]")
    if field.type in ("integer", "number") and all(one is None for one in plain):
        return np.full(len(plain), np.nan)
    return values


def _listed(values: Any, rows: int) -> Any:
    """Return one plain value a row; None where there are not so many."""
    plain = np.asarray(values).reshape(-1).tolist() if hasattr(values, "dtype") else list(values)
    return plain if len(plain) == rows else None


def _sendable(value: Any) -> str | None:
    return None if value is None else str(value)[:200]


def _shown(value: Any) -> str:
    return repr(value)[:40]
