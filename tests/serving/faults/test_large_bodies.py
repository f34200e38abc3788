"""A body of a gigabyte: refused before it is here, in memory that its size has no part in.

Lost is that request alone. The bound is ``body_bytes`` for each request under way.
"""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from threading import Thread

import pytest

from tests.serving.faults.load import Load
from tests.serving.faults.memory import memory_bytes
from tests.serving.faults.wire import Answer, connection, read, request
from tests.serving.servers import RECORD, Server

GIGABYTE = 1 << 30
PART = b" " * (1 << 16)
GROWN_BYTES = 32 << 20
REFUSED: tuple[list[int], ...] = (
    [413],
    [503],
    [],
)  # too much; too late, in tiny parts; a reset may overtake the answer


def poured(server: Server, head: bytes, part: bytes) -> tuple[list[Answer], int]:
    """Send a head and then a gigabyte, or as much of it as is taken; return what is answered."""
    with connection(server, 5.0) as one:
        one.sendall(head)
        answers: list[Answer] = []
        reading = Thread(target=lambda: answers.extend(read(one)))
        reading.start()
        sent = 0
        try:
            while sent < GIGABYTE:
                one.sendall(part)
                sent += len(part)
        except OSError:  # it has hung up, or takes no more
            pass
        reading.join()
    return answers, sent


@pytest.mark.parametrize("many", [1, 8])
@pytest.mark.parametrize(
    ("announced", "part"),
    [(f"content-length: {GIGABYTE}", PART),
     ("transfer-encoding: chunked", b"10000\r\n" + PART + b"\r\n"),
     ("transfer-encoding: chunked", b"1\r\n \r\n" * 10_000)],
    ids=["announced", "in-chunks", "in-tiny-chunks"],
)  # fmt: skip
def test_a_gigabyte_is_refused_and_leaves_nothing_in_memory(
    server: Server, announced: str, part: bytes, many: int
) -> None:
    server.predict(*[RECORD] * 1000)
    before = memory_bytes(server)
    head = request(b"", announced, length=None)
    found: list[tuple[list[Answer], int]] = []
    threads = [Thread(target=lambda: found.append(poured(server, head, part))) for _ in range(many)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert memory_bytes(server) - before < GROWN_BYTES
    for answers, sent in found:
        assert sent < GIGABYTE / 10
        assert [one.status for one in answers] in REFUSED
    assert server.predict(RECORD)["version"] == 1


def test_a_chunk_that_says_it_is_endless_is_cut_off_too(server: Server) -> None:
    head = request(b"", "transfer-encoding: chunked", length=None)
    answers, sent = poured(server, head + b"fffffffffff\r\n", PART)
    assert sent < GIGABYTE / 10
    assert [one.status for one in answers] in REFUSED


def test_many_bodies_that_only_announce_themselves_cost_nobody_anything(
    server: Server, eventually: Callable[..., None]
) -> None:
    before = memory_bytes(server)
    with ExitStack() as stack:
        for _ in range(300):
            one: socket.socket = stack.enter_context(connection(server))
            one.sendall(request(b"", length=199_999))
        with Load(server, threads=2) as load:
            eventually(lambda: len(load.answered) > 100)
    assert not load.failed
    assert memory_bytes(server) - before < GROWN_BYTES


def test_the_largest_body_that_is_allowed_is_answered_a_byte_more_is_not(server: Server) -> None:
    body = json.dumps({"records": [RECORD]}).encode()
    for size, status in ((200_000, 200), (200_001, 413)):
        padded = body + b" " * (size - len(body))
        assert server.client.post("/predict", content=padded).status_code == status
        parts = iter([padded[:100_000], padded[100_000:]])
        assert server.client.post("/predict", content=parts).status_code == status
