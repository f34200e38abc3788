"""The guard's edge: reads what was captured and labelled up to a moment, and what was watched."""

from datetime import datetime
from typing import TYPE_CHECKING

from trueup.captures import reading
from trueup.captures.finding import Span
from trueup.captures.frames import OUTPUT
from trueup.loop.guard.records import Before
from trueup.loop.guard.rows import BrokenWindow, Rows, class_names
from trueup.monitoring.watching.history import History
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

_FACTS = ("id", "at", "role", "prediction", "score", "label", "labelled_at", "source", "propensity")


def captured_at(
    bucket: Bucket, model: str, span: Span, now: datetime, positive: str = "1"
) -> "pl.DataFrame":
    """Return what guard.rows.Rows wants of captures, as they were known at ``now``.

    Labels said later do not exist, and predictions made later do not. Shadows are left out: the
    champion has answered the same ids. ``positive`` names the class that a score is of.
    """
    until = min(span.until, now) if span.until else now
    span = Span(since=span.since, until=until, version=span.version)
    frame = reading.captures(bucket, model, span, labels=False)
    import polars as pl  # reading has said what to do where it is missing

    last = labels_at(bucket, model, span, now)
    frame = frame.filter(pl.col("role") != "shadow").unique("id", keep="last", maintain_order=True)
    joined = frame.join(last, on="id", how="left", maintain_order="left")
    names = joined.collect_schema().names()
    plain = {OUTPUT + "prediction": "prediction"}
    scores = (OUTPUT + "score", f"{OUTPUT}score_{positive}")
    plain |= {name: "score" for name in scores[::-1] if name in names}
    wanted = [name for name in names if name in _FACTS or name in plain]
    found = joined.select(wanted).rename({one: plain[one] for one in wanted if one in plain})
    return found.collect(engine="streaming")


def labels_at(bucket: Bucket, model: str, span: Span, now: datetime) -> "pl.LazyFrame":
    """Return the last word on each id at a moment: ``id``, ``label``, ``labelled_at``, ``source``.

    What was corrected later counts as it was said then.
    """
    words = reading.all_words(bucket, model, span)
    import polars as pl  # reading has said what to do where it is missing

    return (
        words.filter(pl.col("at") <= now)
        .sort("at", "word")
        .group_by("id")
        .agg(pl.col("label", "at", "source").last())
        .rename({"at": "labelled_at"})
    )


def broken_windows(history: History, version: int, span: Span) -> tuple[BrokenWindow, ...] | None:
    """Return what is broken of the windows in a span; None where none of them was checked."""
    checks = [
        one
        for one in history.checks(version)
        if (span.since is None or one.window.end > span.since)
        and (span.until is None or one.window.begin < span.until)
    ]
    if not checks:
        return None
    return tuple(BrokenWindow(one.window.name, one.broken) for one in checks if one.broken)


def before_of(rows: Rows) -> Before:
    """Return what a training learnt from, for the guard of the next one to compare with."""
    there = rows.target in rows.table.columns
    labelled = rows.table.height - rows.table[rows.target].null_count() if there else 0
    is_classes = there and rows.task in ("binary", "multiclass")
    columns = [name for name in rows.table.columns if name != rows.id]
    repeated = None
    if columns and rows.table.height:
        repeated = 1 - rows.table.select(columns).n_unique() / rows.table.height
    classes = class_names(rows.table, rows.target) if is_classes else {}
    return Before(labelled, classes, repeated)
