"""The history that a backtest replays: rows in the order of time, and when each label was there."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.captures.finding import Span
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.evaluating import Evaluation, evaluation
from trueup.delivery.tables import column, read_table
from trueup.errors import WrongUsage
from trueup.loop.backtest.times import in_utc
from trueup.loop.observations import Labels
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

TABLE = "history.parquet"
ARRIVALS = "arrivals.parquet"  # of all rows, also those before the first that are replayed
ARRIVED = "trueup.arrived"  # when a row's label was there; null: never


class Wish(msgspec.Struct, frozen=True):
    """Which rows, and when their labels came."""

    model: str  # project/model
    environment: str
    rows: str = ""  # a table; empty: what was captured
    label_at: str = ""  # its column
    delay_s: float | None = None  # after a row's time, where no column says


def declared(entry: ModelEntry, name: str, place: str) -> EvaluateEntry:
    """Return what names the columns; WrongUsage where a backtest would lack one."""
    evaluate = entry.evaluate
    lacking = [key for key in ("id", "time", "target", "data") if not getattr(evaluate, key, "")]
    if not entry.path:
        lacking.append("path")
    if evaluate is None or lacking:
        raise WrongUsage(
            f"a backtest of {name} needs to know its {', '.join(lacking)}",
            remedy="Write path: FILE and evaluate: {data: TABLE, target: COLUMN, id: COLUMN,"
            " time: COLUMN} under the model",
            place=place,
        )
    return evaluate


def history(workspace: Workspace, entry: ModelEntry, wish: Wish) -> "pl.DataFrame":
    """Return all rows by time and id: ids as text, times in UTC, and when each label arrived.

    Of an id that stands there twice the later row counts. Without a column that says when labels
    arrived, they did ``delay_s`` after the row, by default when they are held to be mature.
    """
    import polars as pl

    evaluate = declared(entry, wish.model, workspace.project.file)
    frame = _given(workspace, wish) if wish.rows else _captured(workspace, wish, evaluate)
    place = wish.rows or "the captures"
    for name in (evaluate.id, evaluate.time, evaluate.target):
        column(frame, name, "evaluate:", place)
    times = in_utc(frame[evaluate.time], place)
    came = _arrived(frame, times, entry, wish, place)
    frame = frame.with_columns(
        pl.col(evaluate.id).cast(pl.String),
        times.alias(evaluate.time),
        pl.when(pl.col(evaluate.target).is_not_null()).then(came).alias(ARRIVED),
    )
    ordered = frame.sort(evaluate.time, evaluate.id, maintain_order=True)
    return ordered.unique(evaluate.id, keep="last", maintain_order=True)


def labels_by(frame: "pl.DataFrame", evaluate: EvaluateEntry, now: datetime) -> Labels | None:
    """Return how many labels had arrived at a moment; None where none had."""
    import polars as pl

    known = frame.filter(pl.col(ARRIVED) <= now)
    if not known.height:
        return None
    return Labels(known.height, known[evaluate.time].max())  # type: ignore[arg-type] # a moment


def judged_rows(folder: Path, entry: ModelEntry) -> Evaluation:
    """Return the kept history as rows that a model can be measured on."""
    assert entry.evaluate is not None  # noqa: S101 - declared has looked
    evaluate = msgspec.structs.replace(entry.evaluate, data=TABLE, predictions="", slices=())
    return evaluation(folder, msgspec.structs.replace(entry, evaluate=evaluate), lambda path: path)


def _given(workspace: Workspace, wish: Wish) -> "pl.DataFrame":
    return read_table(workspace.start / wish.rows, wish.rows)


def _captured(workspace: Workspace, wish: Wish, evaluate: EvaluateEntry) -> "pl.DataFrame":
    """Return what was captured, under the names of the evaluation's columns, with its labels."""
    import polars as pl

    from trueup.captures import reading

    span = Span(environment=wish.environment)
    found = reading.captures(workspace.bucket, wish.model, span).collect()
    if not found.height:
        raise WrongUsage(
            f"nothing was captured of {wish.model} in {wish.environment}",
            remedy="Give a table of the past: --rows TABLE, with the model's columns,"
            f" {evaluate.id}, {evaluate.time} and {evaluate.target}",
        )
    inputs = [one for one in found.columns if one.startswith("input.")]
    if "label" not in found.columns:
        found = found.with_columns(pl.lit(None).alias("label"))
    if "labelled_at" not in found.columns:
        found = found.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("labelled_at"))
    named = {"id": evaluate.id, "at": evaluate.time, "label": evaluate.target}
    kept = [one for one in inputs if one.removeprefix("input.") not in named.values()]
    return found.select(
        *(pl.col(old).alias(new) for old, new in named.items()),
        pl.col("labelled_at").alias(ARRIVED),
        *(pl.col(one).alias(one.removeprefix("input.")) for one in kept),
    )


def _arrived(
    frame: "pl.DataFrame", times: "pl.Series", entry: ModelEntry, wish: Wish, place: str
) -> "pl.Series":
    name = wish.label_at or (ARRIVED if ARRIVED in frame.columns else "")
    if name:
        came = column(frame, name, "--label-at", place)
        there = came.is_not_null()
        read = in_utc(came.filter(there), place)
        import polars as pl

        kept = pl.DataFrame({"there": there}).with_row_index("row")
        known = kept.filter("there").with_columns(read.alias("came")).select("row", "came")
        return kept.join(known, on="row", how="left", maintain_order="left")["came"]
    delay_s = delay_of(entry, wish)
    return times + timedelta(seconds=delay_s)


def delay_of(entry: ModelEntry, wish: Wish) -> float:
    """Return how long after a row its label arrives, where no column says."""
    if wish.delay_s is not None:
        return wish.delay_s
    usual = entry.monitor.performance.labels.mature_after if entry.monitor else None
    return usual or 0.0
