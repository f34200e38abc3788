"""The application that the HTTP server calls: finds the route, bounds the request, maps errors."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from trueup.errors import TrueupError
from trueup.ids import nonce
from trueup.serving.http.messages import (
    Reply,
    Request,
    Scope,
    WrongMethod,
    bug_reply,
    refusal_reply,
)
from trueup.serving.plane import Plane
from trueup.serving.refusals import NotReadHere, NotServed, TooLate, TooMuch, Unreadable
from trueup.serving.tokens import Tokens

Answering = Callable[[Plane, Request], Awaitable[Reply]]

_LOG = logging.getLogger("trueup.serving")
_SWEEP_S = 0.25
_REQUEST_ID = "x-request-id"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/")


class Route(msgspec.Struct, frozen=True):
    """What one path and method do; ``{model}`` and ``{version}`` stand for a part of the path."""

    name: str
    method: str
    path: str
    answer: Answering
    scope: Scope = ""  # what a token must allow
    bounded: bool = True  # counts among the requests under way


class Application:
    """Called once a request, on the event loop."""

    def __init__(self, plane: Plane, routes: tuple[Route, ...], tokens: Tokens) -> None:
        self._plane, self.tokens = plane, tokens
        self._exact = {(one.method, one.path): one for one in routes if "{" not in one.path}
        self._shaped = [(one.path.split("/"), one) for one in routes if "{" in one.path]
        limits = [line.terms.limits for line in plane.lines.values()]
        self._body_bytes = max(one.body_bytes for one in limits)
        self._arrive_s = max(one.arrive_s for one in limits)
        self._answer_s = max(one.answer_s for one in limits)
        self._deadlines: dict[asyncio.Task[Any], float] = {}

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request; whatever happens, something is replied."""
        start = time.perf_counter()
        name = "none"
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server makes one a request
        try:
            route, names = self._find(scope.method, scope.path)
            name = route.name
            if route.scope:
                self.tokens.require(scope.headers.get("authorization"), route.scope)
            reply = await self._reply(route, names, scope, proto, task)
        except TrueupError as error:
            reply = refusal_reply(error, _request_id(scope))
            self._say(scope, reply, error.problem)
        except asyncio.CancelledError:
            reply = self._late(task, scope)
        except Exception:  # noqa: BLE001 - the process's edge: no stack trace leaves it
            reply = bug_reply(_request_id(scope))
            _LOG.exception("request %s of %s failed", _header(reply), scope.path[:200])
        finally:
            self._deadlines.pop(task, None)
        spent_s = time.perf_counter() - start
        self._plane.counts.request(name, reply.status, spent_s)
        proto.response_bytes(reply.status, reply.headers, reply.body)

    async def sweep(self) -> None:
        """Cut off requests that take too long, until cancelled; costs a request next to nothing."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = time.perf_counter()
            for task, deadline in list(self._deadlines.items()):
                if now > deadline:
                    self._deadlines[task] = float("inf")
                    task.cancel()

    async def _reply(
        self, route: Route, names: Mapping[str, str], scope: Any, proto: Any, task: Any
    ) -> Reply:
        body = b""
        if not route.bounded:
            return await route.answer(self._plane, Request(body, scope.headers, **names))
        self._plane.enter()
        try:
            if route.method == "POST":
                self._deadlines[task] = time.perf_counter() + self._arrive_s
                body = await self._body(scope, proto)
                self._deadlines[task] = time.perf_counter() + self._answer_s
            request = Request(body, scope.headers, query=scope.query_string, **names)
            return await route.answer(self._plane, request)
        finally:
            self._plane.leave()

    async def _body(self, scope: Any, proto: Any) -> bytes:
        packed = scope.headers.get("content-encoding")
        if packed and packed.lower() != "identity":
            raise NotReadHere(
                f"a body packed as {packed[:40]!r} is not read here", remedy="Send it as it is"
            )
        announced = scope.headers.get("content-length")
        try:
            if announced is None:
                return await self._in_parts(proto)
            if not announced.isdigit():
                raise Unreadable("the content length is no number", remedy="Send its size in bytes")
            self._within(int(announced))
            body: bytes = await proto()
        except RuntimeError as error:  # what the server's transport raises
            raise Unreadable(
                "the connection ended before the request did", remedy="Send it again"
            ) from error
        return body

    async def _in_parts(self, proto: Any) -> bytes:
        parts, size_bytes = [], 0
        async for part in proto:
            size_bytes += len(part)
            self._within(size_bytes)
            parts.append(bytes(part))
        return b"".join(parts)

    def _within(self, size_bytes: int) -> None:
        if size_bytes > self._body_bytes:
            raise TooMuch(
                f"the body has {size_bytes} bytes or more, at most {self._body_bytes}",
                remedy="Send the rows in several requests, or predict them as a batch",
            )

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        if method == "HEAD":
            method = "GET"  # the server leaves the body out
        found = self._exact.get((method, path))
        if found is not None:
            return found, {}
        parts = path.split("/")
        for shape, route in self._shaped:
            if route.method == method and len(shape) == len(parts):
                names = _matched(shape, parts)
                if names is not None:
                    return route, names
        return self._none(method, path)

    def _none(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        others = {how for how, what in self._exact if what == path}
        parts = path.split("/")
        for shape, route in self._shaped:
            if len(shape) == len(parts) and _matched(shape, parts) is not None:
                others.add(route.method)
        if others:
            raise WrongMethod(method, sorted(others))
        raise NotServed(f"there is nothing at {path[:200]!r}", remedy="See GET /openapi.json")

    def _late(self, task: Any, scope: Any) -> Reply:
        self._plane.counts.refused("late")
        task.uncancel()
        return refusal_reply(
            TooLate(
                "the request did not arrive, or could not be answered, in time",
                remedy="Send less at once, or try again in a moment",
            ),
            _request_id(scope),
        )

    def _say(self, scope: Any, reply: Reply, problem: str) -> None:
        _LOG.info(
            "%s %s: %d, request %s: %s",
            *(scope.method, scope.path[:200], reply.status, _header(reply), problem[:500]),
        )


def _matched(shape: list[str], parts: list[str]) -> Mapping[str, str] | None:
    names = {}
    for wanted, part in zip(shape, parts, strict=True):
        if wanted[:1] == "{" and part:
            names[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return names


def _request_id(scope: Any) -> str:
    """Return the id that the client gave, where it is harmless, else a new one."""
    given = scope.headers.get(_REQUEST_ID) or ""
    return given if 0 < len(given) <= 100 and _PLAIN.issuperset(given) else nonce()


def _header(reply: Reply) -> str:
    return dict(reply.headers).get(_REQUEST_ID, "")
