"""Ticks that are repeated: a heartbeat, errors that stop nothing, a clean stop."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from trueup.errors import NotProven, RemoteSilent, TrueupError, WrongUsage
from trueup.loop.deciding import Decision
from trueup.loop.heartbeat import Heartbeat, beat, last_beat
from trueup.loop.ticking import Ticked
from trueup.loop.watching import Pace, stopped_by_signals, watch
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket

AT = datetime(2026, 3, 2, tzinfo=UTC)
DONE = Ticked("shop/sale", "prod", AT, Decision())


def silent() -> Ticked:
    raise RemoteSilent("the bucket is silent", remedy="Wait")


def test_an_error_of_one_model_stops_neither_the_others_nor_the_next_round() -> None:
    bucket, told = MemoryBucket(), list[str]()
    ticks = [("a", silent), ("b", lambda: DONE)]

    def tell(model: str, what: Ticked | TrueupError) -> None:
        told.append(f"{model} {type(what).__name__}")

    assert watch(bucket, ticks, Pace(every_s=0.0, passes=2), tell, Event()) == 2
    assert told == ["a RemoteSilent", "b Ticked"] * 2
    found = last_beat(bucket, "loop")
    assert found is not None
    assert (found.models, found.problem) == (("a", "b"), "a: the bucket is silent")


def test_a_heartbeat_that_is_long_overdue_is_missing() -> None:
    found = Heartbeat(AT, 60.0)
    assert not found.is_missing(AT + timedelta(minutes=3))
    assert found.is_missing(AT + timedelta(minutes=4))
    assert found.age_s(AT - timedelta(minutes=4)) == 0.0


def test_the_last_heartbeat_is_read_and_none_is_none(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    assert last_beat(bucket, "loop") is None
    beat(bucket, "loop", Heartbeat(AT, 60.0, "w", ("a",)))
    assert last_beat(bucket, "loop") == Heartbeat(AT, 60.0, "w", ("a",))


def test_a_damaged_heartbeat_and_a_newer_one_are_told_apart() -> None:
    bucket = MemoryBucket()
    bucket.put("heartbeats/loop.json", b"{")
    with pytest.raises(NotProven, match="heartbeat of a loop"):
        last_beat(bucket, "loop")
    bucket.put("heartbeats/loop.json", b'{"format": 2}')
    with pytest.raises(WrongUsage, match="format 2"):
        last_beat(bucket, "loop")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_after_the_model_that_is_worked_on(number: int) -> None:
    stop, worked = Event(), list[str]()

    def first() -> Ticked:
        os.kill(os.getpid(), number)
        worked.append("first")
        return DONE

    def second() -> Ticked:
        worked.append("second")
        return DONE

    with stopped_by_signals(stop):
        ticks = [("first", first), ("second", second)]
        watch(MemoryBucket(), ticks, Pace(every_s=60.0), lambda model, what: None, stop)
    assert worked == ["first"]
