"""What is told of each request beside its answer: its id, the access log, a trace."""

import logging
from collections.abc import Awaitable
from typing import Any, Protocol

import msgspec

from trueup.ids import nonce
from trueup.serving.http.messages import REQUEST_ID, Reply

_ACCESS = logging.getLogger("trueup.access")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/")


class Tracing(Protocol):
    """Tells a request's course to somebody else."""

    async def around(
        self, scope: Any, answering: Awaitable[tuple[str, Reply]]
    ) -> tuple[str, Reply]:
        """Return the route's name and the reply, having told of it."""
        ...


class Watching(msgspec.Struct, frozen=True):
    """What is told, beside what is counted."""

    access: bool = False
    tracing: Tracing | None = None

    def tell(self, scope: Any, route: str, reply: Reply, spent_s: float) -> None:
        """Write a line of the access log; the answer gets the id that the line bears."""
        named = dict(reply.headers).get(REQUEST_ID)
        if named is None:
            named = request_id(scope)
            reply.headers.append((REQUEST_ID, named))
        said = {
            "method": scope.method,
            "path": scope.path[:200],
            "route": route,
            "status": reply.status,
            "ms": round(spent_s * 1e3, 3),
            "bytes": len(reply.body),
            "client": scope.client.rpartition(":")[0],
            "request_id": named,
        }
        _ACCESS.info(
            "%s %s: %d in %.1f ms", said["method"], said["path"], reply.status, said["ms"],
            extra={"fields": said},
        )  # fmt: skip


def given_id(scope: Any) -> str:
    """Return the request id that the client gave, where it is harmless."""
    given = scope.headers.get(REQUEST_ID) or ""
    return given if 0 < len(given) <= 100 and _PLAIN.issuperset(given) else ""


def request_id(scope: Any) -> str:
    """Return the id that the client gave, or a new one."""
    return given_id(scope) or nonce()
