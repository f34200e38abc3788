"""Channels that are really there, on this machine: a webhook, a slow one, a mail server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any


class Hook:
    """A webhook that remembers what it was posted, and answers as it is told to."""

    def __init__(self, status: int, drip: bool) -> None:
        self.status, self.drip = status, drip
        self.posted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.over = threading.Event()
        self.port = 0

    def url(self, scheme: str = "json", path: str = "hook") -> str:
        """Return the address as apprise has it."""
        return f"{scheme}://127.0.0.1:{self.port}/{path}"


@contextmanager
def hook(status: int = 200, *, drip: bool = False) -> Iterator[Hook]:
    """Run a webhook; one that drips sends a letter now and then, and never ends."""
    known = Hook(status, drip)

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.posted.append(json.loads(body))
            known.headers.append(dict(self.headers))
            known.paths.append(self.path)
            self.send_response(known.status)
            self.send_header("Content-Length", "1000000" if known.drip else "0")
            self.end_headers()
            while known.drip and not known.over.wait(0.2):
                try:
                    self.wfile.write(b".")
                    self.wfile.flush()
                except OSError:
                    return

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    known.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield known
    finally:
        known.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Mails:
    """What a mail server has taken in."""

    def __init__(self) -> None:
        self.content: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take a mail."""
        self.content.append(envelope.content)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mails, int]]:
    """Run a mail server that takes every mail."""
    taken, loop = Mails(), asyncio.new_event_loop()
    protocol = import_module("aiosmtpd.smtp").SMTP
    making = loop.create_server(lambda: protocol(taken, loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(making)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield taken, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(server.wait_closed())
        loop.close()
