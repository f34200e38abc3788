"""Captures read back as a table: by version and time, with the labels that came."""

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from tests.captures.rows import MODEL, NOON, bring, captured, labelled
from trueup.captures import reading
from trueup.captures.finding import Span
from trueup.captures.records import Batch, Captured
from trueup.store.memory import MemoryBucket


def test_what_was_served_reads_back_with_its_labels(bucket: MemoryBucket, tmp_path: Path) -> None:
    bring([captured(["a", "b", "c"]), labelled(["c", "a"], 1)], bucket, tmp_path)
    found = reading.captures(bucket, MODEL).collect()
    assert found["id"].to_list() == ["a", "b", "c"]
    assert found["at"].to_list() == [NOON] * 3
    assert found["input.carrier"].to_list() == ["UA", "DL", None]
    assert found["input.delay"].to_list() == [0.0, 1.0, 2.0]
    assert found["output.score"].to_list() == [0.5] * 3
    assert found["label"].to_list() == [1, None, 1]
    assert "refused" not in found.columns


def test_the_last_word_on_an_id_wins_and_earlier_ones_are_kept(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    first: list[Batch] = [captured(["a", "b"]), labelled(["a", "b"], 0, after_s=60)]
    bring(first, bucket, tmp_path / "1")
    bring(
        [labelled(["a"], 1, after_s=3600), labelled(["a"], 5, after_s=30)], bucket, tmp_path / "2"
    )
    found = reading.captures(bucket, MODEL).collect()
    assert dict(zip(found["id"], found["label"], strict=True)) == {"a": 1, "b": 0}
    assert dict(zip(found["id"], found["words"], strict=True)) == {"a": 3, "b": 1}
    assert reading.all_words(bucket, MODEL).collect().height == 4


def test_labels_may_come_before_their_captures_reach_the_bucket(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    bring([labelled(["a"], 1)], bucket, tmp_path / "1")
    bring([captured(["a"])], bucket, tmp_path / "2")
    assert reading.captures(bucket, MODEL).collect()["label"].to_list() == [1]


def test_versions_and_times_choose_rows_and_segments(bucket: MemoryBucket, tmp_path: Path) -> None:
    days = [NOON + timedelta(days=k) for k in range(4)]
    batches = [
        captured([f"{version}-{k}"], version=version, at=at)
        for k, at in enumerate(days)
        for version in (1, 2)
    ]
    bring(batches, bucket, tmp_path)
    assert reading.captures(bucket, MODEL).collect().height == 8
    span = Span(since=days[1], until=days[3], version=2)
    assert reading.captures(bucket, MODEL, span).collect()["id"].to_list() == ["2-1", "2-2"]
    assert reading.extent(bucket, MODEL, span).segments == 2
    late = Span(since=NOON - timedelta(days=400), until=days[1])
    assert sorted(reading.captures(bucket, MODEL, late).collect()["id"]) == ["1-0", "2-0"]


def test_a_segment_lies_within_one_day(bucket: MemoryBucket, tmp_path: Path) -> None:
    midnight = NOON.replace(hour=0)
    second = timedelta(seconds=1)
    bring([captured(["a"], at=midnight - second), captured(["b"], at=midnight)], bucket, tmp_path)
    assert len(list(bucket.list("captures/"))) == 2
    span = Span(since=midnight, until=midnight + second)
    assert reading.captures(bucket, MODEL, span).collect()["id"].to_list() == ["b"]


def test_versions_with_other_columns_lie_below_each_other(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    other = Captured(MODEL, 2, "e" * 64, NOON, ["z"], {"delay": [7], "wind": ["N"]}, {"score": [1]})
    bring([captured(["a"]), other], bucket, tmp_path)
    found = reading.captures(bucket, MODEL).collect().sort("id")
    assert found["input.wind"].to_list() == [None, "N"]
    assert found["input.delay"].to_list() == [0.0, 7.0]


def test_reading_is_lazy_and_takes_filters_with_it(bucket: MemoryBucket, tmp_path: Path) -> None:
    bring([captured([f"{k:03}" for k in range(100)])], bucket, tmp_path)
    lazy = reading.captures(bucket, MODEL, labels=False)
    chosen = lazy.filter(pl.col("input.delay") > 97).select("id")
    assert chosen.collect()["id"].to_list() == ["098", "099"]
    assert lazy.head(3).collect().height == 3
    assert lazy.select(pl.len()).collect().item() == 100


def test_nothing_captured_is_a_table_without_rows(bucket: MemoryBucket) -> None:
    found = reading.captures(bucket, MODEL).collect()
    assert found.height == 0
    assert {"id", "at", "version", "label"} <= set(found.columns)


def test_flags_are_kept_by_row_and_of_a_batch_by_all_its_rows(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    one = captured(["a", "b"])
    flagged = Captured(
        *(MODEL, 1, "d", NOON, ["x", "y"], one.inputs, one.outputs),
        flags={"carrier": ["unseen", ""], "delay": ["range"]},
    )
    bring([flagged], bucket, tmp_path)
    found = reading.captures(bucket, MODEL).collect()["flags"].to_list()
    assert found == ['{"carrier":"unseen","delay":"range"}', '{"delay":"range"}']


def test_models_whose_names_begin_alike_are_told_apart(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    bring([captured(["a"]), captured(["b"], model=f"{MODEL}r")], bucket, tmp_path)
    assert reading.captures(bucket, MODEL).collect()["id"].to_list() == ["a"]


def test_as_of_a_moment_later_rows_and_later_words_do_not_exist_yet(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    second, hour, day = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
    early: list[Batch] = [captured(["a", "b", "c"]), captured(["d"], at=NOON + day)]
    bring([*early, labelled(["a", "d"], 0, after_s=60)], bucket, tmp_path / "1")
    bring([labelled(["a", "b"], 1, after_s=7 * 86400)], bucket, tmp_path / "2")

    def known(at: datetime, until: datetime | None = None) -> dict[str, object]:
        span = Span(until=until, as_of=at)
        found = reading.captures(bucket, MODEL, span).collect()
        assert reading.newest(bucket, MODEL, span, 9)["label"].to_list() == found["label"].to_list()
        return dict(zip(found["id"], found["label"], strict=True))

    assert known(NOON) == {}
    assert known(NOON + second) == {"a": None, "b": None, "c": None}
    assert known(NOON + hour) == {"a": 0, "b": None, "c": None}
    assert known(NOON + 2 * day) == {"a": 0, "b": None, "c": None, "d": 0}
    assert known(NOON + 8 * day) == {"a": 1, "b": 1, "c": None, "d": 0}
    assert known(NOON + 8 * day, NOON + hour) == {"a": 1, "b": 1, "c": None}
