"""Laws and bounds of numbered logs."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.counting import CountedBucket
from tests.support.faultproxy import FaultProxy
from tests.support.seaweed import S3Server
from tests.support.storm import PROCESSES, WRITERS, storm
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.log import Event, Log, LogBroken, StaleLog
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket
from trueup.store.segments import FAN, TOP, plan


def body(number: int) -> bytes:
    return b'{"format":1,"text":"\xc3\xbc %d","nonce":"%016x"}' % (number, number)


def filled(bucket: Bucket, count: int, prefix: str = "log") -> list[bytes]:
    """Write events past the Log, without a segment, as crashed writers would leave them."""
    bodies = [body(number) for number in range(1, count + 1)]
    for number, one in enumerate(bodies, 1):
        bucket.create(f"{prefix}/events/{number:010d}.json", one)
    return bodies


def folded(bucket: Bucket, count: int, prefix: str = "log") -> None:
    """Fill a log and let appenders write all its segments."""
    filled(bucket, count, prefix)
    log = Log(bucket, prefix)
    log.read()
    segments = sum(count // FAN**level for level in range(1, TOP + 1))
    for _ in range(segments // 64 + 2):
        log.add(b'{"late":1}')


def test_events_are_numbered_from_1_and_read_in_order(bucket: Bucket) -> None:
    log = Log(bucket, "models/fraud")
    assert log.read() == []
    assert [log.append(body(n), after=n - 1) for n in range(1, 40)] == list(range(1, 40))
    assert Log(bucket, "models/fraud").read() == [Event(n, body(n)) for n in range(1, 40)]
    assert log.read(after=37) == [Event(38, body(38)), Event(39, body(39))]
    assert log.read(after=39) == log.read(after=500) == []


@pytest.mark.parametrize("after", [0, 2, 7])
def test_an_event_written_after_the_wrong_one_changes_nothing(bucket: Bucket, after: int) -> None:
    log = Log(bucket, "log")
    log.append(body(1), after=0)
    with pytest.raises(StaleLog):
        log.append(body(2), after=after)
    late = Log(bucket, "log")
    assert late.read(after=7) == []
    with pytest.raises(StaleLog):
        late.append(body(2), after=after)
    assert log.read() == Log(bucket, "log").read() == [Event(1, body(1))]


def test_two_logs_of_one_bucket_do_not_see_each_other(bucket: Bucket) -> None:
    for number in range(1, 18):
        Log(bucket, "models/a").add(body(number))
        Log(bucket, "models/a/b").add(body(number + 100))
    assert Log(bucket, "models/a").read() == [Event(n, body(n)) for n in range(1, 18)]
    assert Log(bucket, "models/a/b").read() == [Event(n, body(n + 100)) for n in range(1, 18)]


def test_a_body_gets_a_nonce_where_it_has_none(bucket: Bucket) -> None:
    log = Log(bucket, "log")
    log.add(b" {} \n")
    log.add(b'{"a": {"nonce": "inner"}}')
    log.add(b'{"a":1,"nonce":"kept"}')
    first, second, third = (json.loads(event.body) for event in log.read())
    assert len(first["nonce"]) == len(second["nonce"]) == 16
    assert first["nonce"] != second["nonce"]
    assert third == {"a": 1, "nonce": "kept"}


@pytest.mark.parametrize("wrong", [b"", b"[1]", b"text", b'{"a":', b'"{}"', b'{"nonce":7}'])
def test_a_body_that_is_no_json_object_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        Log(MemoryBucket(), "log").add(wrong)


def test_a_decision_sees_every_event_before_its_own(bucket: Bucket) -> None:
    ours, theirs = Log(bucket, "log"), Log(bucket, "log")
    seen = []

    def decide(events: list[Event]) -> bytes | None:
        seen.append(len(events))
        if len(events) < 3:
            theirs.add(b'{"by":"them"}')  # somebody is first, each time until there are three
        return b'{"by":"us"}' if len(events) < 5 else None

    assert ours.append_when(decide) == 4
    assert seen == [0, 1, 2, 3]
    assert ours.append_when(lambda events: None) is None
    assert [json.loads(event.body)["by"] for event in ours.read()] == ["them"] * 3 + ["us"]


def test_a_follower_gets_what_is_new(bucket: Bucket) -> None:
    writer, follower = Log(bucket, "log"), Log(bucket, "log")
    assert follower.poll(0) == []
    writer.add(body(1))
    writer.add(body(2))
    assert follower.poll(0) == [Event(1, body(1)), Event(2, body(2))]
    assert follower.poll(2) == []


def test_add_finds_the_end_however_far_it_has_moved(bucket: Bucket) -> None:
    ours, theirs = Log(bucket, "log"), Log(bucket, "log")
    ours.add(body(1))
    for number in range(2, 60):
        theirs.add(body(number))
    assert ours.add(body(60)) == 60


@pytest.mark.parametrize("others", [1, 15, 40, 1100])
def test_a_reader_catches_up_however_far_the_log_has_moved(others: int) -> None:
    for bucket in (MemoryBucket(), CountedBucket()):
        reader, writer = Log(bucket, "log"), Log(bucket, "log")
        for number in range(1, 4):
            writer.add(body(number))
        reader.read()
        for number in range(4, 4 + others):
            writer.add(body(number))
        assert reader.read() == [Event(n, body(n)) for n in range(1, 4 + others)]


def test_a_log_that_has_vanished_is_not_begun_anew() -> None:
    bucket = MemoryBucket()
    log = Log(bucket, "log")
    for number in range(1, 4):
        log.add(body(number))
    log.read()
    bucket.delete([entry.key for entry in bucket.list("log/")])
    with pytest.raises(LogBroken):
        log.read()


def test_a_lost_event_is_named_and_not_skipped(bucket: Bucket) -> None:
    filled(bucket, 20)
    bucket.delete(["log/events/0000000007.json"])
    with pytest.raises(LogBroken, match="no event 7"):
        Log(bucket, "log").read()


def test_a_segment_makes_up_for_lost_events(bucket: Bucket) -> None:
    log = Log(bucket, "log")
    for number in range(1, 20):
        log.add(body(number))
    bucket.delete([f"log/events/{number:010d}.json" for number in range(1, 17)])
    assert Log(bucket, "log").read() == [Event(n, body(n)) for n in range(1, 20)]


@given(after=st.integers(0, 70_000), length=st.integers(0, 70_000))
def test_a_plan_holds_each_event_once_and_in_order(after: int, length: int) -> None:
    pieces = plan(after, after + length)
    ends = [after, *(piece.first + piece.size - 1 for piece in pieces)]
    assert all(piece.first == end + 1 for piece, end in zip(pieces, ends, strict=False))
    assert ends[-1] == after + length
    assert len(pieces) <= 2 * TOP * (FAN - 1) + 2


@given(
    count=st.integers(0, 600),
    after=st.integers(0, 600),
    remote=st.booleans(),
    lost=st.sets(st.integers(0, 50)),
    spoilt=st.sets(st.integers(0, 50)),
)
def test_a_log_reads_as_it_was_written_whatever_segments_there_are(
    count: int, after: int, remote: bool, lost: set[int], spoilt: set[int]
) -> None:
    inner = MemoryBucket()
    bucket: Bucket = CountedBucket(inner) if remote else inner
    bodies = filled(inner, count)
    log = Log(bucket, "log")
    log.read()
    log.add(b'{"last":1,"nonce":"n"}')
    bodies.append(b'{"last":1,"nonce":"n"}')
    found = sorted(entry.key for entry in inner.list("snapshots/"))
    inner.delete([key for nth, key in enumerate(found) if nth in lost])
    for nth, key in enumerate(found):
        if nth in spoilt - lost:
            inner.put(key, b'{"format":1,"first":1,"events":[{}]}' if nth % 2 else b"\0")
    expected = [Event(number, one) for number, one in enumerate(bodies, 1)]
    assert Log(bucket, "log").read() == expected
    assert Log(bucket, "log").read(after) == expected[after:]
    assert log.read() == expected


def test_all_writers_of_a_segment_write_the_same_bytes() -> None:
    one, other = MemoryBucket(), MemoryBucket()
    folded(one, 300)
    filled(other, 300)
    slow = Log(other, "log")
    for event in Log(one, "log").read(after=300):
        slow.append(event.body, after=event.number - 1)
    slow.read()
    slow.add(b'{"x":1}')
    shared = {entry.key for entry in one.list("snapshots/")}
    assert len(shared) >= 19
    assert all(one.get(key) == other.get(key) for key in shared)


def test_twenty_thousand_events_are_read_cold_in_at_most_70_requests() -> None:
    bucket = CountedBucket()
    folded(bucket.inner, 20_000)
    bucket.requests = 0
    events = Log(bucket, "log").read()
    assert len(events) > 20_000
    assert [event.number for event in events[:20_000]] == list(range(1, 20_001))
    assert bucket.requests <= 70
    bucket.requests = 0
    Log(bucket, "log").add(body(1))
    assert bucket.requests <= 12


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 31, 255, 256, 999, 1000, 1001, 4095, 4096])
def test_reading_is_bounded_at_every_length(count: int) -> None:
    bucket = CountedBucket()
    folded(bucket.inner, count)
    bucket.requests = 0
    assert len(Log(bucket, "log").read()) >= count
    assert bucket.requests <= 60


def test_what_was_read_before_costs_one_request(tmp_path: Path) -> None:
    bucket = CountedBucket()
    folded(bucket.inner, 3000)
    log = Log(bucket, "log", cache=tmp_path / "cache")
    events = log.read()
    for reader in (log, Log(bucket, "log", cache=tmp_path / "cache")):
        bucket.requests = 0
        assert reader.read() == events
        assert bucket.requests == 1
        bucket.requests = 0
        assert reader.poll(len(events)) == []
        assert bucket.requests == 1


def test_the_cache_folder_follows_a_growing_log(tmp_path: Path) -> None:
    bucket = CountedBucket()
    writer = Log(bucket.inner, "log")
    for _ in range(30):
        for number in range(3):
            writer.add(body(number))
        assert Log(bucket, "log", cache=tmp_path).read() == Log(bucket, "log").read()
    assert len(list(tmp_path.rglob("*.json"))) <= 9


def test_the_cache_folder_is_forgotten_when_the_bucket_was_made_anew(tmp_path: Path) -> None:
    old, new = CountedBucket(), CountedBucket()
    filled(old, 20)
    Log(old, "log", cache=tmp_path).read()
    new_bodies = [b'{"new":%d,"nonce":"n"}' % number for number in range(30)]
    for one in new_bodies:
        Log(new, "log").add(one)
    assert [event.body for event in Log(new, "log", cache=tmp_path).read()] == new_bodies
    assert [event.body for event in Log(new, "log", cache=tmp_path).read()] == new_bodies


def test_a_spoilt_cache_folder_costs_nothing_but_time(tmp_path: Path) -> None:
    bucket = CountedBucket()
    bodies = filled(bucket, 20)
    Log(bucket, "log", cache=tmp_path).read()
    for path in tmp_path.rglob("*.json"):
        path.write_bytes(b"\0 not JSON")
    assert [event.body for event in Log(bucket, "log", cache=tmp_path).read()] == bodies


def check_race(won: list[str], bucket: Bucket, count: int) -> None:
    """Exactly one writer was told that it won each number, and its event is the one there."""
    owner = {int(number): writer for writer, number in (line.split() for line in won)}
    assert sorted(int(line.split()[1]) for line in won) == list(range(1, count + 1))
    there = {
        event.number: json.loads(event.body)["writer"] for event in Log(bucket, "storm").read()
    }
    assert there == owner


def check_appended(won: list[str], bucket: Bucket, count: int) -> None:
    """Nothing is lost or written twice, and each decision saw all that came before it."""
    events = Log(bucket, "storm").read()
    claimed = {int(number): writer for writer, number in (line.split() for line in won)}
    assert len(claimed) == len(won) == PROCESSES * WRITERS * count
    assert {event.number: json.loads(event.body)["writer"] for event in events} == claimed
    assert all(json.loads(event.body)["seen"] == event.number - 1 for event in events)
    mine: dict[str, list[int]] = {}
    for event in events:
        record = json.loads(event.body)
        mine.setdefault(record["writer"], []).append(record["nth"])
    assert all(nths == list(range(1, count + 1)) for nths in mine.values())


def test_in_a_storm_on_a_folder_exactly_one_writer_wins_each_number(tmp_path: Path) -> None:
    url = str(tmp_path / "bucket")
    won = storm("race", url, env={}, state=tmp_path, count=20)
    check_race(won, FolderBucket(tmp_path / "bucket"), 20)


def test_in_a_storm_on_a_folder_nothing_is_lost(tmp_path: Path) -> None:
    url = str(tmp_path / "bucket")
    won = storm("append", url, env={}, state=tmp_path, count=2)
    check_appended(won, FolderBucket(tmp_path / "bucket"), 2)


@pytest.mark.s3
def test_in_a_storm_on_s3_exactly_one_writer_wins_each_number(
    s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path
) -> None:
    won = storm("race", s3_url, env=s3.env, state=tmp_path, count=5)
    check_race(won, s3_bucket, 5)


@pytest.mark.s3
@pytest.mark.slow
def test_in_a_storm_on_s3_nothing_is_lost(
    s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path
) -> None:
    won = storm("append", s3_url, env=s3.env, state=tmp_path, count=1)
    check_appended(won, s3_bucket, 1)


@pytest.mark.s3
@pytest.mark.slow
def test_twenty_thousand_events_on_s3_are_read_cold_in_at_most_70_requests(
    s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path
) -> None:
    memory = MemoryBucket()
    folded(memory, 20_000)
    for entry in memory.list(""):
        s3_bucket.put(entry.key, memory.get(entry.key))
    with FaultProxy(s3.endpoint) as proxy:
        bucket = open_bucket(s3_url, root=tmp_path, env=s3.through(proxy.url))
        events = Log(bucket, "log").read()
    assert len(events) > 20_000
    assert all(one.number + 1 == next_.number for one, next_ in pairwise(events))
    assert len(proxy.requests) <= 70
