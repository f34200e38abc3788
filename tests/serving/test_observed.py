"""What monitoring and the loop have written last, on GET /metrics of a real server."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.serving.servers import RECORD, Server, httpx
from trueup import clock
from trueup.monitoring.maturity import WindowMaturity
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.performance.records import Coverage, Performance, Realised
from trueup.monitoring.watching.events import (
    Checked,
    Drifted,
    Event,
    Matured,
    Moved,
    Rebased,
    Referenced,
)
from trueup.monitoring.watching.history import Diary, History
from trueup.monitoring.watching.windows import Window
from trueup.serving.http.observed import observed
from trueup.serving.observing import Observer
from trueup.serving.watched import Seen
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.heartbeats import MOST, heartbeat_key, heartbeats
from trueup.store.memory import MemoryBucket

DAY = timedelta(days=1)
Eventually = Callable[..., None]
WHO: dict[str, Any] = {"at": datetime(2026, 3, 2, tzinfo=UTC), "by": "ada"}
ALARM, QUIET = (
    f'trueup_monitor_state{{model="sale",state="{word}"}}' for word in ("alarm", "quiet")
)
AGE = 'trueup_monitor_read_age_seconds{model="sale"}'
BEAT = 'trueup_loop_heartbeat_age_seconds{loop="shop/sale"}'


def day(nth: int) -> Window:
    begin = datetime(2026, 3, 1, tzinfo=UTC) + nth * DAY
    return Window(begin, begin + DAY)


def checked(nth: int, *moved: str) -> Checked:
    columns = tuple(
        Moved(f"column{k}", "input", 0.1 * k, 0.0, 1.0, 2.0, drifted=f"column{k}" in moved)
        for k in range(20)
    )
    drift = Drifted(bool(moved), bool(moved), False, True, 1.5, 2.0, "psi", columns, moved)
    return Checked(
        **WHO, window=day(nth), version=1, reference=1, rows=10 + nth, segments="s",
        state="alarm" if moved else "quiet", drift=drift,
    )  # fmt: skip


def written(bucket: Bucket, *events: Event) -> None:
    diary = Diary(bucket, "shop/sale", "dev")
    for one in events:
        diary.add(partial(_whatever, one))


def _whatever(event: Event, _: History) -> Event:
    return event


def beat(bucket: Bucket, name: str, at: datetime) -> None:
    bucket.put(
        heartbeat_key(name),
        msgspec.json.encode({"format": 1, "at": at, "every_s": 60.0, "worker": "one"}),
    )


@pytest.fixture
def store(own_shop: Path) -> FolderBucket:
    """The bucket of a shop that was checked once, and whose loop was alive a minute ago."""
    bucket = FolderBucket(own_shop / ".trueup" / "store")
    written(bucket, checked(0, "column3", "column5"))
    beat(bucket, "shop/sale", clock.now() - timedelta(minutes=1))
    return bucket


@pytest.fixture(params=["1", "2"])
def server(own_shop: Path, store: FolderBucket, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server over it, of one and of two processes."""
    one = Server(own_shop, "sale@live", "--workers", request.param)
    yield one
    one.stop()


def test_the_last_check_and_the_loops_age_are_shown_and_follow_what_is_written(
    server: Server, store: FolderBucket, eventually: Eventually
) -> None:
    eventually(lambda: server.metric(ALARM) == 1)
    assert server.metric('trueup_monitor_rows{model="sale"}') == 10
    assert server.metric('trueup_monitor_drifted_columns{model="sale"}') == 2
    assert (
        server.metric('trueup_monitor_window_end_seconds{model="sale"}') == day(0).end.timestamp()
    )
    assert 59 < server.metric(BEAT) < 120
    assert 0 <= server.metric(AGE) < 30
    written(store, checked(1))
    beat(store, "shop/sale", clock.now())
    eventually(lambda: server.metric(QUIET) == 1)
    assert server.metric(ALARM) == 0
    eventually(lambda: server.metric(BEAT) < 30)
    text = httpx.get(f"{server.url}/metrics").text
    samples = [one for one in text.splitlines() if one.startswith("trueup_monitor_")]
    assert 10 < len(samples) < 40
    parser = pytest.importorskip("prometheus_client.parser")
    families = [one.name for one in parser.text_string_to_metric_families(text)]
    assert len(families) == len(set(families))


def test_two_models_samples_of_one_name_stand_together(promtool: str) -> None:
    bucket = MemoryBucket()
    written(bucket, checked(0, "column3"))
    beat(bucket, "shop/sale", clock.now())
    models = {"sale": "shop/sale", "again": "shop/sale"}
    observer = Observer(bucket, models, "dev", poll_s=5.0, tell=pytest.fail)
    observer.look()
    text = observed(observer)
    assert 'trueup_loop_heartbeat_every_seconds{loop="shop/sale"} 60\n' in text
    names = [one.split("{")[0] for one in text.splitlines() if not one.startswith("#")]
    assert names == sorted(names, key=list(dict.fromkeys(names)).index)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, text=True, capture_output=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_bucket_that_is_away_leaves_the_last_values_and_their_age(
    server: Server, own_shop: Path, store: FolderBucket, eventually: Eventually
) -> None:
    eventually(lambda: server.metric(ALARM) == 1)
    away = own_shop / "away"
    store.root.rename(away)
    eventually(lambda: server.metric(AGE) > 3)
    assert server.metric(ALARM) == 1
    assert server.metric(BEAT) > 60
    assert "the records of monitoring sale are not read" in server.log
    server.predict(RECORD)
    away.rename(store.root)
    eventually(lambda: server.metric(AGE) < 2)


