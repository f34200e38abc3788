"""No row from later: what a stage made as of a moment may hold nothing that happened after it."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from trueup.errors import NotProven

if TYPE_CHECKING:
    import polars as pl


class Made(msgspec.Struct, frozen=True):
    """A table of the project, and the stage that wrote it; empty: none of the pipeline."""

    stage: str
    file: str


class FromTheFuture(NotProven):
    """A stage has returned a row of later than the moment that it ran for."""


def require_past(
    made: Made, table: "pl.DataFrame", time: str, now: datetime, known: "pl.DataFrame | None" = None
) -> None:
    """Raise FromTheFuture where a row's time, or the arrival of its label, is after ``now``.

    A table without the column of times says nothing. ``known`` has the columns ``id`` and
    ``arrived``: when the label of each row was there, of rows that had one; the table's ids are
    then in its column ``id``, and ``labelled`` says which of its rows have a target.
    """
    import polars as pl

    from trueup.loop.backtest.times import in_utc

    numbered = table.with_row_index("row", offset=1)
    if time in table.columns:
        timed = numbered.drop_nulls(time)
        late = timed.with_columns(in_utc(timed[time], made.file).alias("at"))
        _refuse(made, late.filter(pl.col("at") > now), "at", f"its {time} is", now)
    if known is not None and {"id", "labelled"} <= set(table.columns):
        there = numbered.filter(pl.col("labelled")).select("row", "id")
        came = there.join(known, on="id", how="inner").sort("row")
        late = came.filter(pl.col("arrived") > now)
        _refuse(made, late, "arrived", "its label arrived", now)


def _refuse(made: Made, late: "pl.DataFrame", column: str, says: str, now: datetime) -> None:
    if not late.height:
        return
    row, at = late["row"][0], late[column][0]
    more = f" (and {late.height - 1} more such rows)" if late.height > 1 else ""
    whose = f"the stage {made.stage!r} returned" if made.stage else "there is"
    raise FromTheFuture(
        f"{whose} a row from later than {now:%Y-%m-%d %H:%M} UTC, which it ran for: row {row} of"
        f" {made.file}, {says} {at:%Y-%m-%d %H:%M:%S} UTC{more}",
        remedy="Let the stage keep only what was known at the moment that its parameter names; or"
        " name, under seen: of the model, the tables that it is trained on",
        place=made.file,
    )
