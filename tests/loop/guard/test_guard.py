"""Each way in which data misleads a retrain is found on real flights; sound flights pass."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.loop.guard.tables import FIRST, NOW, captured, known, rows, table
from tests.monitoring.broken.tables import checked, days
from trueup.config.model_entries import LabelsEntry
from trueup.loop.guard.guarding import guard
from trueup.loop.guard.records import Before, Guarded, Limits, decode_guarded, encode_guarded
from trueup.loop.guard.report import guard_report, told
from trueup.loop.guard.rows import BrokenWindow, Known
from trueup.monitoring.skew import skew
from trueup.monitoring.watching.judging import broken_parts
from trueup.reporting.terminal import render_text

ROW = pl.int_range(pl.len())
DAY = timedelta(days=1)


def stopped(found: Guarded) -> list[tuple[str, str]]:
    return [(one.check, one.column) for one in found.stopping]


def test_sound_flights_may_be_learnt_from() -> None:
    found = guard(rows(), known())
    assert found.findings == ()
    assert found.go
    assert found.not_checked == (
        "skew: what was served has not been compared with what the pipeline computes",
    )
    assert found.rows > 40_000


@pytest.mark.parametrize("week", range(8, 39, 5))
def test_no_eight_weeks_of_the_year_are_refused(week: int) -> None:
    now = FIRST + week * 7 * DAY
    frame = captured(now - 56 * DAY, now)
    found = guard(rows(frame, now=now), known(signature=None, before=None))
    assert found.findings == ()


def test_equal_rows_give_an_equal_verdict_that_is_read_as_it_was_written() -> None:
    one, two = (guard(rows(), known(before=Before(1_000_000))) for _ in range(2))
    assert one == two
    assert decode_guarded(encode_guarded(one)) == one
    assert not one.go


def test_the_order_in_which_captures_are_read_changes_nothing() -> None:
    wanted = known(before=None)
    frame = chosen().with_columns(
        source=pl.when(ROW % 9 == 0).then(pl.lit("b")).otherwise("source")
    )
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=3)
    one, two = (guard(rows(each, table=table(frame)), wanted) for each in (frame, mixed))
    assert one == two
    assert one.findings


TABLES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a column is numbers as text": (
        {"distance": pl.col("distance").cast(pl.String)}, "schema", "distance", "text, not",
    ),
    "a column of codes": (
        {"carrier": pl.col("carrier").rank("dense")}, "schema", "carrier", "not text",
    ),
    "rows of tomorrow": (
        {"predicted_at": pl.when(ROW < 9).then(NOW + DAY).otherwise("predicted_at")},
        "as_of", "predicted_at", "9 rows are of a time after 2013-05-27",
    ),
    "an id twice": (
        {"id": pl.when(ROW == 3).then(pl.col("id").first()).otherwise("id")},
        "duplicate_ids", "id", "1 of",
    ),
    "one class alone": (
        {"late": pl.lit(value=True)}, "classes", "late", "0 rows are of the class '0'",
    ),
    "hardly any of a class": (
        {"late": pl.col("late") & (ROW % 1_000 == 0)}, "classes", "late", "of the class '1'",
    ),
    "a class that nobody knows": (
        {"late": pl.when(ROW % 50 == 0).then(pl.lit("maybe")).otherwise(
            pl.col("late").cast(pl.Int64).cast(pl.String))},
        "classes", "late", "the last training lacked",
    ),
    "two carriers": (
        {"carrier": pl.when(ROW % 2 == 0).then(pl.lit("UA")).otherwise(pl.lit("B6"))},
        "groups", "carrier", "2 groups",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_is_not_as_it_should_be_stops_and_is_named(case: str) -> None:
    changed, check, column, says = TABLES[case]
    found = guard(rows(table=table().with_columns(**changed)), known())
    assert (check, column) in stopped(found)
    one = next(each for each in found.stopping if (each.check, each.column) == (check, column))
    assert says in one.says
    assert one.remedy
    assert {each.check for each in found.stopping} <= {check, "classes"}


def test_rows_of_later_that_wait_for_their_truth_are_no_future() -> None:
    waiting = (
        table()
        .tail(50)
        .with_columns(
            id=pl.col("id") + "-next", predicted_at=pl.col("predicted_at") + 9 * DAY, late=None
        )
    )
    assert guard(rows(table=pl.concat([table(), waiting])), known()).go


def test_captures_without_a_prediction_are_looked_at_as_far_as_they_go() -> None:
    assert guard(rows(captured().drop("prediction")), known()).go


def test_a_missing_column_is_named_with_the_stage_that_makes_it() -> None:
    found = guard(rows(table=table().drop("temp")), known())
    assert stopped(found) == [("schema", "temp")]
    assert found.stopping[0].mend == "prepare: data/train.parquet"
    assert "Mend prepare" in found.stopping[0].remedy


def test_a_file_that_was_read_twice_is_found_without_ids_too() -> None:
    every = table()
    doubled = pl.concat([every, every.tail(2_000).with_columns(id=pl.col("id") + "-again")])
    found = guard(rows(table=doubled), known())
    assert stopped(found) == [("duplicate_rows", "")]
    assert found.stopping[0].rows >= 2_000


def test_rows_that_are_alike_by_nature_are_told_and_stop_nothing() -> None:
    plain = table().drop("predicted_at")
    doubled = pl.concat([plain, plain.tail(2_000)]).drop("id")
    found = guard(rows(table=doubled, id="", time="", captured=None), known(before=None))
    assert [(one.check, one.stops) for one in found.findings] == [("duplicate_rows", False)]


def test_a_column_that_monitoring_has_found_broken_stops_and_is_told_with_its_pipe() -> None:
    day, span = days(FIRST.replace(month=9))
    broken = checked(day.with_columns(temp=(pl.col("temp") - 32) / 1.8 + 273.15), span)
    windows = (BrokenWindow("2013-09-01", broken_parts(broken)),)
    found = guard(rows(), known(windows=windows))
    assert stopped(found) == [("broken_data", "temp")]
    (event, *_) = told(found)
    assert (event.column, event.mend, event.stops) == ("temp", "prepare: data/train.parquet", True)
    assert "Fahrenheit to kelvin, in 2013-09-01" in event.says
    shown = render_text(guard_report(found))
    assert "temp" in shown
    assert "prepare: data/train.parquet" in shown


def test_what_is_served_otherwise_than_computed_stops() -> None:
    computed = table().select("id", "temp", "distance")
    served = computed.with_columns(distance=pl.col("distance") * 1.609344)
    found = guard(rows(), known(skew=skew(served, computed)))
    assert stopped(found) == [("skew", "distance")]


def test_what_somebody_has_accepted_is_shown_and_stops_nothing() -> None:
    found = guard(rows(table=table().drop("temp")), known(accepted=frozenset({"schema:temp"})))
    assert found.go
    assert [one.accepted for one in found.findings] == [True]
    assert "Accepted: temp" in render_text(guard_report(found))


def test_labels_that_come_late_keep_young_rows_out() -> None:
    slow = np.random.default_rng(7).exponential(10 * 86_400e6, captured().height)
    later = pl.Series(slow.astype(np.int64)).cast(pl.Duration("us"))
    frame = captured().with_columns(labelled_at=pl.col("labelled_at") + later)
    here = pl.col("labelled_at") <= NOW
    frame = frame.with_columns(
        pl.when(here).then(name).alias(name) for name in ("label", "labelled_at", "source")
    )
    wanted = known(labels=LabelsEntry(mature_after=45 * 86_400.0), before=None)
    found = guard(rows(frame), wanted)
    assert stopped(found) == [("maturity", "late")]
    assert "at least 45 d" in found.stopping[0].remedy
    old = table(frame).filter(pl.col("predicted_at") < NOW - 45 * DAY)
    assert guard(rows(frame, table=old), wanted).go


def test_labels_from_after_the_moment_that_is_decided_for_stop() -> None:
    late = pl.when(ROW < 5).then(NOW + DAY).otherwise("labelled_at")
    found = guard(rows(captured().with_columns(labelled_at=late)), known())
    assert stopped(found) == [("as_of", "late")]


def test_labels_that_no_longer_come_stop() -> None:
    gone = (pl.col("at") > NOW - 9 * DAY) & (ROW % 3 != 0)
    frame = captured().with_columns(
        pl.when(gone).then(None).otherwise(name).alias(name)
        for name in ("label", "labelled_at", "source")
    )
    found = guard(rows(frame), known())
    assert stopped(found) == [("label_gap", "late")]
    assert "before," in found.stopping[0].says


def chosen() -> pl.DataFrame:
    """Return captures of which labels come where lateness was predicted, and hardly elsewhere."""
    hidden = (pl.col("score") < 0.15) & (ROW % 10 != 0)
    return captured().with_columns(
        pl.when(hidden).then(None).otherwise(name).alias(name)
        for name in ("label", "labelled_at", "source")
    )


def test_labels_that_follow_the_score_stop_until_that_is_declared() -> None:
    wanted = known(before=None)
    found = guard(rows(chosen()), wanted)
    assert stopped(found) == [("selection", "late")]
    declared = LabelsEntry(mature_after=2 * 86_400.0, observed_if={"score": {"at_least": 0.15}})
    found = guard(rows(chosen()), known(before=None, labels=declared))
    assert found.go
    assert [one.check for one in found.findings] == ["selection"]


def test_predictions_that_come_back_as_truth_are_found() -> None:
    frame = captured().with_columns(label=pl.when(pl.col("label").is_not_null()).then("prediction"))
    found = guard(rows(frame), known())
    assert ("own_predictions", "late") in stopped(found)
    assert "where about 7" in found.stopping[0].says or "where about 8" in found.stopping[0].says


def test_a_source_that_only_repeats_the_model_is_named() -> None:
    its = pl.col("label").is_not_null() & (ROW % 8 == 0)
    frame = captured().with_columns(
        label=pl.when(its).then("prediction").otherwise("label"),
        source=pl.when(its).then(pl.lit("backfill")).otherwise("source"),
    )
    found = guard(rows(frame), known())
    assert found.stopping[0].check == "own_predictions"
    assert found.stopping[0].source == "backfill"
    assert found.stopping[0].mend == "prepare: data/train.parquet"


def test_numbers_that_are_the_prediction_to_the_last_digit_are_found() -> None:
    frame = captured().with_columns(
        prediction=pl.col("score") * 60, score=None, label=pl.col("label") * 30.0
    )
    numbers = table(frame).with_columns(late=pl.col("late").cast(pl.Float64))
    wanted = known(before=None)
    assert guard(rows(frame, table=numbers, task="regression"), wanted).go
    echoed = numbers.join(frame.select("id", "prediction"), on="id", maintain_order="left")
    echoed = echoed.with_columns(
        late=pl.when(ROW % 20 == 0).then("prediction").otherwise("late")
    ).drop("prediction")
    found = guard(rows(frame, table=echoed, task="regression"), wanted)
    assert stopped(found) == [("own_predictions", "late")]


def test_a_label_said_before_anybody_could_know_it_stops() -> None:
    soon = (
        pl.when(ROW % 100 == 0).then(pl.col("at") - timedelta(minutes=5)).otherwise("labelled_at")
    )
    frame = captured().with_columns(labelled_at=pl.when(pl.col("label").is_not_null()).then(soon))
    found = guard(rows(frame), known())
    assert stopped(found) == [("early_labels", "late")]
    assert found.stopping[0].source == "tower"
    three_hours = guard(rows(), known(known_after_s=3 * 3600.0))
    assert three_hours.go
    assert not guard(rows(), known(known_after_s=6 * 3600.0)).go


def test_labels_that_the_model_itself_has_said_stop() -> None:
    said = pl.when(ROW < 700).then(pl.lit("Flights/flight-late/3")).otherwise("source")
    found = guard(rows(captured().with_columns(source=said)), known())
    assert stopped(found) == [("own_source", "late")]


def test_what_is_done_upon_a_decision_shows_where_it_changes() -> None:
    calmed = (pl.col("prediction") == 1) & (ROW % 10 < 8)
    frame = captured().with_columns(label=pl.when(calmed).then(0).otherwise("label"))
    found = guard(rows(frame), known())
    assert ("own_actions", "late") in stopped(found)
    assert "jumps by -" in next(one.says for one in found.stopping if one.check == "own_actions")


def test_declared_influence_asks_for_explored_rows_or_a_record_of_what_was_done() -> None:
    wanted = known(influences=True)
    assert stopped(guard(rows(), wanted)) == [("own_actions", "late")]
    explored = captured().with_columns(propensity=pl.when(ROW % 50 == 0).then(0.02))
    assert guard(rows(explored), wanted).go
    with_action = table().with_columns(called=ROW % 2 == 0)
    assert guard(rows(table=with_action), known(influences=True, actions=("called",))).go


def test_far_fewer_rows_than_the_last_time_stop() -> None:
    found = guard(rows(), known(before=Before(200_000, {"0": 1, "1": 1}, 0.0)))
    assert stopped(found) == [("rows", "")]
    assert "the last training had 200,000" in found.stopping[0].says


def test_what_cannot_be_looked_at_is_said() -> None:
    found = guard(rows(captured=None, id="", group=""), Known())
    assert found.go
    assert len(found.not_checked) == 12
    assert "classes" in found.checked


def test_captures_that_say_too_little_are_named() -> None:
    frame = captured().drop("score", "source")
    found = guard(rows(frame), known(own=(), before=None))
    assert found.go
    told = [one.split(":")[0] for one in found.not_checked]
    assert told == ["skew", "own source", "selection", "whether rows or classes have gone"]
    unknown = guard(rows(captured().with_columns(labelled_at=None)), known(labels=LabelsEntry()))
    assert sum("labels.mature_after" in one for one in unknown.not_checked) == 3


def test_limits_are_the_callers() -> None:
    found = guard(rows(), known(), Limits(least_groups=100))
    assert stopped(found) == [("groups", "carrier")]
