"""A challenger on trial: followed like the live version, and never able to hurt it."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.serving.moody import mood, moody_project
from tests.serving.servers import RECORD, Server, fitted, httpx, said, version
from tests.serving.test_routing import captured, challenger_of, on_trial
from trueup.serving.routing import drawn

Eventually = Callable[..., None]
SHADOWS = 'trueup_shadow_rows_total{model="sale",result="%s"}'
FALLBACKS = 'trueup_challenger_fallbacks_total{model="sale",why="%s"}'


class Traffic:
    """Clients that ask one after the other until they are told that it is enough."""

    def __init__(self, server: Server, clients: int = 4) -> None:
        self.seen: list[int] = []
        self.failed: list[str] = []
        self.spent_s: list[float] = []
        self._enough = threading.Event()
        self._url = server.url
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> "Traffic":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for one in self._threads:
            one.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=20.0) as client:
            while not self._enough.is_set():
                start = time.perf_counter()
                answer = client.post("/predict", json={"records": [RECORD]})
                self.spent_s.append(time.perf_counter() - start)
                if answer.status_code == 200:
                    self.seen.append(answer.json()["version"])
                else:
                    self.failed.append(answer.text)


def test_a_challenger_comes_moves_and_goes_under_traffic_without_a_failed_request(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "share: 0.5, shadow: true")
    version(own_shop, fitted(3))
    server = Server(own_shop, "sale@live")
    try:
        with Traffic(server) as traffic:
            eventually(lambda: set(traffic.seen[-50:]) == {1, 2})
            said(own_shop, "alias", "sale/3", "challenger")
            eventually(lambda: set(traffic.seen[-50:]) == {1, 3})
            eventually(lambda: "shop/sale/2 is not on trial any more" in server.log)
            said(own_shop, "alias", "sale", "challenger", "--remove")
            eventually(lambda: set(traffic.seen[-50:]) == {1})
            eventually(lambda: "shop/sale/3 is not on trial any more" in server.log)
        assert traffic.failed == []
        assert challenger_of(server) is None
        assert "trueup_challenger_info" not in server.client.get("/metrics").text
        assert server.metric('trueup_swaps_total{model="sale",result="challenger"}') == 2
    finally:
        assert server.stop() == 0


def test_shadows_are_captured_under_the_same_ids_and_compared(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "shadow: true")
    server = Server(own_shop, "sale@live")
    try:
        eventually(lambda: challenger_of(server) == 2)
        records = [{"shop": one, "near": 0.01 * k, "staff": 3} for k in range(90) for one in "ab"]
        answer = server.predict(*records)
        assert (answer["version"], "explore" in answer) == (1, False)
        eventually(lambda: server.metric(SHADOWS % "compared") == 180)
        assert server.metric('trueup_role_rows_total{model="sale",role="shadow"}') == 180
        assert server.metric('trueup_role_rows_total{model="sale",role="champion"}') == 180
        differing = server.metric('trueup_challenger_disagreements_total{model="sale"}')
        distance = server.metric('trueup_challenger_score_difference_total{model="sale"}')
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: server.predict(RECORD)["version"] == 2)
        eventually(lambda: challenger_of(server) is None)  # it has won
        other = server.predict(*records)
    finally:
        assert server.stop() == 0
    pairs = list(zip(answer["predictions"], other["predictions"], strict=True))
    assert differing == sum(one["prediction"] != two["prediction"] for one, two in pairs) > 0
    assert distance == pytest.approx(sum(abs(a["score"] - b["score"]) for a, b in pairs), abs=1e-3)
    frame = captured(own_shop)
    frame = frame.filter(frame["id"].is_in(answer["ids"]))
    shadows = frame.filter(frame["role"] == "shadow").sort("id")
    assert shadows["id"].to_list() == answer["ids"]
    assert set(shadows["version"]) == {2}
    assert shadows["output.score"].to_list() == pytest.approx([two["score"] for _, two in pairs])
    champion = frame.filter(frame["version"] == 1).sort("id")
    assert champion["at"].to_list() == shadows["at"].to_list()


def test_a_challenger_that_does_not_fit_is_shown_and_changes_nothing(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "share: 1.0")
    path = own_shop / "trueup.yaml"
    before = path.read_text()
    path.write_text(before.replace("staff]", "staff, sold]"))
    other = version(own_shop, fitted(3, ("shop", "near", "staff", "sold")))
    path.write_text(before)
    said(own_shop, "alias", other, "challenger")
    server = Server(own_shop, "sale@live")
    try:
        eventually(lambda: server.metric('trueup_challenger_behind{model="sale"}') == 1)
        trouble = server.client.get("/v2/models/sale").json()["parameters"]["challenger_trouble"]
        assert "version 3 is not on trial: it takes 'sold'" in trouble
        assert server.predict(RECORD)["version"] == 1
        said(own_shop, "alias", "sale/2", "challenger")
        eventually(lambda: server.predict(RECORD)["version"] == 2)
        assert server.metric('trueup_challenger_behind{model="sale"}') == 0
    finally:
        server.stop()


@pytest.fixture
def moods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder whose files say how versions are."""
    folder = tmp_path / "moods"
    folder.mkdir()
    monkeypatch.setenv("MOODS", str(folder))
    return folder


@pytest.fixture
def shadowed(tmp_path: Path, moods: Path) -> Iterator[Server]:
    """A server whose challenger predicts in shadow."""
    server = Server(moody_project(tmp_path / "project", "shadow: true"), "sale@live")
    yield server
    server.stop()


