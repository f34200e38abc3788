"""What the guard reads of captures is what was known at the moment that is decided for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from tests.captures.rows import MODEL, NOON, bring, captured, labelled
from trueup.captures.finding import Span
from trueup.captures.records import Captured
from trueup.loop.guard.guarding import guard
from trueup.loop.guard.reading import before_of, broken_windows, captured_at
from trueup.loop.guard.rows import Known, Rows
from trueup.monitoring.watching.events import BrokenPart, Checked
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.windows import Window
from trueup.store.memory import MemoryBucket

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_labels_and_corrections_of_later_do_not_exist_yet(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    said = [
        labelled(["a", "b"], 0, after_s=60),
        labelled(["a"], 1, after_s=7200),
        labelled(["c"], 1, after_s=7200),
    ]
    bring([captured(["a", "b", "c"]), captured(["d"], at=NOON + DAY), *said], bucket, tmp_path)
    early = captured_at(bucket, MODEL, Span(), NOON + HOUR).sort("id")
    assert early["id"].to_list() == ["a", "b", "c"]
    assert early["label"].to_list() == [0, 0, None]
    late = captured_at(bucket, MODEL, Span(), NOON + 2 * DAY).sort("id")
    assert late["label"].to_list() == [1, 0, 1, None]
    assert {"prediction", "score", "source", "labelled_at", "role"} <= set(late.columns)


def test_shadows_do_not_count_as_what_was_answered(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    both = [captured(["a"]), captured(["a"], version=2, role="shadow")]
    bring([*both, labelled(["a"], 1)], bucket, tmp_path)
    found = captured_at(bucket, MODEL, Span(), NOON + DAY)
    assert found["role"].to_list() == ["champion"]


def test_the_score_of_the_class_that_is_meant_is_found(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    outputs = {"prediction": ["on time"], "score_late": [0.25], "score_on time": [0.75]}
    bring([Captured(MODEL, 1, "d" * 64, NOON, ["a"], {"km": [1]}, outputs)], bucket, tmp_path)
    bring([labelled(["a"], "late")], bucket, tmp_path / "labels")
    found = captured_at(bucket, MODEL, Span(), NOON + DAY, positive="late")
    assert found["score"].to_list() == [0.25]


def test_what_was_read_is_what_the_guard_takes(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    names = [f"r{k}" for k in range(400)]
    bring([captured(names), labelled(names, 1)], bucket, tmp_path)
    table = pl.DataFrame({"id": names, "delay": range(400), "late": [1] * 300 + [0] * 100})
    rows = Rows(
        table=table,
        target="late",
        task="binary",
        now=NOON + 30 * DAY,
        id="id",
        captured=captured_at(bucket, MODEL, Span(), NOON + 30 * DAY),
    )
    assert guard(rows, Known()).go
    echo = replace(rows, table=table.with_columns(late=1))
    found = guard(echo, Known(before=before_of(rows)))
    assert {one.check for one in found.stopping} == {"own_predictions", "classes"}


def test_broken_windows_are_those_that_overlap_what_is_trained_on() -> None:
    def check(day: int, *parts: BrokenPart) -> Checked:
        begin = datetime(2013, 9, day, tzinfo=UTC)
        window = Window(begin, begin + DAY)
        return Checked(
            at=NOON, by="ada", window=window, version=3, reference=1, rows=9, segments="",
            broken=parts,
        )  # fmt: skip

    part = BrokenPart("unit", "temp", "another unit", "very likely", 9, "prepare: data/x")
    history = History((check(1, part), check(2), check(3, part)))
    until = Span(until=datetime(2013, 9, 3, tzinfo=UTC))
    found = broken_windows(history, 3, until)
    assert found is not None
    assert [one.window for one in found] == ["2013-09-01"]
    assert broken_windows(history, 2, until) is None
    assert broken_windows(history, 3, Span(since=datetime(2014, 1, 1, tzinfo=UTC))) is None


def test_what_a_training_learnt_from_is_kept_for_the_next() -> None:
    table = pl.DataFrame({"id": ["a", "b", "c"], "km": [1, 1, 2], "late": [True, True, None]})
    rows = Rows(table=table, target="late", task="binary", now=NOON, id="id")
    found = before_of(rows)
    assert (found.rows, found.classes) == (2, {"1": 2})
    assert found.repeated == 1 - 2 / 3