def test_what_was_never_checked_shows_no_gauges(own_shop: Path, eventually: Eventually) -> None:
    one = Server(own_shop, "sale@live")
    try:
        eventually(lambda: AGE in httpx.get(f"{one.url}/metrics").text)
        text = httpx.get(f"{one.url}/metrics").text
        assert "trueup_monitor_state" not in text
        assert "trueup_loop_heartbeat" not in text
    finally:
        one.stop()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_has_never_been_is_0_and_not_missing(own_shop: Path, workers: str) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(
        path.read_text().replace("serve:\n", "serve:\n      challenger: {share: 0.5}\n")
    )
    server = Server(own_shop, "sale@live", "--workers", workers)
    try:
        text = httpx.get(f"{server.url}/metrics").text
    finally:
        server.stop()
    for name, labels in (
        ("swaps", 'model="sale",result="refused"'),
        ("labels", 'model="sale",result="dropped"'),
        ("requests_refused", 'why="busy"'),
        ("rows", 'model="sale"'),
        ("shadow_rows", 'model="sale",result="dropped"'),
        ("challenger_fallbacks", 'model="sale",why="late"'),
        ("challenger_disagreements", 'model="sale"'),
        ("captured_rows", 'result="unreadable"'),
    ):
        assert f"trueup_{name}_total{{{labels}}} 0\n" in text


def test_labels_that_came_late_show_in_the_last_checks_state() -> None:
    window, rests = day(0), WindowMaturity(True, None, None, declared=False, come=1.0, by_then=1.0)
    told = Performance(
        window.begin, window.end, window.end + DAY, 10,
        (Realised("roc_auc", "all rows", 10, 0.4),), (), rests, Coverage(10, 10, 10),
    )  # fmt: skip
    drop = Drop("realised", dropped=True, alarmed=True)
    late = Matured(**WHO, window=window, version=1, reference=1, performance=told, drops=(drop,))
    seen = Seen().then(1, checked(0)).then(2, late)
    assert seen.standing is not None
    assert seen.standing.state == "alarm"
    assert [one.name for one in seen.gauges("sale")].count("trueup_monitor_state") == 5
    quiet = seen.then(3, checked(1)).standing
    assert quiet is not None
    assert quiet.state == "quiet"
    assert seen.then(3, Rebased(**WHO, why="x")).first is None


def test_one_model_whose_records_cannot_be_read_does_not_hide_another() -> None:
    bucket, told = MemoryBucket(), list[str]()
    written(bucket, checked(0))
    bucket.create("monitoring/shop/other/dev/events/0000000001.json", b'{"event": "danced"}')
    models = {"sale": "shop/sale", "other": "shop/other"}
    observer = Observer(bucket, models, "dev", poll_s=5.0, tell=told.append)
    observer.look()
    observer.look()
    assert [line for line, one in observer.seen().items() if one.check] == ["sale"]
    assert set(observer.ages_s()) == {"sale"}
    assert len(told) == 1
    assert "monitoring other" in told[0]


def test_of_many_signs_of_life_those_of_the_served_models_are_read_first() -> None:
    bucket, now = MemoryBucket(), clock.now()
    for name in [f"a{k:03}" for k in range(40)] + ["z/served"]:
        beat(bucket, name, now)
    beat(bucket, "z%2Fquoted", now)
    bucket.put("heartbeats/runs/20261123-091530-7k3fq2xw", b'{"format":1}')
    bucket.put(heartbeat_key("a000"), b"{")
    bucket.put(heartbeat_key("a001"), b'{"format": 9, "at": "2026-01-01T00:00:00Z"}')
    bucket.put(heartbeat_key("a002"), b'{"format": 1, "at": "2026-01-01T00:00:00"}')
    found = heartbeats(bucket, {"z/served", "z/quoted"})
    assert found["z/served"].at == found["z/quoted"].at == now
    assert len(found) == MOST - 3


def test_a_reference_that_is_gone_hides_no_check() -> None:
    bucket, told = MemoryBucket(), list[str]()
    gone = Referenced(**WHO, version=1, digest="d", grid="g", reference="profiles/x", window_s=60.0)
    written(bucket, gone, checked(0))
    observer = Observer(bucket, {"sale": "shop/sale"}, "dev", poll_s=5.0, tell=told.append)
    observer.look()
    assert observer.scheme("shop/sale") is None
    assert observer.seen()["sale"].check is not None
    assert "profiles/x" in told[0]
