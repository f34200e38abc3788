"""Take predictions that were made elsewhere, from a table."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.captures import keeping, shipping
from trueup.captures.frames import INPUT, OUTPUT
from trueup.captures.ids import new_ids
from trueup.captures.reading import require_polars
from trueup.captures.records import Batch, Captured, Labelled, Rules
from trueup.errors import WrongUsage, did_you_mean
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

_ROWS = 65_536
_SCANS = {".parquet": "scan_parquet", ".csv": "scan_csv", ".arrow": "scan_ipc", ".ipc": "scan_ipc"}


class Layout(msgspec.Struct, frozen=True):
    """Which columns of a table are what; what is named nowhere is an input.

    A column ``input.X`` or ``output.X`` says so itself.
    """

    id: str = ""  # without one, ids are made
    at: str = ""  # without one, all were made at the given moment
    label: str = ""
    label_at: str = ""  # when it was known; without one, at the given moment
    outputs: tuple[str, ...] = ()
    only_labels: bool = False  # the table has ids and labels of predictions that are there


class Whose(msgspec.Struct, frozen=True):
    """Who predicted, and when, where no row says it itself."""

    model: str
    version: int
    digest: str
    at: datetime
    environment: str = ""  # where it was live; empty: nobody says


class Imported(msgspec.Struct, frozen=True):
    """What is captured of a table now."""

    captures: int
    labels: int
    segments: int  # written by this import: none where the table was imported before


class Kept(msgspec.Struct, frozen=True):
    """What is kept of rows, and what is kept beside their segments."""

    rules: Rules = Rules()
    beside: shipping.Beside | None = None


_AS_IT_IS = Kept()


def import_table(
    bucket: Bucket,
    whose: Whose,
    table: Path,
    layout: Layout,
    kept: Kept = _AS_IT_IS,
) -> Imported:
    """Write a table's rows as captures, and its labels; the same file again writes nothing anew.

    The table is read in parts: its size does not matter.
    """
    require_polars()
    lazy = _scan(table)
    names = lazy.collect_schema().names()
    _require(names, layout, table)
    source = f"{digest_of(table)}v{whose.version}"
    captures = labels = 0

    def batches() -> Iterator[Batch]:
        nonlocal captures, labels
        for frame in _parts(lazy):
            for one in _batches(frame, whose, layout, kept.rules):
                captures += one.rows if isinstance(one, Captured) else 0
                labels += one.rows if isinstance(one, Labelled) else 0
                yield one

    written = shipping.write(bucket, batches(), source, kept.beside)
    return Imported(captures, labels, len(written))


def digest_of(table: Path) -> str:
    """Return what tells a file's content from others, as the name of a source."""
    from blake3 import blake3

    with table.open("rb") as content:
        made = blake3()
        while chunk := content.read(1 << 20):
            made.update(chunk)
    return made.hexdigest()[:24]


def _scan(table: Path) -> "pl.LazyFrame":
    import polars as pl

    if table.suffix not in _SCANS:
        raise WrongUsage(
            f"{table.name} is of no format that can be imported",
            remedy=f"Name a file that ends with {', '.join(_SCANS)}",
        )
    if not table.is_file():
        raise WrongUsage(f"there is no file {table}", remedy="Name the table to import")
    found: pl.LazyFrame = getattr(pl, _SCANS[table.suffix])(table)
    return found


def _require(names: list[str], layout: Layout, table: Path) -> None:
    if layout.only_labels and not (layout.id and layout.label):
        raise WrongUsage("labels alone need ids", remedy="Name their columns with --id and --label")
    if layout.label_at and not layout.label:
        raise WrongUsage("there is no label", remedy="Name its column with --label")
    for name in (layout.id, layout.at, layout.label, layout.label_at, *layout.outputs):
        if name and name not in names:
            raise WrongUsage(
                f"{table.name} has no column {name!r}",
                remedy=f"{did_you_mean(name, names)}It has: {', '.join(names[:12])}",
            )


def _parts(lazy: "pl.LazyFrame") -> Iterator["pl.DataFrame"]:
    start = 0
    while (frame := lazy.slice(start, _ROWS).collect()).height:
        yield frame
        start += _ROWS


def _batches(frame: "pl.DataFrame", whose: Whose, layout: Layout, rules: Rules) -> Iterator[Batch]:
    ids = _ids(frame, layout)
    if not layout.only_labels:
        taken = {layout.id, layout.at, layout.label, layout.label_at}
        outputs = {
            one.removeprefix(OUTPUT): one
            for one in frame.columns
            if one in layout.outputs or one.startswith(OUTPUT)
        }
        inputs = {
            one.removeprefix(INPUT): one
            for one in frame.columns
            if one not in taken and one not in outputs.values()
        }
        one = Captured(
            model=whose.model,
            version=whose.version,
            digest=whose.digest,
            role="elsewhere",
            environment=whose.environment,
            at=_times(frame[layout.at]) if layout.at else whose.at,
            ids=ids,
            inputs={name: frame[column].to_list() for name, column in inputs.items()},
            outputs={name: frame[column].to_list() for name, column in outputs.items()},
        )
        kept = keeping.sampled(one, rules.sample)
        if kept is not None:
            yield keeping.redacted(kept, rules)
    if layout.label:
        said = frame[layout.label].is_not_null().arg_true().to_list()
        if said:
            known = frame[said]
            at = _times(known[layout.label_at]) if layout.label_at else whose.at
            values = known[layout.label].to_list()
            yield Labelled(whose.model, [ids[k] for k in said], values, at, "import")


def _ids(frame: "pl.DataFrame", layout: Layout) -> list[str]:
    if not layout.id:
        return list(new_ids(frame.height))
    column = frame[layout.id]
    if column.null_count():
        raise WrongUsage(
            f"{column.null_count()} rows have no {layout.id!r}", remedy="Give every row an id"
        )
    return [str(one) for one in column.to_list()]


def _times(column: "pl.Series") -> list[datetime]:
    try:
        return [_aware(one) for one in column.to_list()]
    except (TypeError, ValueError) as error:
        raise WrongUsage(
            f"not every value of {column.name!r} is a time: {error}",
            remedy="Give times as ISO 8601 has them; without a zone they are in UTC",
        ) from error


def _aware(value: object) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
