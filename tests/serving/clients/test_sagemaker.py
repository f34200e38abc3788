"""What SageMaker asks of a container, asked as its documentation says.

GET /ping within 2 s, at any time; POST /invocations with what InvokeEndpoint was given, within
60 s; at the port that SAGEMAKER_BIND_TO_PORT names; batch transform with many records a call.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server

LINE = ",".join(map(str, RECORD.values()))
PING_S = 2.0


def invoke(server: Server, body: bytes, kind: str, **headers: str) -> Any:
    """Ask as the platform does, with its headers."""
    given = {
        "content-type": kind,
        "x-amzn-sagemaker-custom-attributes": "trace-id=abc; c000b4f9",
        "x-amzn-sagemaker-target-model": "model.tar.gz",
        **headers,
    }
    return server.client.post("/invocations", content=body, headers=given)


def test_ping_is_answered_at_once_with_200(server: Server) -> None:
    began_s = time.monotonic()
    assert server.client.get("/ping").status_code == 200
    assert time.monotonic() - began_s < PING_S


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "*/*", ""])
def test_csv_and_json_are_taken_and_given_as_asked(server: Server, accept: str) -> None:
    (expected,) = server.predict(RECORD)["predictions"]
    json = b'{"instances": [{"shop": "b", "near": 0.5, "staff": 3}]}'
    for body, kind in ((LINE.encode(), "text/csv"), (json, "application/json")):
        answer = invoke(server, body, kind, accept=accept)
        assert answer.status_code == 200
        if accept == "text/csv":
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.text.splitlines()[1] == f"{expected['prediction']},{expected['score']}"
        else:
            assert answer.json()["predictions"] == [expected]


def test_a_batch_of_lines_is_answered_a_line_each_in_order(server: Server) -> None:
    """Batch transform with MultiRecord joins lines up to MaxPayloadInMB, without a header."""
    lines = [f"b,{k / 1000},3" for k in range(1000)]
    answer = invoke(server, "\n".join(lines).encode(), "text/csv", accept="text/csv")
    rows = [{"shop": "b", "near": k / 1000, "staff": 3} for k in range(1000)]
    expected = [one["score"] for one in server.predict(*rows)["predictions"]]
    assert [float(one.split(",")[1]) for one in answer.text.splitlines()[1:]] == expected


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n"])
def test_an_empty_record_is_a_client_error_that_names_it(server: Server, body: bytes) -> None:
    answer = invoke(server, body, "text/csv")
    assert answer.status_code == 422
    assert "no row" in answer.json()["error"]


@pytest.mark.slow
def test_the_largest_payload_of_the_platform_is_taken(own_shop: Path) -> None:
    """6 MB a call; the default limits are 16 MiB and 10,000 rows."""
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("body_bytes: 200000, rows: 1000", "answer_s: 20.0"))
    path.write_text(path.read_text().replace("answer_s: 5.0, ", ""))
    server = Server(own_shop, "sale@live")
    try:
        wide = ("x" * 590 + "," + "0.5,3\n").encode()
        body = wide * ((6 << 20) // len(wide))
        assert len(body) > 6_000_000
        lines = body.splitlines(keepends=True)
        assert invoke(server, body, "text/csv").status_code == 413
        answer = invoke(server, b"".join(lines[:10_000]), "text/csv", accept="text/csv")
        assert answer.status_code == 200
        assert len(answer.text.splitlines()) == 10_001
    finally:
        server.stop()


def test_it_listens_where_the_platform_says(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAGEMAKER_BIND_TO_PORT names the port; the command line's own word goes before it."""
    import socket
    import subprocess
    import sys

    from tests.serving.servers import httpx

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    monkeypatch.setenv("SAGEMAKER_BIND_TO_PORT", str(port))
    command = [sys.executable, "-m", "trueup", "-C", str(own_shop), "serve", "sale@live"]
    with (own_shop / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + 30
        while time.monotonic() < end_s:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/ping").status_code == 200:
                    return
            except httpx.TransportError:
                assert process.poll() is None, (own_shop / "serve.log").read_text()
        pytest.fail("it does not listen there")
    finally:
        process.terminate()
        process.wait(30)
