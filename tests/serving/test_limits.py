"""What one token may take, however much room there is: 429, while the server's own bound is 503."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.servers import RECORD, Server, httpx
from trueup.errors import WrongUsage
from trueup.serving.refusals import BeyondShare, NotAllowed
from trueup.serving.shares import Share
from trueup.serving.tokens import Surroundings, digest_of, new_token, tokens_of

ALIVE = b"GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
Eventually = Callable[..., None]


@given(st.floats(0.1, 500), st.lists(st.floats(0, 0.5, allow_nan=False), min_size=1, max_size=200))
def test_whatever_the_pauses_no_more_is_let_in_than_the_rate_and_a_second_of_it(
    rate: float, pauses: list[float]
) -> None:
    share, now_s, taken = Share(rate), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        try:
            share.enter(now_s)
            taken += 1
        except BeyondShare:
            continue
    assert taken <= max(rate, 1.0) + rate * now_s + 1e-6


def test_after_the_time_that_is_said_the_next_request_is_let_in() -> None:
    share = Share(rate=0.4)
    share.enter(0.0)
    with pytest.raises(BeyondShare) as refused:
        share.enter(0.1)
    share.enter(0.1 + refused.value.retry_after_s)


def test_so_many_requests_at_once_and_one_more_when_one_has_ended() -> None:
    share = Share(concurrency=2)
    share.enter()
    share.enter()
    with pytest.raises(BeyondShare, match="2 requests under way"):
        share.enter()
    share.leave()
    share.enter()


@pytest.fixture
def guarded(own_shop: Path) -> Iterator[tuple[Server, dict[str, str], Path]]:
    """A server whose tokens come from a file, the environment and digests."""
    tokens = {name: new_token() for name in ("slow", "quick", "ops")}
    (own_shop / "ops.tokens").write_text(tokens["ops"] + "\n")
    known = (
        f"slow: {{sha256: [{digest_of('before')}, {digest_of(tokens['slow'])}],"
        " scopes: [predict], rate: 0.5},"
        f" quick: {{sha256: {digest_of(tokens['quick'])}, scopes: [predict], concurrency: 8}},"
        " ops: {file: ops.tokens, scopes: [admin]}"
    )
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text() + f"      auth: {{tokens: {{{known}}}}}\n")
    server = Server(own_shop, "sale@live")
    yield server, tokens, own_shop
    server.stop()


def asked(server: Server, token: str, path: str = "/predict") -> httpx.Response:
    """Ask with a token."""
    headers = {"authorization": f"Bearer {token}"}
    return server.client.post(path, json=[RECORD], headers=headers)


def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_answered(
    guarded: tuple[Server, dict[str, str], Path],
) -> None:
    server, tokens, _ = guarded
    assert asked(server, tokens["slow"]).status_code == 200
    refused = asked(server, tokens["slow"])
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert "0.5 times a second" in refused.json()["error"]
    assert asked(server, "before").status_code == 429  # the same bearer, by its older token
    for _ in range(20):
        assert asked(server, tokens["quick"]).status_code == 200
    assert server.metric('trueup_requests_refused_total{why="share"}') == 2


def test_a_token_in_a_file_is_exchanged_without_a_restart(
    guarded: tuple[Server, dict[str, str], Path], eventually: Eventually
) -> None:
    server, tokens, root = guarded
    assert asked(server, tokens["ops"], "/admin/refresh").status_code == 200
    new = new_token()
    (root / "ops.tokens").write_text(new)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: asked(server, new, "/admin/refresh").status_code == 200)
    assert asked(server, tokens["ops"], "/admin/refresh").status_code == 401
    (root / "ops.tokens").unlink()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the tokens stay as they were" in server.log)
    assert asked(server, new, "/admin/refresh").status_code == 200


def test_a_token_comes_from_the_environment_and_none_there_is_a_mistake() -> None:
    auth = {"tokens": {"web": {"secret": "WEB_TOKEN", "scopes": ["predict"]}}}
    token = new_token()
    tokens = tokens_of(auth, around=Surroundings({"WEB_TOKEN": token}))
    tokens.require(f"Bearer {token}", "predict")
    with pytest.raises(NotAllowed):
        tokens.require("Bearer WEB_TOKEN", "predict")
    for env in ({}, {"WEB_TOKEN": " "}):
        with pytest.raises(WrongUsage, match="WEB_TOKEN holds no token"):
            tokens_of(auth, around=Surroundings(env))


def test_a_token_that_comes_from_nowhere_is_refused() -> None:
    with pytest.raises(WrongUsage, match="sha256, secret and file"):
        tokens_of({"tokens": {"web": {"scopes": ["predict"]}}})


def test_beyond_so_many_connections_another_waits_until_one_is_closed(own_shop: Path) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("arrive_s: 1.0", "arrive_s: 1.0, connections: 2"))
    server = Server(own_shop, "sale@live")
    try:
        server.client.close()
        one, two = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(2))
        with one, two, socket.create_connection(("127.0.0.1", server.port)) as third:
            for kept in (one, two):
                kept.sendall(ALIVE)
                assert b" 200 " in kept.recv(1000)
            third.settimeout(0.5)
            third.sendall(ALIVE)
            with pytest.raises(TimeoutError):
                third.recv(1000)
            one.close()
            third.settimeout(10)
            assert b" 200 " in third.recv(1000)
    finally:
        server.stop()


@pytest.mark.slow
def test_a_connection_that_nobody_uses_is_closed(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=25) as idle:
        idle.sendall(ALIVE)
        assert b" 200 " in idle.recv(1000)
        assert idle.recv(1000) == b""  # after idle_s
