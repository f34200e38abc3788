"""HTTP as bytes on a socket, for what no well-behaved client would send."""

import json
import socket
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.serving.servers import RECORD, Server

BODY = json.dumps({"records": [RECORD]}).encode()


class Answer(msgspec.Struct, frozen=True):
    """One answer: its status, its headers in lower case, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def says(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def connection(server: Server, timeout_s: float = 20.0) -> socket.socket:
    """Return an open connection."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout_s)


def request(
    body: bytes = BODY,
    *headers: str,
    line: str = "POST /predict HTTP/1.1",
    length: int | None = -1,
) -> bytes:
    """Return a request; a length of -1 is the body's own, None announces none."""
    lines = [line, "host: x", "content-type: application/json", *headers]
    if length is not None:
        lines.append(f"content-length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def exchange(server: Server, sent: bytes | Iterable[bytes], answers: int = 1) -> list[Answer]:
    """Send bytes and read so many answers; fewer where the server hangs up before."""
    with connection(server) as one:
        try:
            for part in [sent] if isinstance(sent, bytes) else sent:
                one.sendall(part)
        except OSError:  # it has heard enough; what it said of it is still to be read
            pass
        return read(one, answers)


def read(one: socket.socket, answers: int = 1) -> list[Answer]:
    """Read answers from a connection, fewer where it ends before."""
    found: list[Answer] = []
    with one.makefile("rb") as stream:
        while len(found) < answers:
            try:
                line = stream.readline()
            except ConnectionError:
                break
            if not line:
                break
            status = int(line.split()[1])
            headers = {}
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            if status == 100:
                continue
            found.append(Answer(status, headers, stream.read(int(headers["content-length"]))))
    return found


def is_closed(one: socket.socket) -> bool:
    """Read until the server hangs up; False where it does not within the connection's timeout."""
    try:
        while one.recv(1 << 16):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True
