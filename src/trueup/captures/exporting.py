"""Write joined rows to a file for training, and remember which file that was."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.captures import erasures, reading
from trueup.captures.erasures import Exported, Order
from trueup.captures.finding import EVERYTHING, Span
from trueup.captures.frames import INPUT
from trueup.errors import WrongUsage
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

FORMATS = (".parquet", ".csv", ".arrow")


class Wish(msgspec.Struct, frozen=True):
    """What a table for training is to be."""

    span: Span = EVERYTHING
    target: str = "label"  # what the label is called there
    only_labelled: bool = True
    shadows: bool = False  # also what was only compared: those ids have a champion's row too


def table(bucket: Bucket, model: str, wish: Wish) -> "pl.LazyFrame":
    """Return rows as a model is trained on them: inputs under their own names, and the target.

    ``id`` and ``at`` stay, so that ``evaluate.id`` and ``evaluate.time`` can name them.
    """
    frame = reading.captures(bucket, model, wish.span)
    import polars as pl  # reading has said what to do where it is missing

    if wish.only_labelled:
        frame = frame.filter(pl.col("label").is_not_null())
    if not wish.shadows:
        frame = frame.filter(pl.col("role") != "shadow")
    names = frame.collect_schema().names()
    inputs = [name for name in names if name.startswith(INPUT)]
    plain = {name: name.removeprefix(INPUT) for name in inputs}
    taken = {"id", "at", wish.target} & set(plain.values())
    plain |= {INPUT + name: INPUT + name for name in taken}  # keeps its longer name
    columns = [pl.col("id", "at"), *(pl.col(name).alias(plain[name]) for name in inputs)]
    return frame.select(*columns, pl.col("label").alias(wish.target))


def export(bucket: Bucket, model: str, out: Path, wish: Wish, order: Order) -> Exported:
    """Write such a table as parquet, CSV or Arrow, and record it, so that erasing finds it."""
    if out.suffix not in FORMATS:
        raise WrongUsage(
            f"{out.name} is of no format that captures are exported to",
            remedy=f"Name a file that ends with {', '.join(FORMATS)}",
        )
    frame = table(bucket, model, wish)
    log = erasures.log_of(bucket, model)
    out = out.resolve()
    event = Exported(
        at=order.at,
        by=order.by,
        place=str(out),
        since=wish.span.since,
        until=wish.span.until,
        as_of=wish.span.as_of,
    )
    log.add(erasures.encode_event(event))  # first: no export is ever unknown to the log
    rows = write(frame, out)
    return msgspec.structs.replace(event, rows=rows)


def write(frame: "pl.LazyFrame", out: Path) -> int:
    """Write a table in the format of the file's name, whole or not at all; return its rows."""
    import polars as pl

    scratch = out.with_name(f".{out.name}.partial")
    try:
        if out.suffix == ".parquet":
            frame.sink_parquet(scratch)
            rows = pl.scan_parquet(scratch)
        elif out.suffix == ".csv":
            frame.sink_csv(scratch)
            rows = pl.scan_csv(scratch)
        else:
            frame.sink_ipc(scratch)
            rows = pl.scan_ipc(scratch)
        count = int(rows.select(pl.len()).collect().item())
        scratch.replace(out)
    finally:
        scratch.unlink(missing_ok=True)
    return count


def scan(place: Path) -> "pl.LazyFrame":
    """Read such a file lazily."""
    import polars as pl

    if place.suffix == ".parquet":
        return pl.scan_parquet(place)
    if place.suffix == ".csv":
        return pl.scan_csv(place, schema_overrides={"id": pl.String})
    return pl.scan_ipc(place)
