"""Eight weeks of real flights as rows to learn from, with what a real model said of each."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl

from tests.monitoring.broken.tables import flights
from trueup.config.model_entries import LabelsEntry
from trueup.loop.guard.records import Before
from trueup.loop.guard.rows import Known, Rows
from trueup.models.signature import Signature, infer
from trueup.models.tables import as_table
from trueup.monitoring.broken.records import Pipe

FIRST, NOW = datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 5, 27, tzinfo=UTC)
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["sched_dep_time", "distance", "temp", "dewp", "humid", "wind_speed", "visib"]
FEATURES = [*CATEGORIES, *NUMBERS]
THRESHOLD = 0.25
DAY = timedelta(days=1)


@cache
def known_flights() -> pl.DataFrame:
    """Return flights from April on, with the score that a model of the first months gave each.

    The model: the share of late flights by hour and carrier, drawn towards that of the hour.
    """
    rows = flights().with_columns(late=pl.col("arr_delay") > 15)
    before = rows.filter(pl.col("at") < datetime(2013, 3, 15, tzinfo=UTC)).drop_nulls("late")
    hours = before.group_by("hour").agg(usual=pl.col("late").mean())
    both = before.group_by("hour", "carrier").agg(late=pl.col("late").sum(), rows=pl.len())
    score = (pl.col("late") + 50 * pl.col("usual")) / (pl.col("rows") + 50)
    model = both.join(hours, on="hour").select("hour", "carrier", score=score)
    asked = rows.filter(pl.col("at") >= FIRST)
    told = asked.join(model, on=["hour", "carrier"], how="left", maintain_order="left")
    return told.with_columns(pl.col("score").fill_null(0.2))


@cache
def captured(first: datetime = FIRST, now: datetime = NOW) -> pl.DataFrame:
    """Return what was captured by now: each flight was predicted three hours ahead."""
    asked = known_flights().filter(pl.col("at") >= first)
    landed = pl.col("at") + pl.duration(minutes=pl.col("air_time").fill_null(0) + 90)
    frame = asked.select(
        "id",
        at=pl.col("at") - timedelta(hours=3),
        role=pl.lit("champion"),
        prediction=(pl.col("score") >= THRESHOLD).cast(pl.Int64),
        score="score",
        label=pl.col("late").cast(pl.Int64),
        labelled_at=pl.when(pl.col("late").is_not_null()).then(landed),
        source=pl.when(pl.col("late").is_not_null()).then(pl.lit("tower")),
    ).filter(pl.col("at") < now)
    there = pl.col("labelled_at") <= now
    return frame.with_columns(
        pl.when(there).then(name).alias(name) for name in ("label", "labelled_at", "source")
    )


@cache
def usual() -> pl.DataFrame:
    """Return the rows to learn from of all that was captured."""
    return table(captured())


def table(frame: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the rows to learn from: features of each capture that has a label."""
    if frame is None:
        return usual()
    labels = frame.select("id", predicted_at="at", late=pl.col("label").cast(pl.Boolean))
    features = known_flights().select("id", *FEATURES)
    return labels.drop_nulls("late").join(features, on="id", how="left", maintain_order="left")


def rows(frame: pl.DataFrame | None = None, **changed: Any) -> Rows:
    """Return rows; what is learnt from follows from what was captured, unless it is given."""
    frame = captured() if frame is None else frame
    whole = Rows(
        table=usual() if frame is captured() else table(frame),
        target="late",
        task="binary",
        now=NOW,
        id="id",
        time="predicted_at",
        group="carrier",
        captured=frame,
    )
    return replace(whole, **changed)


@cache
def signature() -> Signature:
    """Return the signature of the version that is live."""
    return infer(as_table(table().select(FEATURES)))


def known(**changed: Any) -> Known:
    """Return what is known: everything there is to be known, and nothing of it bad."""
    pipes: Mapping[str, Pipe] = {
        name: Pipe("prepare", "data/train.parquet") for name in (*FEATURES, "late", "id")
    }
    counts = {"0": 34_000, "1": 10_000}
    whole = Known(
        signature=signature(),
        windows=(),
        pipes=pipes,
        labels=LabelsEntry(mature_after=2 * 86_400.0),
        own=("flights/flight-late", "flights/flight-late/3"),
        usual_error=0.25,
        before=Before(44_000, counts, 0.0),
    )
    return replace(whole, **changed)
