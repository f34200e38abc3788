"""The application that the HTTP server calls: finds the route, bounds the request, maps errors."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from trueup.errors import TrueupError
from trueup.serving.http.bodies import Bodies
from trueup.serving.http.messages import REQUEST_ID, Reply, Request, bug_reply, refusal_reply
from trueup.serving.http.table import Route, Table
from trueup.serving.http.watching import Watching, request_id
from trueup.serving.plane import Plane
from trueup.serving.refusals import BeyondShare, TooLate
from trueup.serving.tokens import Tokens

_LOG = logging.getLogger("trueup.serving")
_SWEEP_S = 0.25


class Application:
    """Called once a request, on the event loop."""

    def __init__(
        self,
        plane: Plane,
        routes: tuple[Route, ...],
        tokens: Tokens,
        watching: Watching | None = None,
    ) -> None:
        self._plane, self.tokens = plane, tokens
        self._table, self._watching = Table(routes), watching or Watching()
        limits = [line.terms.limits for line in plane.lines.values()]
        self._bodies = Bodies(limits)
        self._arrive_s = max(one.arrive_s for one in limits)
        self._answer_s = max(one.answer_s for one in limits)
        self.connections = max(one.connections for one in limits)
        self.idle_s = max(one.idle_s for one in limits)
        self._deadlines: dict[asyncio.Task[Any], float] = {}

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request; whatever happens, something is replied."""
        start, watching = time.perf_counter(), self._watching
        if watching.tracing is None:
            name, reply = await self._answered(scope, proto)
        else:
            name, reply = await watching.tracing.around(scope, self._answered(scope, proto))
        spent_s = time.perf_counter() - start
        self._plane.counts.request(name, reply.status, spent_s)
        if watching.access:
            watching.tell(scope, name, reply, spent_s)
        proto.response_bytes(reply.status, reply.headers, reply.body)

    async def _answered(self, scope: Any, proto: Any) -> tuple[str, Reply]:
        name, share = "none", None
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server makes one a request
        try:
            route, names = self._table.find(scope.method, scope.path)
            name = route.name
            if route.scope:
                whose = self.tokens.require(scope.headers.get("authorization"), route.scope)
                if whose.is_bounded:
                    whose.enter()
                    share = whose
            reply = await self._reply(route, names, scope, proto, task)
            if REQUEST_ID in scope.headers:
                reply.headers.append((REQUEST_ID, request_id(scope)))
        except TrueupError as error:
            reply = refusal_reply(error, request_id(scope))
            if isinstance(error, BeyondShare):
                self._plane.counts.refused("share")
            _say(scope, name, reply, error.problem)
        except asyncio.CancelledError:
            reply = self._late(task, scope)
            _say(scope, name, reply, "too late")
        except Exception:  # noqa: BLE001 - the process's edge: no stack trace leaves it
            reply = bug_reply(request_id(scope))
            fields = {"path": _path(scope), "route": name, "request_id": _id(reply)}
            _LOG.exception("a request failed", extra={"fields": fields})
        finally:
            self._deadlines.pop(task, None)
            if share is not None:
                share.leave()
        return name, reply

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
                body = await self._bodies.read(scope, proto)
                self._deadlines[task] = time.perf_counter() + self._answer_s
            request = Request(body, scope.headers, query=scope.query_string, **names)
            return await route.answer(self._plane, request)
        finally:
            self._plane.leave()
            self._bodies.let_go(body)

    def _late(self, task: Any, scope: Any) -> Reply:
        self._plane.counts.refused("late")
        task.uncancel()
        return refusal_reply(
            TooLate(
                "the request did not arrive, or could not be answered, in time",
                remedy="Send less at once, or try again in a moment",
            ),
            request_id(scope),
        )


def _path(scope: Any) -> str:
    """Return a path as plain characters of one line: it comes decoded, and could forge lines."""
    return ascii(scope.path[:200])[1:-1]


def _say(scope: Any, route: str, reply: Reply, problem: str) -> None:
    said = {
        "method": scope.method,
        "path": _path(scope),
        "route": route,
        "status": reply.status,
        "request_id": _id(reply),
    }
    _LOG.info(
        "%s %s: %d, %s", said["method"], said["path"], reply.status, problem[:500],
        extra={"fields": said},
    )  # fmt: skip


def _id(reply: Reply) -> str:
    return dict(reply.headers).get(REQUEST_ID, "")
