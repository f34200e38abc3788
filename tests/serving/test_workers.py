"""Several processes behind one port: alike, counted together, and none missed when one dies."""

import ctypes
import os
import shutil
import signal
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.servers import RECORD, Server, fitted, httpx, said, version
from trueup.serving.tokens import digest_of, new_token

SCOPES = "predict, admin"
SWAPPED = 'trueup_swaps_total{model="sale",result="swapped"}'
Eventually = Callable[..., None]


@pytest.fixture
def two(own_shop: Path) -> Iterator[Server]:
    """A server of two workers that follows the live version."""
    server = Server(own_shop, "sale@live", "--workers", "2")
    yield server
    server.stop()


def workers_of(server: Server) -> list[int]:
    """Return the processes that a server has started."""
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(one) for one in path.read_text().split()]


def ask_often(server: Server, times: int) -> Counter[int]:
    """Ask so often, each time over a connection of its own, and count the answering versions."""
    found: Counter[int] = Counter()
    for _ in range(times):
        answer = httpx.post(f"{server.url}/predict", json=[RECORD])
        assert answer.status_code == 200, answer.text
        found[answer.json()["version"]] += 1
    return found


def test_whichever_worker_is_asked_the_counts_are_those_of_all(two: Server) -> None:
    ask_often(two, 30)
    for _ in range(10):
        found = httpx.get(f"{two.url}/metrics").text
        assert 'trueup_requests_total{route="predict",status="200"} 30\n' in found
        assert 'trueup_request_duration_seconds_count{route="predict"} 30\n' in found
        assert "trueup_workers 2\n" in found


def test_all_workers_switch_or_none_does(
    two: Server, own_shop: Path, eventually: Eventually
) -> None:
    said(own_shop, "alias", "sale/2", "live")
    eventually(lambda: set(ask_often(two, 12)) == {2})
    assert two.metric('trueup_swaps_total{model="sale",result="swapped"}') == 1


def test_a_worker_that_is_killed_costs_the_others_nothing_and_comes_back(
    two: Server, eventually: Eventually
) -> None:
    ask_often(two, 20)
    before = two.metric('trueup_requests_total{route="predict",status="200"}')
    killed = workers_of(two)[0]
    os.kill(killed, signal.SIGKILL)
    two.client.close()
    two.client = httpx.Client(base_url=two.url)  # the old connection may have been to that one
    eventually(lambda: two.metric('trueup_worker_restarts_total{worker="0"}') == 1, timeout_s=20)
    assert set(ask_often(two, 20)) == {1}
    assert two.metric('trueup_requests_total{route="predict",status="200"}') == before + 20
    eventually(lambda: two.metric("trueup_workers") == 2, timeout_s=20)
    assert killed not in workers_of(two)


def test_one_without_its_parent_ends(two: Server, eventually: Eventually) -> None:
    workers = workers_of(two)
    two.process.kill()
    two.process.wait()
    eventually(lambda: not any(Path(f"/proc/{one}").exists() for one in workers), timeout_s=20)


def test_what_all_workers_have_answered_is_captured_once_they_have_ended(
    two: Server, own_shop: Path
) -> None:
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    ids = [httpx.post(f"{two.url}/predict", json=[RECORD]).json()["ids"][0] for _ in range(30)]
    assert two.stop() == 0
    found = captures(open_workspace(own_shop, {}).bucket, "shop/sale").collect()
    assert sorted(found["id"]) == sorted(ids)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_answers_over_a_connection_that_is_kept_never_wait_for_an_acknowledgement(
    own_shop: Path, workers: str
) -> None:
    server = Server(own_shop, "sale@live", "--workers", workers)
    try:
        for _ in range(8):  # some for each worker
            with httpx.Client(base_url=server.url) as client:
                spent = []
                for _ in range(30):
                    began = time.perf_counter()
                    client.post("/predict", json=[RECORD])
                    spent.append(time.perf_counter() - began)
            assert statistics.median(spent) < 0.035  # a stall is 40 ms or more
        processes = [server.process.pid] if workers == "1" else workers_of(server)
        with socket.create_connection(("127.0.0.1", server.port)):
            server.predict(RECORD)
            found = [one for process in processes for one in no_delays(process, server.port)]
        assert found
        assert all(found)
    finally:
        server.stop()


