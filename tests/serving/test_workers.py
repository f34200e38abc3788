"""Several processes behind one port: alike, counted together, and none missed when one dies."""

import ctypes
import os
import signal
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.servers import RECORD, Server, httpx, said

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
