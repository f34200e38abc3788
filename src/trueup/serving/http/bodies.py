"""The bodies of requests under way: each within its bound, and all together within theirs."""

from typing import Any

from trueup.serving.limits import Limits
from trueup.serving.refusals import NotReadHere, TooBusy, TooMuch, Unreadable

_WHOLE_BYTES = 1 << 16  # beyond, what counts is what has arrived, not what was announced


class Bodies:
    """Reads bodies; what they take of memory together is bounded."""

    def __init__(self, limits: list[Limits]) -> None:
        self._most = max(one.body_bytes for one in limits)
        self._most_together = max(self._most, *(one.bodies_bytes for one in limits))
        self._held = 0

    async def read(self, scope: Any, proto: Any) -> bytes:
        """Return a request's body, which counts until it is let go of."""
        packed = scope.headers.get("content-encoding")
        if packed and packed.lower() != "identity":
            raise NotReadHere(
                f"a body packed as {packed[:40]!r} is not read here", remedy="Send it as it is"
            )
        announced = scope.headers.get("content-length")
        if announced is None:
            return await self._in_parts(proto)
        if not announced.isdigit():
            raise Unreadable("the content length is no number", remedy="Send its size in bytes")
        size_bytes = int(announced)
        self._within(size_bytes)
        if size_bytes > _WHOLE_BYTES:
            return await self._in_parts(proto)
        self._hold(size_bytes)
        try:
            body: bytes = await proto()
        except BaseException as error:
            self._held -= size_bytes
            raise _ended(error) from error
        self._held += len(body) - size_bytes
        return body

    def let_go(self, body: bytes) -> None:
        """Count a body out."""
        self._held -= len(body)

    async def _in_parts(self, proto: Any) -> bytes:
        body = bytearray()  # a list of parts would let chunks of a byte cost fifty each
        try:
            async for part in proto:
                self._within(len(body) + len(part))
                self._hold(len(part))
                body += part
        except BaseException as error:
            self._held -= len(body)
            raise _ended(error) from error
        return bytes(body)

    def _within(self, size_bytes: int) -> None:
        if size_bytes > self._most:
            raise TooMuch(
                f"the body has {size_bytes} bytes or more, at most {self._most}",
                remedy="Send the rows in several requests, or predict them as a batch",
            )

    def _hold(self, more_bytes: int) -> None:
        if self._held + more_bytes > self._most_together:
            raise TooBusy(
                f"the bodies of all requests have {self._held} bytes, at most"
                f" {self._most_together} may be",
                remedy="Try again in a moment, or send less at once",
            )
        self._held += more_bytes


def _ended(error: BaseException) -> BaseException:
    """Return what the server's transport raises as what a client may be told."""
    if isinstance(error, RuntimeError):
        return Unreadable("the connection ended before the request did", remedy="Send it again")
    return error