def p99_s(server: Server, eventually: Eventually, requests: int = 400) -> float:
    """Return what 99 of 100 requests take at most."""
    with Traffic(server, 2) as traffic:
        eventually(lambda: len(traffic.spent_s) >= requests)
    assert not traffic.failed
    return sorted(traffic.spent_s)[int(0.99 * len(traffic.spent_s))]


@pytest.mark.parametrize("how", ["1.0", "busy"])
def test_a_challenger_that_takes_its_time_is_dropped_and_nobody_waits_for_it(
    shadowed: Server, moods: Path, eventually: Eventually, how: str
) -> None:
    eventually(lambda: challenger_of(shadowed) == 2)
    mood(moods, "second", how)
    slow_s = p99_s(shadowed, eventually, 2600)  # more than wait at most
    assert shadowed.metric(SHADOWS % "dropped") > 100
    mood(moods, "second", "")
    eventually(lambda: shadowed.metric(SHADOWS % "compared") > 1000)
    quick_s = p99_s(shadowed, eventually)
    print(f"{how}: p99 {slow_s * 1e3:.1f} ms, with a quick shadow {quick_s * 1e3:.1f} ms")
    assert slow_s < 3 * quick_s + 0.05


def test_a_failing_challenger_falls_back_to_the_live_version(
    tmp_path: Path, moods: Path, eventually: Eventually
) -> None:
    server = Server(moody_project(tmp_path / "project", "share: 1.0, shadow: true"), "sale@live")
    try:
        eventually(lambda: server.predict(RECORD)["version"] == 2)
        mood(moods, "second", "fails")
        assert [server.predict(RECORD)["version"] for _ in range(9)] == [1] * 9
        assert server.metric(FALLBACKS % "failed") == 5
        assert server.metric(FALLBACKS % "resting") == 4
        mood(moods, "second", "")
        eventually(lambda: server.predict(RECORD)["version"] == 2)  # it has rested
        mood(moods, "second", "30")
        assert server.predict(RECORD)["version"] == 1
        assert server.metric(FALLBACKS % "late") == 1
        mood(moods, "second", "")
    finally:
        server.process.kill()
        server.stop()


def test_without_a_configured_challenger_nothing_is_followed(own_shop: Path) -> None:
    said(own_shop, "alias", "sale/2", "challenger")
    server = Server(own_shop, "sale@live")
    try:
        said_of: Any = server.client.get("/v2/models/sale").json()["parameters"]
        assert "challenger" not in said_of
        assert server.predict(RECORD)["version"] == 1
        assert "challenger" not in server.client.get("/metrics").text
    finally:
        server.stop()


def test_a_trial_is_told_from_what_was_served_and_kept(
    own_shop: Path, eventually: Eventually, capsys: pytest.CaptureFixture[str]
) -> None:
    on_trial(own_shop, "shadow: true, explore: 50%")
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("target: sold", "target: sold, slices: [shop]"))
    said(own_shop, "promote", "sale/1", "--override", "--why", "to have a champion")
    server = Server(own_shop, "sale")
    try:
        eventually(lambda: challenger_of(server) == 2)
        records = [{"shop": one, "near": 0.01 * k, "staff": 3} for k in range(90) for one in "ab"]
        answer = server.predict(*records)
        labels = [{"id": one, "label": int(k // 2 > 50)} for k, one in enumerate(answer["ids"])]
        eventually(lambda: server.metric(SHADOWS % "compared") == 180)
        assert server.client.post("/feedback", json=labels).status_code == 200
    finally:
        assert server.stop() == 0
    capsys.readouterr()
    said(own_shop, "captures", "trial", "sale", "--json")
    found = msgspec.json.decode(capsys.readouterr().out)
    assert (found["number"], found["rows"], found["labelled"]) == (1, 180, 180)
    assert found["explored"] == len(answer["explore"])
    assert [one["measure"] for one in found["differences"]] == ["error_rate", "log_loss"]
    assert [one["value"] for one in found["slices"]] == ["a", "b"]
    said(own_shop, "captures", "trial", "sale/2", "--no-record")
    shown = capsys.readouterr().out
    assert "180 rows predicted by both, 180 of them labelled" in shown
    assert "not recorded" in shown


@pytest.mark.skipif(sys.platform != "linux", reason="several workers share a port there alone")
def test_with_several_workers_a_key_meets_one_version_whoever_is_asked(
    own_shop: Path, eventually: Eventually
) -> None:
    on_trial(own_shop, "share: 0.5, sticky_by: visitor")
    keys = [f"visitor-{k}" for k in range(30)]
    expected = {one: 2 if drawn("shop/sale", "share", one) < 0.5 else 1 for one in keys}
    server = Server(own_shop, "sale@live", "--workers", "2")
    try:
        eventually(lambda: server.log.count("shop/sale/2 is on trial") == 2)
        for _ in range(3):
            with httpx.Client(
                base_url=server.url, timeout=20.0
            ) as client:  # another worker's, maybe
                bodies = [{"records": [{**RECORD, "visitor": one}]} for one in keys]
                found = [client.post("/predict", json=one).json()["version"] for one in bodies]
            assert dict(zip(keys, found, strict=True)) == expected
        role = 'trueup_role_rows_total{model="sale",role="%s"}'
        challenged = list(expected.values()).count(2)
        assert server.metric(role % "challenger") == 3 * challenged
        assert server.metric(role % "champion") == 3 * (30 - challenged)
    finally:
        assert server.stop() == 0
