"""Fetches small documents: over TLS, without following anybody elsewhere, in bounded time."""

import time
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ssl import SSLContext

TIMEOUT_S = 10.0
MOST_BYTES = 1 << 20
# Google's machines ask this server, which is the machine's own host, and it knows no TLS
PLAIN = "metadata.google.internal"


def fetched(
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    context: "SSLContext | None" = None,
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    """Return what lies at an address; with a body, what is answered to it.

    Raises OSError, or ValueError for what cannot be asked, which may quote a header. Where the
    address moved is not looked at: whoever is asked vouches for himself.
    """
    from http.client import HTTPException
    from urllib.request import (
        HTTPRedirectHandler,
        HTTPSHandler,
        ProxyHandler,
        Request,
        build_opener,
    )

    class Staying(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname == PLAIN
    if parts.scheme != "https" and not plain:
        raise OSError("its address is not one of HTTPS")
    handlers = [Staying(), HTTPSHandler(context=context), *([ProxyHandler({})] if plain else [])]
    end = time.monotonic() + timeout_s
    request = Request(url, body, dict(headers))  # noqa: S310 - the scheme is checked above
    try:
        with build_opener(*handlers).open(request, timeout=timeout_s) as answer:
            return _read(answer, end)
    except HTTPException as error:
        raise OSError(f"it does not speak HTTP: {type(error).__name__}") from error


def _read(answer: IO[bytes], end: float) -> bytes:
    body = b""
    while piece := answer.read1(1 << 16):  # type: ignore[attr-defined]  # an HTTPResponse has it
        body += piece
        if len(body) > MOST_BYTES:
            raise OSError(f"it answered with more than {MOST_BYTES} bytes")
        if time.monotonic() > end:
            raise TimeoutError
    return body
