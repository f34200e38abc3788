"""A network that fails in every way between trueup and a real S3 server, and still it is true."""

import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.store.test_log import check_appended, check_race
from tests.support.faultproxy import Fault, FaultProxy, Request, at_random
from tests.support.seaweed import OPEN_BUCKET, S3Server
from tests.support.storm import storm
from trueup.errors import RemoteSilent
from trueup.store.bucket import Bucket, Missing
from trueup.store.keys import BucketUnfit
from trueup.store.log import Log
from trueup.store.opening import open_bucket

pytestmark = pytest.mark.s3

Through = Callable[[FaultProxy], Bucket]


@pytest.fixture
def through(s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path) -> Through:
    """Open the test's bucket through a proxy, already proven to create only once."""
    s3_bucket.create("proven", b"")

    def open_through(proxy: FaultProxy) -> Bucket:
        return open_bucket(s3_url, root=tmp_path, env=s3.through(proxy.url))

    return open_through


def first(fault: Fault, method: str, times: int = 1) -> Callable[[Request], Fault | None]:
    """Let the first requests of a method meet a fault."""
    left = itertools.count()
    return lambda request: fault if request.method == method and next(left) < times else None


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("fault", Fault)
def test_a_create_that_meets_a_fault_is_ours(
    s3: S3Server, through: Through, s3_bucket: Bucket, fault: Fault, times: int
) -> None:
    with FaultProxy(s3.endpoint, first(fault, "PUT", times)) as proxy:
        assert through(proxy).create("events/1", b'{"nonce":"ours"}')
    assert proxy.met
    assert s3_bucket.get("events/1") == b'{"nonce":"ours"}'


@pytest.mark.parametrize("fault", Fault)
def test_a_create_that_meets_a_fault_does_not_take_what_is_somebody_elses(
    s3: S3Server, through: Through, s3_bucket: Bucket, fault: Fault
) -> None:
    s3_bucket.create("events/1", b'{"nonce":"theirs"}')
    with FaultProxy(s3.endpoint, first(fault, "PUT", 2)) as proxy:
        assert not through(proxy).create("events/1", b'{"nonce":"ours"}')
    assert s3_bucket.get("events/1") == b'{"nonce":"theirs"}'


@pytest.mark.parametrize("fault", Fault)
def test_every_other_request_is_asked_again(
    s3: S3Server, through: Through, s3_bucket: Bucket, fault: Fault
) -> None:
    for method, ask in REQUESTS.items():
        s3_bucket.put("a/1", b"one")
        s3_bucket.delete(["a/2"])
        with FaultProxy(s3.endpoint, first(fault, method.split()[0])) as proxy:
            ask(through(proxy))
        assert proxy.met == [fault], method


def get(bucket: Bucket) -> None:
    assert bucket.get("a/1") == b"one"
    with pytest.raises(Missing):
        bucket.get("a/2")


def listed(bucket: Bucket) -> None:
    assert [entry.key for entry in bucket.list("a/")] == ["a/1"]


def put(bucket: Bucket) -> None:
    bucket.put("a/2", b"two")
    assert bucket.get("a/2") == b"two"


def delete(bucket: Bucket) -> None:
    bucket.delete(["a/1"])
    assert list(bucket.list("a/")) == []


def head(bucket: Bucket) -> None:
    assert [entry.key for entry in bucket.list("a/1")] == ["a/1"]


REQUESTS = {"GET": get, "GET list": listed, "PUT": put, "POST": delete, "HEAD": head}


