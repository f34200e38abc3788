"""Clients that send slowly, read slowly or say nothing: cut off, and no other client waits.

Lost is the slow client's own request. The bounds: ``idle_s`` for headers and silence, ``arrive_s``
for a body.
"""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.serving.faults.load import Load
from tests.serving.faults.memory import memory_bytes
from tests.serving.faults.wire import connection, is_closed, read, request
from tests.serving.servers import RECORD, Server

MANY = 100
NOT_HARMED_S = 0.25  # nine of ten requests, on a machine that does other things too


@contextmanager
def dripping(one: socket.socket, bits: bytes, every_s: float = 0.05) -> Iterator[None]:
    """Send a byte now and then, until the end of the block or of the connection."""
    enough = threading.Event()

    def drip() -> None:
        for bit in bits:
            if enough.wait(every_s):
                return
            try:
                one.sendall(bytes([bit]))
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_a_body_that_drips_is_cut_off_however_steadily(server: Server) -> None:
    """The bound is the whole body's, so that a byte now and then does not extend it."""
    began_s = time.monotonic()
    with connection(server) as one:
        one.sendall(request(b"", length=10_000))
        with dripping(one, b" " * 10_000):
            (answer,) = read(one)
            assert answer.status == 503
            assert answer.headers["retry-after"] == "1"
            assert is_closed(one)
    assert 0.9 < time.monotonic() - began_s < 6


def test_many_slow_bodies_delay_nobody(server: Server, eventually: Callable[..., None]) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connection(server)) for _ in range(MANY)]
        with Load(server, threads=2) as load:
            for one in slow:
                one.sendall(request(b'{"rec', length=50))
            eventually(lambda: len(load.answered) > 200)
        cut_off = [read(one)[0].status for one in slow]
    assert not load.failed
    assert load.slowest_s(0.9) < NOT_HARMED_S
    assert cut_off == [503] * MANY


def test_many_who_begin_a_request_or_nothing_at_all_delay_nobody(
    server: Server, eventually: Callable[..., None]
) -> None:
    with ExitStack() as stack:
        for k in range(MANY * 3):
            one = stack.enter_context(connection(server))
            one.sendall((b"", b"POST /predict HTTP/1.1\r\nhost:", request())[k % 3])
        with Load(server, threads=2) as load:
            eventually(lambda: len(load.answered) > 200)
    assert not load.failed
    assert load.slowest_s(0.9) < NOT_HARMED_S


@pytest.mark.slow
def test_who_says_nothing_or_begins_slowly_is_hung_up_on_in_time(
    server: Server,
) -> None:
    began_s = time.monotonic()
    with ExitStack() as stack:
        silent, slow, kept = (stack.enter_context(connection(server, 20.0)) for _ in range(3))
        slow.sendall(b"GET /ping HTTP/1.1\r\n")
        kept.sendall(request())
        read(kept)
        with dripping(slow, b"x" * 1000, every_s=0.1):
            assert all(is_closed(one) for one in (silent, slow, kept))
    assert 4 < time.monotonic() - began_s < 10


def test_who_does_not_read_delays_nobody_and_keeps_no_memory(
    server: Server, eventually: Callable[..., None]
) -> None:
    """What is answered and not read is bounded: no further request is read before it is gone."""
    with ExitStack() as stack:
        unread(stack.enter_context(connection(server)))
        before = memory_bytes(server)
        for _ in range(3):
            unread(stack.enter_context(connection(server)))
        with Load(server, threads=2) as load:
            eventually(lambda: len(load.answered) > 200)
        grown = memory_bytes(server) - before
    assert not load.failed
    assert load.slowest_s(0.9) < NOT_HARMED_S
    assert grown < 32 << 20


@pytest.mark.slow
def test_who_does_not_read_is_hung_up_on(server: Server) -> None:
    """The kernel asks ever more rarely whether there is room, so 20 s may become 40."""
    began_s = time.monotonic()
    with connection(server, 60.0) as one:
        unread(one)
        waiting = select.poll()
        waiting.register(one, select.POLLERR | select.POLLHUP)
        ended = waiting.poll(60_000)
    assert ended
    assert 15 < time.monotonic() - began_s < 60


@pytest.mark.slow
def test_who_does_not_read_does_not_keep_the_server_from_its_end(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live")
    with connection(server) as one:
        unread(one)
        assert server.stop() == 0


def unread(one: socket.socket) -> None:
    """Ask and never read, until nothing more can be asked."""
    ids = [f"{k:0200}" for k in range(400)]  # they come back
    body = json.dumps({"records": [RECORD] * 400, "ids": ids}).encode()
    pending = memoryview(request(body) * 400)  # more than the kernel holds on both sides
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.setblocking(False)
    while pending and select.select([], [one], [], 0.3)[1]:
        pending = pending[one.send(pending[: 1 << 20]) :]
    assert pending
