"""Captures and labels go when they are older than they are to be kept."""

from datetime import timedelta
from pathlib import Path

from tests.captures.rows import MODEL, NOON, bring, captured, labelled
from trueup.captures import reading, retention
from trueup.store.memory import MemoryBucket


def test_what_is_older_goes_and_what_is_younger_stays(bucket: MemoryBucket, tmp_path: Path) -> None:
    batches = [captured([f"{k}"], at=NOON - timedelta(days=k)) for k in range(5)]
    bring([*batches, labelled(["3"], 1, after_s=-3 * 86_400)], bucket, tmp_path)
    done = retention.expire(bucket, MODEL, NOON - timedelta(days=2))
    assert (done.captures, done.labels) == (2, 1)
    assert done.size_bytes > 0
    assert sorted(reading.captures(bucket, MODEL).collect()["id"]) == ["0", "1", "2"]
    assert retention.expire(bucket, MODEL, NOON - timedelta(days=2)).captures == 0