def no_delays(process: int, port: int) -> list[bool]:
    """Return TCP_NODELAY of each connection that a process has accepted at a port."""
    libc, descriptor, found = ctypes.CDLL(None), os.pidfd_open(process), []
    for path in Path(f"/proc/{process}/fd").iterdir():
        other = libc.syscall(438, descriptor, int(path.name), 0)  # pidfd_getfd
        if other < 0:
            continue
        try:
            one = socket.socket(fileno=other)
        except OSError:  # no socket
            os.close(other)
            continue
        with one:
            try:
                one.getpeername()
                if one.family == socket.AF_INET and one.getsockname()[1] == port:
                    found.append(bool(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            except OSError:  # it listens
                continue
    os.close(descriptor)
    return found


def test_promoting_in_mid_traffic_costs_no_request(
    two: Server, own_shop: Path, eventually: Eventually
) -> None:
    stop, wrong, seen = threading.Event(), [], Counter[int]()

    def ask() -> None:
        with httpx.Client(base_url=two.url, timeout=20.0) as client:
            while not stop.is_set():
                answer = client.post("/predict", json=[RECORD])
                if answer.status_code == 200:
                    seen[answer.json()["version"]] += 1
                else:
                    wrong.append(answer.text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        eventually(lambda: seen[1] > 20)
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: set(ask_often(two, 8)) == {2}, timeout_s=20)
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert wrong == []
    assert seen[2] > 0


def test_a_version_that_cannot_be_served_is_served_by_none_and_all_show_it(
    two: Server, own_shop: Path, eventually: Eventually
) -> None:
    damaged = version(own_shop, fitted(4))
    for pack in (own_shop / ".trueup" / "store").rglob("*.pack"):
        pack.unlink()
    shutil.rmtree(own_shop / ".trueup" / "store" / "objects", ignore_errors=True)
    said(own_shop, "alias", damaged, "live")
    eventually(lambda: two.metric('trueup_model_behind{model="sale"}') == 1)
    for _ in range(6):
        found = httpx.get(f"{two.url}/v2/models/sale").json()
        assert "version 3 is not served" in found["parameters"]["trouble"]
    assert set(ask_often(two, 6)) == {1}
    assert two.metric('trueup_swaps_total{model="sale",result="refused"}') == 1
    said(own_shop, "alias", "sale/1", "live")
    eventually(lambda: two.metric('trueup_model_behind{model="sale"}') == 0)


@pytest.mark.parametrize("how", ["signal", "call"])
def test_all_look_at_once_when_they_are_told_to(
    own_shop: Path, eventually: Eventually, how: str
) -> None:
    token = new_token()
    path = own_shop / "trueup.yaml"
    text = path.read_text().replace("poll: 0.2s", "poll: 1h")
    text += f"      auth: {{tokens: {{ops: {{sha256: {digest_of(token)}, scopes: [{SCOPES}]}}}}}}\n"
    path.write_text(text)
    headers = {"authorization": f"Bearer {token}"}
    server = Server(own_shop, "sale@live", "--workers", "2")
    try:
        said(own_shop, "alias", "sale/2", "live")
        if how == "signal":
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.metric(SWAPPED) == 1)
        else:
            answer = httpx.post(f"{server.url}/admin/refresh", headers=headers, timeout=20)
            assert answer.json()["sale"] == {"version": 2, "trouble": ""}
        for _ in range(8):
            asked = httpx.post(f"{server.url}/predict", json=[RECORD], headers=headers)
            assert asked.json()["version"] == 2
    finally:
        assert server.stop() == 0


@pytest.mark.slow
def test_a_worker_that_is_ended_while_all_answer_finishes_what_it_has(
    two: Server, eventually: Eventually
) -> None:
    """An operator may replace workers one by one, as with a certificate that was renewed."""
    before = workers_of(two)
    with httpx.Client(base_url=two.url) as client:
        client.post("/predict", json=[RECORD])
        for one in before:
            os.kill(one, signal.SIGTERM)
            restarts = f'trueup_worker_restarts_total{{worker="{before.index(one)}"}}'
            eventually(lambda restarts=restarts: fresh(two, restarts) == 1)
            eventually(lambda: fresh(two, "trueup_workers") == 2)
    assert not set(before) & set(workers_of(two))


def fresh(server: Server, name: str) -> float:
    """Return a sample, asked for over a connection of its own; -1 where that was cut off."""
    try:
        text = httpx.get(f"{server.url}/metrics").text
    except httpx.TransportError:
        return -1
    return next((float(one.split()[-1]) for one in text.splitlines() if one.startswith(name)), 0.0)


def test_no_process_loads_what_models_are_made_with(two: Server) -> None:
    ask_often(two, 4)
    for process in (two.process.pid, *workers_of(two)):
        mapped = Path(f"/proc/{process}/maps").read_text()
        for heavy in ("polars", "scipy", "pyarrow", "sklearn", "pandas", "obstore"):
            assert f"/{heavy}/" not in mapped
    assert "/onnxruntime/" not in Path(f"/proc/{two.process.pid}/maps").read_text()
