"""Rows that one version has read, as another one reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from trueup.serving.fields import Flag, as_column
from trueup.serving.rows import Rows
from trueup.serving.served import Served


def fitted(served: Served, live: Served, rows: Rows) -> Rows:
    """Return rows that the live version has read as another one reads them, with its own flags.

    Raises FieldsWrong where that other one is strict and does not know a value.
    """
    alike = served.signature.inputs == live.signature.inputs
    if served is live or (alike and served.form.coded == live.form.coded):
        return rows
    fields = served.fields
    columns = [listed(rows.given[name]) for name in fields.names]
    pairs = zip(fields.signature.inputs, columns, strict=True)
    given = {one.name: as_column(one, column) for one, column in pairs}
    coded = fields.coded(columns) if served.form.coded else None
    flags = fields.flags(given)
    return served.reader.admitted(Rows(rows.count, given, coded, flags, rows.ids, rows.keys))


def only(rows: Rows, places: list[int]) -> Rows:
    """Return some of the rows."""
    new = {old: place for place, old in enumerate(places)}
    flags = [
        Flag(one.column, one.kind, tuple(new[k] for k in one.rows if k in new))
        for one in rows.flags
    ]
    return Rows(
        len(places),
        _rows_of(rows.given, places),
        None if rows.coded is None else rows.coded[:, places],
        tuple(one for one in flags if one.rows),
        [rows.ids[k] for k in places] if rows.ids else [],
    )


def _rows_of(columns: Mapping[str, Any], places: list[int]) -> dict[str, Any]:
    return {
        name: one[places] if hasattr(one, "dtype") else [one[k] for k in places]
        for name, one in columns.items()
    }


def listed(column: Any) -> Sequence[Any]:
    """Return a column's values as Python's own."""
    values: Sequence[Any] = column.tolist() if hasattr(column, "tolist") else column
    return values