def test_a_long_list_that_breaks_off_goes_on_where_it_was(
    s3: S3Server, through: Through, s3_bucket: Bucket
) -> None:
    keys = [f"long/{number:04d}" for number in range(1001)]
    for key in keys:
        s3_bucket.put(key, b"")
    with FaultProxy(
        s3.endpoint, lambda request: Fault.SLOW_DOWN if request.number == 2 else None
    ) as proxy:
        assert [entry.key for entry in through(proxy).list("long/")] == keys
    assert proxy.met == [Fault.SLOW_DOWN]


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.CONFLICT, Fault.LATE_ERROR])
def test_faults_without_end_are_reported_with_the_url_once_patience_is_over(
    s3: S3Server, s3_url: str, tmp_path: Path, fault: Fault
) -> None:
    with FaultProxy(s3.endpoint, lambda request: fault) as proxy:
        env = s3.through(proxy.url) | {"TRUEUP_BUCKET_PATIENCE_S": "0.3"}
        bucket = open_bucket(s3_url, root=tmp_path, env=env)
        for ask in (
            lambda: bucket.get("a"),
            lambda: bucket.create("a", b""),
            lambda: bucket.put("a", b""),
            lambda: list(bucket.list("a/")),
            lambda: bucket.delete(["a"]),
        ):
            began = time.monotonic()
            with pytest.raises(RemoteSilent) as caught:
                ask()
            assert time.monotonic() - began < 3
            assert s3_url in str(caught.value)
            assert proxy.url in str(caught.value)


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """The address of something that accepts connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_never_answers_is_reported_within_the_patience(
    s3: S3Server, s3_url: str, tmp_path: Path, silent_endpoint: str
) -> None:
    env = s3.through(silent_endpoint) | {"TRUEUP_BUCKET_PATIENCE_S": "0.3"}
    bucket = open_bucket(s3_url, root=tmp_path, env=env)
    for ask in (
        lambda: bucket.get("a"),
        lambda: bucket.create("a", b""),
        lambda: list(bucket.list("a/")),
    ):
        began = time.monotonic()
        with pytest.raises(RemoteSilent, match="does not answer"):
            ask()
        assert time.monotonic() - began < 3


@pytest.mark.slow
def test_nobody_listening_is_reported_within_ten_seconds_or_so(
    s3: S3Server, s3_url: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        env = s3.through(f"http://127.0.0.1:{taken.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(RemoteSilent, match=s3_url):
            open_bucket(s3_url, root=tmp_path, env=env).get("a")
        assert time.monotonic() - began < 12


def test_a_bucket_that_creates_twice_is_refused_by_name(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3://{OPEN_BUCKET}/unfit"
    open_bucket(f"s3://{OPEN_BUCKET}/made", root=tmp_path, env=s3.env).put("by the owner", b"")
    with FaultProxy(s3.endpoint, strip=frozenset({"if-none-match"})) as proxy:
        env = s3.anonymous_through(proxy.url)  # signed requests cannot lose a header
        for _ in range(2):
            bucket = open_bucket(url, root=tmp_path, env=env)
            for _ in range(2):
                with pytest.raises(BucketUnfit, match=url):
                    bucket.create("events/1", b"{}")
    direct = open_bucket(url, root=tmp_path, env=s3.anonymous_through(s3.endpoint))
    assert list(direct.list("")) == []
    assert direct.create("events/1", b"{}")


def test_the_proof_is_remembered_on_this_machine(s3: S3Server, s3_url: str, tmp_path: Path) -> None:
    with FaultProxy(s3.endpoint) as proxy:
        for writer in ("first", "second"):
            open_bucket(s3_url, root=tmp_path, env=s3.through(proxy.url)).create(writer, b"{}")
    puts = [request.target for request in proxy.requests if request.method == "PUT"]
    assert len(puts) == 4
    assert puts[0] == puts[1]
    assert [target.rpartition("/")[2] for target in puts[2:]] == ["first", "second"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_storm_through_faults_exactly_one_writer_wins_each_number(
    s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path, seed: int
) -> None:
    s3_bucket.create("proven", b"")
    with FaultProxy(s3.endpoint, at_random(seed, 0.25)) as proxy:
        env = s3.through(proxy.url) | {"TRUEUP_BUCKET_PATIENCE_S": "60"}
        won = storm("race", s3_url, env=env, state=tmp_path, count=3)
    assert set(proxy.met) == set(Fault)
    check_race(won, s3_bucket, 3)


@pytest.mark.slow
def test_in_a_storm_through_faults_nothing_is_lost(
    s3: S3Server, s3_url: str, s3_bucket: Bucket, tmp_path: Path
) -> None:
    s3_bucket.create("proven", b"")
    with FaultProxy(s3.endpoint, at_random(3, 0.1)) as proxy:
        env = s3.through(proxy.url) | {"TRUEUP_BUCKET_PATIENCE_S": "60"}
        won = storm("append", s3_url, env=env, state=tmp_path, count=1)
    assert set(proxy.met) == set(Fault)
    check_appended(won, s3_bucket, 1)


def test_writers_through_faults_write_each_event_once(
    s3: S3Server, through: Through, s3_bucket: Bucket
) -> None:
    with FaultProxy(s3.endpoint, at_random(7, 0.3)) as proxy:
        logs = [Log(through(proxy), "log") for _ in range(3)]
        numbers = [
            logs[nth % 3].append_when(partial(lambda nth, _: b'{"nth":%d}' % nth, nth))
            for nth in range(24)
        ]
    assert numbers == list(range(1, 25))
    events = Log(s3_bucket, "log").read()
    assert [json.loads(event.body)["nth"] for event in events] == list(range(24))
