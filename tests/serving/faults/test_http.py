"""HTTP as it should not be spoken, and as it rarely is: pipelined, 1.0, HEAD, hostile headers.

Nothing is lost: every connection gets its answers or is closed, and no other client notices.
"""

import json
import socket

import pytest

from tests.serving.faults.wire import BODY, connection, exchange, is_closed, read, request
from tests.serving.servers import RECORD, Server


@pytest.fixture(autouse=True)
def serves_on(server: Server) -> object:
    """After each of these the server answers, and has had no fault."""
    faults = server.log.count("Traceback")
    yield
    assert server.predict(RECORD)["version"] == 1
    assert server.log.count("Traceback") == faults


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    parts = [
        request(json.dumps({"records": [RECORD], "ids": [f"nth-{k}"]}).encode()) for k in range(20)
    ]
    answers = exchange(server, b"".join(parts), answers=20)
    assert [one.says["ids"] for one in answers] == [[f"nth-{k}"] for k in range(20)]


def test_a_refused_request_in_a_pipeline_costs_no_other(server: Server) -> None:
    answers = exchange(server, request() + request(b"[") + request(), answers=3)
    assert [one.status for one in answers] == [200, 400, 200]


def test_http_1_0_is_answered_and_hung_up_on(server: Server) -> None:
    with connection(server) as one:
        one.sendall(request(line="POST /predict HTTP/1.0"))
        assert [answer.status for answer in read(one)] == [200]
        assert is_closed(one)


@pytest.mark.parametrize("path", ["/ping", "/v2/health/ready", "/metrics", "/v2/models/sale"])
def test_head_is_answered_as_get_without_a_body(server: Server, path: str) -> None:
    with connection(server) as one:
        one.sendall(f"HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        with one.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "FROB"])
def test_a_method_that_is_not_there_is_told_which_are(server: Server, method: str) -> None:
    (answer,) = exchange(server, request(line=f"{method} /predict HTTP/1.1"))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_client_that_asks_first_is_told_to_go_on_or_refused_before_it_sends(
    server: Server,
) -> None:
    with connection(server) as one:
        one.sendall(request(b"", "expect: 100-continue", length=len(BODY)))
        assert b"100 Continue" in one.recv(100)
        one.sendall(BODY)
        assert read(one)[0].status == 200
    (answer,) = exchange(server, request(b"", "expect: 100-continue", length=1_000_000))
    assert answer.status == 413


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "content-length: 80"),
        ("content-length: -5",),
        ("content-length: 99999999999999999999999999",),
        ("content-length: 5", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked, identity",),
        ("transfer-encoding: xchunked",),
        ("content-length: 0x10",),
        ("content-length: +5",),
        ("x-broken\x00: a",),
        ("x-broken: a\x00b",),
        ("x-broken : a",),
        ("x-request-id: a\rset-cookie: b",),
    ],
)
def test_what_a_proxy_could_understand_in_another_way_is_refused_and_hung_up_on(
    server: Server, lines: tuple[str, ...]
) -> None:
    """No second request can hide in what is read as the body of the first."""
    hidden = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"
    with connection(server, 5.0) as one:
        one.sendall(request(hidden, *lines, length=None))
        answers = read(one, 2)
    assert [answer.status for answer in answers] in ([400], [422], [400, 400]), answers
    assert not any(b"trueup_requests_total" in answer.body for answer in answers)


@pytest.mark.parametrize(
    "headers",
    [
        ["x-long: " + "a" * 1_000_000],
        [f"x-{k}: 1" for k in range(5000)],
        ["cookie: " + "a=b; " * 200_000],
    ],
    ids=["long", "many", "cookie"],
)
def test_headers_beyond_measure_are_refused(server: Server, headers: list[str]) -> None:
    (answer,) = exchange(server, request(BODY, *headers))
    assert answer.status == 431


def test_bytes_in_headers_that_are_no_text_do_no_harm(server: Server) -> None:
    strange = ["x-request-id: \xff\xfe", "accept: \xff", "user-agent: \xff", "authorization: \xff"]
    assert exchange(server, request(BODY, *strange))[0].status == 200
    (answer,) = exchange(server, request(b"x", *strange))
    assert answer.says["request_id"].isalnum()
    path = "POST /admin/refresh HTTP/1.1"
    assert exchange(server, request(b"", "authorization: Bearer \xff", line=path))[0].status == 401


@pytest.mark.parametrize(
    "target",
    ["/v2/models/%ff%00", "/v2/models/..%2f..%2fetc", "/" + "a" * 60_000, "/v2/models/%zz",
     "//", "/../../etc/passwd", "/predict/%0d%0aset-cookie:x", "/v2/models//ready", "*"],
)  # fmt: skip
def test_a_path_that_is_none_of_ours_is_not_found_and_not_repeated_at_length(
    server: Server, target: str
) -> None:
    (answer,) = exchange(server, request(b"", line=f"GET {target} HTTP/1.1"))
    assert answer.status in (404, 405)
    assert len(answer.body) < 1000
    assert "set-cookie" not in answer.headers


def test_no_line_of_the_log_can_be_forged_by_a_path(server: Server) -> None:
    line = "GET /x%0aERROR%20forged%0d%1b[31m HTTP/1.1"
    assert exchange(server, request(b"", line=line))[0].status == 404
    assert "forged" in server.log
    assert not any(one.startswith("ERROR") for one in server.log.splitlines())
    assert "\x1b" not in server.log


@pytest.mark.parametrize(
    "sent",
    [
        bytes(range(256)) * 4,
        bytes.fromhex("16030100a5010000a10303") + bytes(160),  # TLS, where there is none
        b"GET /ping\r\n\r\n",  # HTTP 0.9
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v2/models/\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\r\n" * 1000,
        b"GET /ping HTTP/1.1\r\n" + b"\xff" * 100 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_1_is_hung_up_on(server: Server, sent: bytes) -> None:
    with connection(server, 15.0) as one:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        assert is_closed(one)
