"""Runs the application on granian in this process, until a signal says that it is enough."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from trueup.models.libraries import library
from trueup.serving.http.app import Application
from trueup.serving.http.unread import hang_up_on_unread
from trueup.serving.plane import Plane
from trueup.serving.settling import settle

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_UNREAD_S = 20.0  # so long an answer may wait to be read
_GOODBYE_S = 5.0  # and so long at the end
_NOTICED_S = 0.2  # so long load balancers get to see that it is not ready any more


class Address(msgspec.Struct, frozen=True):
    """Where to listen, and with which certificate."""

    host: str = "127.0.0.1"
    port: int = 8000
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Say whether nobody from another machine can come in."""
        return self.host in _LOOPBACK

    def __str__(self) -> str:
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


class Beside(msgspec.Struct, frozen=True):
    """What runs beside the requests: tasks of the loop, and what a signal to look again calls."""

    tasks: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    look: Callable[[], None] = lambda: None
    started: Callable[[], None] = lambda: None


def run(plane: Plane, application: Application, address: Address, beside: Beside) -> None:
    """Serve until SIGTERM or SIGINT; then not ready, the requests under way, and the end.

    Accepted connections have TCP_NODELAY: granian sets it.
    """
    loop_factory = _fastest_loop()
    settle()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(plane, application, address, beside))


async def _serve(plane: Plane, application: Application, address: Address, beside: Beside) -> None:
    server = _server(application, address)
    loop = asyncio.get_running_loop()
    enough = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, enough.set)
    loop.add_signal_handler(signal.SIGHUP, beside.look)
    tasks = [loop.create_task(one()) for one in (application.sweep, *beside.tasks)]
    serving = loop.create_task(server.serve())
    tasks.append(loop.create_task(hang_up_on_unread(address.port, _UNREAD_S)))
    stopping = loop.create_task(enough.wait())
    beside.started()
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await _drained(plane)
        server.stop()
        await asyncio.wait((serving,), timeout=_GOODBYE_S)
    stopping.cancel()
    try:
        if serving.done():
            await serving
        else:
            serving.cancel()  # somebody does not read an answer
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drained(plane: Plane) -> None:
    plane.ready = False
    await asyncio.sleep(_NOTICED_S)
    for _ in range(round(max(one.terms.limits.drain_s for one in plane.lines.values()) / 0.05)):
        if plane.open == 0:
            return
        await asyncio.sleep(0.05)


def _server(application: Application, address: Address) -> Any:
    embed = library("granian.server.embed", "granian")
    http = library("granian.http", "granian")
    logging.getLogger("_granian").setLevel(logging.ERROR)
    return embed.Server(
        application,
        address=address.host,
        port=address.port,
        interface="rsgi",
        http="1",  # where version 2 is looked for, a client that says nothing is never cut off
        http1_settings=http.HTTP1Settings(header_read_timeout=round(application.idle_s * 1000)),
        backlog=2048,
        websockets=False,
        log_enabled=False,
        backpressure=application.connections,
        ssl_cert=address.certificate,
        ssl_key=address.key,
        ssl_protocol_min="tls1.2",
    )


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's where it is installed; it wakes up for a request in half the time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
