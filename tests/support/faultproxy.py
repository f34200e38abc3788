"""An HTTP proxy before a real server that fails as networks and clouds do, and counts requests."""

import contextlib
import http.client
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


class Fault(Enum):
    """What can happen to a request."""

    SERVER_ERROR = "500 without reaching the server"
    SLOW_DOWN = "503 without reaching the server"
    CONFLICT = "409 without reaching the server"
    RESET = "the connection is reset before the server sees anything"
    LOST_ANSWER = "the server does it, and the connection is reset before the answer"
    LATE_ERROR = "the server does it, and the answer is 500"
    DELAY = "the server gets it late"


@dataclass(frozen=True)
class Request:
    """One request as the client sent it; number counts from 1."""

    number: int
    method: str
    target: str


Choose = Callable[[Request], Fault | None]
_STATUS = {Fault.SERVER_ERROR: 500, Fault.SLOW_DOWN: 503, Fault.CONFLICT: 409}
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def never(request: Request) -> Fault | None:
    """Let everything through."""
    return None


def at_random(seed: int, share: float, faults: Sequence[Fault] = tuple(Fault)) -> Choose:
    """Let a share of the requests meet a fault; the same seed draws the same sequence."""
    draw, lock = random.Random(seed), threading.Lock()  # noqa: S311 -- a test's seeded choice

    def choose(request: Request) -> Fault | None:
        with lock:
            return draw.choice(faults) if draw.random() < share else None

    return choose


@dataclass
class FaultProxy:
    """``with FaultProxy("http://127.0.0.1:8333", choose) as proxy: ... proxy.url``."""

    upstream: str
    choose: Choose = never
    delay_s: float = 0.05
    strip: frozenset[str] = frozenset()  # header names, in small letters, that get lost
    requests: list[Request] = field(default_factory=list)
    met: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()

    def __enter__(self) -> "FaultProxy":
        proxy = self

        class Edge(_Edge):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Edge)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where clients find the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def decide(self, method: str, target: str) -> Fault | None:
        """Count a request and say what is to happen to it."""
        with self._lock:
            request = Request(len(self.requests) + 1, method, target)
            self.requests.append(request)
        fault = self.choose(request)
        if fault:
            with self._lock:
                self.met.append(fault)
        return fault

    def forward(
        self, edge: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send a request on as it came (its signature covers the Host header) and return all."""
        parts = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        with contextlib.closing(connection):
            connection.putrequest(
                edge.command, edge.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in edge.headers.items():
                if name.lower() not in (_HOP - {"content-length"}) | self.strip:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: connections that break are what this server is for."""


class _Edge(BaseHTTPRequestHandler):
    owner: FaultProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.owner.decide(self.command, self.path)
        if fault in _STATUS:
            self._send(_STATUS[fault], [], b"<Error><Code>Injected</Code></Error>")
            return
        if fault is Fault.RESET:
            self._reset()
            return
        if fault is Fault.DELAY:
            time.sleep(self.owner.delay_s)
        status, headers, content = self.owner.forward(self, body)
        if fault is Fault.LOST_ANSWER:
            self._reset()
        elif fault is Fault.LATE_ERROR:
            self._send(500, [], b"<Error><Code>Injected</Code></Error>")
        else:
            self._send(status, headers, content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 -- http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing on stderr."""

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)  # close() sends RST and forgets what was not sent
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
