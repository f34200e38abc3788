"""Scan a table: make the grid of a reference, and count blocks on a grid."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.cells import Role
from trueup.monitoring.profiles.grids import Grid, Kind
from trueup.monitoring.references import Reference
from trueup.monitoring.scanning.columns import ColumnScan
from trueup.monitoring.scanning.passes import Asked, Passes, no_column
from trueup.monitoring.scanning.series import kind_of
from trueup.monitoring.scanning.sources import Source, source_of

_SHOWN = 12
_WORDS: dict[Kind, str] = {
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "time": "a time",
    "vector": "a vector",
}
ALL = Asked()


class ColumnsDiffer(WrongUsage):
    """The second table lacks columns of the first, or has others under their names."""


class Scanned(msgspec.Struct, frozen=True):
    """A table's blocks, and the columns whose types say nothing."""

    reference: Reference
    left_out: dict[str, str]  # column: its type


def scan_reference(table: Any, asked: Asked = ALL) -> Scanned:
    """Make the grid of a table and count its blocks on it.

    A table is a path (file, folder or glob of parquet, CSV, Arrow), a frame of polars (lazy, too)
    or pandas, anything that speaks Arrow, or a dict of columns. What is in memory, or has at most
    a million rows, is read once; anything larger twice, in stretches.
    """
    source = source_of(table)
    columns, left_out = _chosen(source, asked)
    return Scanned(Passes(source, columns, asked).reference(), left_out)


def scan_on(grid: Grid, table: Any, asked: Asked = ALL) -> Reference:
    """Count the blocks of a table on a grid that there is; it must have the grid's columns.

    Raises ColumnsDiffer where it has not, naming every one.
    """
    source = source_of(table)
    columns = [
        ColumnScan(name, grid.kind(name), grid.tracks[grid.of(name)[0]].role)
        for name in grid.columns
    ]
    _check(source, columns)
    for column in columns:
        column.use([grid.tracks[number] for number in grid.of(column.name)])
    return Passes(source, columns, asked).on_grid(grid)


def _chosen(source: Source, asked: Asked) -> tuple[list[ColumnScan], dict[str, str]]:
    """Return the columns that are scanned, and those whose types say nothing."""
    names = asked.columns or tuple(source.types)
    columns, left_out = [], {}
    for name in dict.fromkeys([*names, *asked.predictions]):
        if name not in source.types:
            raise no_column(name, source)
        if name in (asked.blocks.time, asked.id) and name not in asked.columns:
            continue  # times and ids are others each time, whatever happened
        kind = kind_of(source.types[name])
        if kind is None:
            left_out[name] = str(source.types[name])
            continue
        role: Role = "prediction" if name in asked.predictions else "input"
        columns.append(ColumnScan(name, kind, role))
    if not columns:
        raise WrongUsage(
            "the table has no column that anything can be said of",
            remedy="Give it columns of numbers, texts, booleans, times or vectors",
        )
    return columns, left_out


def _check(source: Source, columns: Sequence[ColumnScan]) -> None:
    """Refuse a table that lacks columns, or has other types, naming all of them."""
    wrong = []
    for column in columns:
        dtype = source.types.get(column.name)
        if dtype is None:
            near = did_you_mean(column.name, source.types)
            wrong.append(f"{column.name}: it is missing. {near}".strip())
            continue
        found = kind_of(dtype)
        if found == "nothing" and column.kind != "nothing":
            column.kind = "nothing"
        elif column.kind not in (found, "nothing"):
            wrong.append(f"{column.name}: it is {dtype}, and was {_WORDS.get(column.kind)}")
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        listed = "\n  - ".join([*wrong[:_SHOWN], *more])
        raise ColumnsDiffer(
            f"the table does not have the reference's columns:\n  - {listed}",
            remedy="Compare tables of the same columns, or name those that both have: --columns",
        )
