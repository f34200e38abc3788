"""From captures to counts: the rows of a window or of a reference, as columns of a grid."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures import reading
from trueup.captures.finding import Span
from trueup.captures.records import Role
from trueup.monitoring.profiles.grids import Grid, Kind
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.scanning.series import kind_of
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

AT, ID = "capture.at", "capture.id"
LIVE: tuple[Role, ...] = ("champion", "explore", "batch", "elsewhere")
ALL: tuple[Role, ...] = (*LIVE, "challenger", "shadow")
_IN_MEMORY_BYTES = 64 << 20  # of segments; more of them are streamed
_BLOCKS = 32  # of a window that is compared as a table


class Rows(msgspec.Struct, frozen=True):
    """Which captures of a model: those of a version, in these roles."""

    bucket: Bucket
    model: str
    version: int
    roles: tuple[Role, ...] = LIVE
    environment: str = ""  # in which they were answered; empty: anywhere


def table_of(rows: Rows, span: Span, size_bytes: int = 0) -> "pl.LazyFrame | pl.DataFrame":
    """Return captures with the columns that a grid has: inputs, and outputs as ``output.X``.

    Few rows come as a frame; many lazily, so that one segment is in memory at a time.
    """
    import polars as pl

    exact = msgspec.structs.replace(span, version=rows.version, environment=rows.environment)
    found = reading.captures(rows.bucket, rows.model, exact, labels=False)
    found = found.filter(pl.col("role").is_in(list(rows.roles)))
    names = found.collect_schema().names()
    chosen = [pl.col("id").alias(ID), pl.col("at").alias(AT)]
    chosen += [
        pl.col(name).alias(name.removeprefix("input."))
        for name in names
        if name.startswith(("input.", "output."))
    ]
    found = found.select(chosen)
    return found.collect() if size_bytes <= _IN_MEMORY_BYTES else found


def fitting(table: "pl.LazyFrame | pl.DataFrame", grid: Grid) -> Any:
    """Return captures with truths, times and numbers as the grid counts them.

    A server writes down the numbers that it was sent; a table may have said true instead of 1.
    """
    import polars as pl

    casts = []
    for name, dtype in table.collect_schema().items():
        if name not in grid.columns:
            continue
        found, kind = kind_of(dtype), grid.kind(name)
        if kind == "boolean" and found == "number":
            casts.append(pl.col(name).cast(pl.Boolean))
        elif kind == "number" and found == "boolean":
            casts.append(pl.col(name).cast(pl.Int8))
        elif kind == "time" and found == "text":
            casts.append(pl.col(name).str.to_datetime(strict=False, time_unit="us"))
    return table.with_columns(casts) if casts else table


def outputs_of(names: Sequence[str]) -> tuple[str, ...]:
    """Return which columns are what the model answered."""
    return tuple(name for name in names if name.startswith("output."))


def asked_of(table: "pl.LazyFrame | pl.DataFrame", blocks: BlockSize) -> Asked:
    """Return what of captures is counted: everything but ids and times."""
    names = table.collect_schema().names()
    columns = tuple(name for name in names if name not in (AT, ID))
    return Asked(columns, outputs_of(columns), blocks, id=ID)


def blocks_of(rows: int) -> BlockSize:
    """Return the blocks of a window that is compared with the whole of its reference."""
    return BlockSize(rows=max(1, -(-rows // _BLOCKS)))


def kinds_of(grid: Grid) -> dict[str, Kind]:
    """Return what kind of values each column of a grid has."""
    return {name: grid.kind(name) for name in grid.columns}
