"""Ticks that are repeated: a heartbeat, errors that stop nothing, a clean stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from tests.project.projects import opened, write
from trueup import clock
from trueup.errors import NotProven, RemoteSilent, TrueupError, WrongUsage
from trueup.loop.deciding import Decision
from trueup.loop.heartbeat import Heartbeat, beat, end_beat, last_beat, missing_beats
from trueup.loop.journal import Journal
from trueup.loop.owing import owed
from trueup.loop.ticking import Ticked
from trueup.loop.watching import Pace, stopped_by_signals, watch
from trueup.project import looping
from trueup.project.lifesigns import look_at_heartbeats
from trueup.reporting.wording import moment
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket

AT = datetime(2026, 3, 2, tzinfo=UTC)
DONE = Ticked("shop/sale", "prod", AT, Decision())


def silent() -> Ticked:
    raise RemoteSilent("the bucket is silent", remedy="Wait")


def test_an_error_of_one_model_stops_neither_the_others_nor_the_next_round() -> None:
    bucket, told, seen = MemoryBucket(), list[str](), list[Heartbeat | None]()
    ticks = [("a", silent), ("b", lambda: DONE)]

    def tell(model: str, what: Ticked | TrueupError) -> None:
        told.append(f"{model} {type(what).__name__}")
        seen.append(last_beat(bucket, "loop"))

    assert watch(bucket, ticks, Pace(every_s=0.0, passes=2), tell, Event()) == 2
    assert told == ["a RemoteSilent", "b Ticked"] * 2
    found = seen[-1]
    assert found is not None
    assert (found.models, found.problem) == (("a", "b"), "a: the bucket is silent")
    assert found.round_since is not None


def test_a_clean_end_takes_the_heartbeat_away_and_a_crash_leaves_it() -> None:
    bucket = MemoryBucket()
    watch(bucket, [("a", lambda: DONE)], Pace(passes=1), lambda model, what: None, Event())
    assert last_beat(bucket, "loop") is None

    def broken() -> Ticked:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch(bucket, [("a", broken)], Pace(passes=1), lambda model, what: None, Event())
    assert last_beat(bucket, "loop") is not None


def test_a_worker_that_has_gone_on_under_the_same_name_keeps_its_heartbeat() -> None:
    bucket = MemoryBucket()
    beat(bucket, "loop", others := Heartbeat(AT, 60.0, "another"))
    end_beat(bucket, "loop", "one")
    assert last_beat(bucket, "loop") == others
    end_beat(bucket, "loop", "another")
    assert last_beat(bucket, "loop") is None


def test_the_heart_goes_on_while_a_model_is_retrained() -> None:
    bucket, seen = MemoryBucket(), set[datetime]()

    def long() -> Ticked:
        until = clock.monotonic_s() + 20
        while len(seen) < 3 and clock.monotonic_s() < until:
            found = last_beat(bucket, "loop")
            assert found is not None
            seen.add(found.at)
        return DONE

    watch(bucket, [("a", long)], Pace(every_s=0.01, passes=1), lambda model, what: None, Event())
    assert len(seen) == 3


def test_a_round_that_hangs_is_missed_in_the_end(
    monkeypatch: pytest.MonkeyPatch, eventually: Callable[[Callable[[], object]], None]
) -> None:
    monkeypatch.setattr("trueup.loop.watching.LONGEST", timedelta(0))
    bucket = MemoryBucket()

    def is_missing() -> bool:
        found = last_beat(bucket, "loop")
        return found is not None and found.is_missing(clock.now())

    def hangs() -> Ticked:
        eventually(is_missing)
        return DONE

    watch(bucket, [("a", hangs)], Pace(every_s=0.01, passes=1), lambda model, what: None, Event())


LOOP = """
    project: p
    stages:
      train: {cmd: "true", outs: [m.onnx]}
    models:
      m:
        path: m.onnx
        task: binary
        loop: {when: [{drift: {}, do: retrain}], then: person}
"""


def test_a_missing_heartbeat_is_told_once_by_the_next_pass_and_its_end_too(tmp_path: Path) -> None:
    root = write(tmp_path, {"trueup.yaml": LOOP})
    bucket, now = opened(root).bucket, clock.now()

    def told() -> list[tuple[str, str]]:
        looping.tick(opened(root), looping.Wanted("m"))
        history = Journal(bucket, "p/m").history()
        return [(one.topic, one.title) for one in owed("p/m", history, clock.now())]

    beat(bucket, "nights", Heartbeat(now - timedelta(minutes=2), 60.0, "w", ("p/m",)))
    beat(bucket, "others", Heartbeat(now - timedelta(days=2), 60.0, "w", ("p/n",)))
    bucket.put("heartbeats/runs/20260101-000000-abc", b"{}")
    bucket.put("heartbeats/newer.json", b'{"format": 2}')
    assert told() == []
    beat(bucket, "nights", Heartbeat(now - timedelta(minutes=4), 60.0, "w", ("p/m",)))
    alarm = ("opened", "p/m: no sign of life of trueup watch --name nights")
    assert told() == told() == [alarm]
    history = Journal(bucket, "p/m").history()
    (says,) = (one.says for one in history.incidents.values())
    assert f"its last sign of life was at {moment(now - timedelta(minutes=4))}" in says
    beat(bucket, "nights", Heartbeat(clock.now(), 60.0, "w", ("p/m",)))
    told()
    assert not Journal(bucket, "p/m").history().incidents
    beat(bucket, "nights", Heartbeat(now - timedelta(minutes=4), 60.0, "w", ("p/m",)))
    told()
    assert not Journal(bucket, "p/m").history().incidents  # of that silence people know


@pytest.mark.slow
def test_a_process_that_is_asked_to_stop_is_not_missed_and_one_that_is_killed_is(
    tmp_path: Path, eventually: Callable[[Callable[[], object]], None]
) -> None:
    root = write(tmp_path, {"trueup.yaml": LOOP})
    bucket = opened(root).bucket
    words = [sys.executable, "-m", "trueup", "-C", str(root), "watch", "--every", "1s"]

    def started() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        eventually(lambda: last_beat(bucket, "p"))
        return process

    asked = started()
    asked.terminate()
    assert asked.wait(30) == 0
    assert last_beat(bucket, "p") is None
    killed = started()
    killed.kill()
    killed.wait(30)
    eventually(lambda: missing_beats(bucket, "p/m", clock.now()))
    looping.tick(opened(root), looping.Wanted("m"))
    assert len(Journal(bucket, "p/m").history().incidents) == 1
    found = [one for one in look_at_heartbeats(opened(root)) if one.state == "missing"]
    assert [one.remedy for one in found] == ["trueup watch --name p"]
    again = started()
    eventually(lambda: not missing_beats(bucket, "p/m", clock.now()))
    looping.tick(opened(root), looping.Wanted("m"))
    assert not Journal(bucket, "p/m").history().incidents
    again.terminate()
    assert again.wait(30) == 0


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
