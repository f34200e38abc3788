"""What a server does with requests that are too large, too slow, too deep, or not allowed."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server
from trueup.serving.tokens import digest_of, new_token

HEAD = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def still_answers(server: Server) -> None:
    assert server.predict(RECORD)["version"] == 1


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"{HEAD}content-length: 1000000000\r\n\r\n".encode())
        assert b" 413 " in one.recv(1000)
    still_answers(server)


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f"{HEAD}transfer-encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(8):
                one.sendall(chunk)
        except OSError:  # it has hung up already
            pass
        assert b" 413 " in one.recv(1000)
    still_answers(server)


def test_a_body_in_chunks_within_the_limit_is_answered(server: Server) -> None:
    body = json.dumps({"records": [RECORD]}).encode()
    answer = server.client.post("/predict", content=iter([body[:20], body[20:]]))
    assert answer.status_code == 200


def test_a_client_that_sends_too_slowly_is_cut_off(server: Server) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
        one.sendall(f'{HEAD}content-length: 50\r\n\r\n{{"rec'.encode())
        answer = one.recv(1000)
    assert b" 503 " in answer
    assert b"retry-after" in answer
    assert 0.9 < time.monotonic() - began < 6
    still_answers(server)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000, 413),
        (b'{"records": [{"shop": ' + b'{"a":' * 20_000, 413),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b'{"records": [{"shop": "b", "near": NaN, "staff": 3}]}', 400),
        (b'{"records": [{"shop": "b", "near": Infinity, "staff": 3}]}', 400),
        (b'{"records": [{"shop": "b", "near": 1e999, "staff": 3}]}', 400),
        (b'{"records": []}', 422),
        (b'{"records": 7}', 400),
        (b"null", 400),
        (b'{"records": [{"shop": "b", "near": 1, "staff": 2.5}]}', 422),
        (b'{"records": [{"shop": "b", "near": 1, "staff": 2}], "ids": ["a", "a"]}', 422),
    ],
)
def test_what_is_no_request_is_refused_and_never_a_fault(
    server: Server, body: bytes, status: int
) -> None:
    for path in ("/predict", "/invocations", "/v2/models/sale/infer", "/feedback"):
        headers = {"content-type": "application/json"}
        answer = server.client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.text)
        assert "Traceback" not in answer.text
        assert answer.json()["error"]
        if path == "/predict":
            assert answer.status_code == status, answer.text
    still_answers(server)


def test_a_whole_number_may_come_with_a_point(server: Server) -> None:
    body = b'{"records": [{"shop": "b", "near": 0.5, "staff": 3.0}]}'
    answer = server.client.post("/predict", content=body)
    assert answer.json()["predictions"] == server.predict(RECORD)["predictions"]


def test_more_rows_than_allowed_are_refused(server: Server) -> None:
    answer = server.client.post("/predict", json=[RECORD] * 1001)
    assert answer.status_code == 413
    assert "1001 rows" in answer.json()["error"]


def test_paths_and_methods_that_are_not_there_are_said_to_be_so(server: Server) -> None:
    for path in ("/nothing", "/v2/models/other"):
        answer = server.client.get(path)
        assert answer.status_code == 404
        assert answer.json()["remedy"]
    for path in ("/predict", "/v2/models/sale/infer"):
        answer = server.client.get(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = server.client.post("/predict/sael", json={"records": [RECORD]})
    assert "Did you mean 'sale'?" in answer.json()["remedy"]


def test_a_harmless_request_id_comes_back_and_another_does_not(server: Server) -> None:
    for given, comes_back in (("abc-123", True), ("a b<script>", False)):
        headers = {"x-request-id": given}
        answer = server.client.post("/predict", content=b"x", headers=headers)
        assert (answer.json()["request_id"] == given) is comes_back


def test_tokens_open_what_their_scope_says_and_nothing_else(own_shop: Path) -> None:
    tokens = {scope: new_token() for scope in ("predict", "feedback", "admin")}
    known = ", ".join(
        f"{scope}: {{sha256: {digest_of(one)}, scopes: [{scope}]}}" for scope, one in tokens.items()
    )
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text() + f"      auth: {{tokens: {{{known}}}}}\n")
    assert not any(one in path.read_text() for one in tokens.values())
    asked: dict[str, tuple[str, Any]] = {
        "predict": ("/predict", {"records": [RECORD]}),
        "feedback": ("/feedback", {"id": "a", "label": 1}),
        "admin": ("/admin/refresh", {}),
    }
    server = Server(own_shop, "sale@live")
    try:
        for needed, (path_, body) in asked.items():
            assert server.client.post(path_, json=body).status_code == 401
            for scope, token in {**tokens, "none": "trueup_x"}.items():
                headers = {"authorization": f"Bearer {token}"}
                status = server.client.post(path_, json=body, headers=headers).status_code
                assert status == (401 if scope == "none" else 200 if scope == needed else 403)
    finally:
        server.stop()


def test_beyond_the_concurrency_it_answers_busy_and_says_when_to_come_again(
    own_shop: Path, eventually: Callable[..., None]
) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("arrive_s: 1.0", "arrive_s: 5.0, concurrency: 1"))
    server = Server(own_shop, "sale@live")
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            slow.sendall(f'{HEAD}content-length: 50\r\n\r\n{{"rec'.encode())
            eventually(lambda: server.metric("trueup_requests_in_flight") == 1)
            answer = server.client.post("/predict", json={"records": [RECORD]})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert server.client.get("/v2/health/live").status_code == 200
    finally:
        server.stop()


def test_a_client_that_hangs_up_is_no_fault_of_the_server(server: Server) -> None:
    before = server.log.count("Traceback")
    for part in ('{"rec', "", '{"records": []}' + " " * 35):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as one:
            one.sendall(f"{HEAD}content-length: 50\r\n\r\n{part}".encode())
    still_answers(server)
    assert server.log.count("Traceback") == before
    assert server.metric('trueup_requests_total{route="predict",status="500"}') == 0
