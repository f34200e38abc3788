"""Asks a forge's REST API: patient within a bound, the same server only, a token never told."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from trueup import clock
from trueup.errors import WrongUsage
from trueup.forges.answers import Answer, limited_s, next_page
from trueup.forges.failures import ForgeBusy, failure, silent, until_of

Method = Literal["GET", "POST", "PUT", "PATCH"]
Query = Mapping[str, str | int]
TRIES = 4
MOST_BYTES = 32 << 20
MOST_PAGES = 100
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOVED = (301, 302, 307, 308)


class Patience(msgspec.Struct, frozen=True):
    """How long a call may take and what it waits with."""

    bound_s: float = 90.0  # of waiting in one call, for limits and for a forge that is down
    timeout_s: float = 30.0  # of one request
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = clock.now


class Caller:
    """Asks one API under one token; what it sends is safe to send again, or is not sent again."""

    def __init__(
        self, api: str, name: str, sign: Callable[[], Mapping[str, str]], patience: Patience
    ) -> None:
        parts = urlsplit(api)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise WrongUsage(
                f"{api} is not an address of HTTPS, and a token is sent there",
                remedy="Name the forge's address with https://",
            )
        self.api, self.name, self.sign, self.patience = api.rstrip("/"), name, sign, patience

    def ask(
        self,
        method: Method,
        path: str,
        doing: str,
        *,
        query: Query | None = None,
        body: object = None,
    ) -> Answer:
        """Return a good answer; every other one is raised, told by what was being done."""
        answer = self.answer(method, path, query=query, body=body)
        if not 200 <= answer.status < 300:
            raise failure(self.name, doing, answer)
        return answer

    def answer(
        self, method: Method, path: str, *, query: Query | None = None, body: object = None
    ) -> Answer:
        """Return whatever is answered, except limits and the forge's own failures.

        A request that was refused by a limit is sent again after it; one that may have been
        carried out (the connection broke, 5xx) only if it is a GET.
        """
        url = self.api + path + (f"?{urlencode(query)}" if query else "")
        left_s = self.patience.bound_s
        for attempt in count(1):
            answer, broke = self._once(method, url, body)
            limit_s = limited_s(answer, self.patience.now()) if answer else None
            if answer is not None and limit_s is None:
                if answer.status < 500:
                    return answer
                broke = f"status {answer.status}"
            if limit_s is None and method != "GET":
                break
            wait_s = 2.0 ** (attempt - 1) if limit_s is None else limit_s
            if attempt == TRIES or wait_s > left_s:
                if limit_s is not None:
                    raise ForgeBusy(self.name, until_of(limit_s, self.patience.now()))
                break
            self.patience.pause(wait_s)
            left_s -= wait_s
        raise silent(self.name, broke)

    def pages(
        self, path: str, doing: str, query: Query, *, under: str = "", most: int = MOST_PAGES
    ) -> Iterator[dict[str, Any]]:
        """Yield what a list holds, page by page, as far as it is asked for."""
        url = f"{path}?{urlencode({'per_page': 100, **query})}"
        for _ in range(most):
            answer = self.ask("GET", url, doing)
            found = answer.body
            if under:
                found = shaped(self.name, dict[str, Any], found).get(under)
            yield from shaped(self.name, list[dict[str, Any]], found)
            following = next_page(answer, self.api)
            if following is None or not following.startswith(self.api):
                return
            url = following.removeprefix(self.api)

    def _once(self, method: Method, url: str, body: object) -> tuple[Answer | None, str]:
        """Return the answer, or what came in its place in words that hold no header."""
        from http.client import HTTPException

        for _ in range(3):
            try:
                answer = self._send(method, url, body)
            except TimeoutError:
                return None, f"nothing within {self.patience.timeout_s:.0f} s"
            except (OSError, HTTPException) as error:
                reason = getattr(error, "reason", error)
                return None, getattr(reason, "strerror", None) or type(reason).__name__
            if answer.status not in _MOVED:
                return answer, ""
            target = answer.headers.get("location", "")
            if not target.startswith(f"{self.api}/"):
                return Answer(404, {}, "it has moved"), ""
            url = target
        return Answer(404, {}, "it has moved in circles"), ""

    def _send(self, method: Method, url: str, body: object) -> Answer:
        from urllib.error import HTTPError
        from urllib.request import HTTPRedirectHandler, Request, build_opener

        class Staying(HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        headers = {"User-Agent": "trueup", "Accept": "application/json", **self.sign()}
        sent = None
        if body is not None:
            sent, headers["Content-Type"] = msgspec.json.encode(body), "application/json"
        request = Request(url, sent, headers, method=method)  # noqa: S310 - checked when made
        try:
            with build_opener(Staying()).open(request, timeout=self.patience.timeout_s) as got:
                return _read(got.status, got.headers, got.read(MOST_BYTES))
        except HTTPError as error:
            with error:
                return _read(error.code, error.headers, error.read(MOST_BYTES))


def segment(text: str) -> str:
    """Return text as one part of a path: a slash in it is no separator."""
    return quote(text, safe="")


def _read(status: int, headers: Any, raw: bytes) -> Answer:
    named = {name.lower(): value for name, value in headers.items()}
    if not raw.strip():
        return Answer(status, named)
    try:
        return Answer(status, named, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        if status < 400:  # a proxy's page, or a login's: not what an API answers
            return Answer(502, named, "it answered with something that is not JSON")
        return Answer(status, named)


Shape = TypeVar("Shape")


def shaped(name: str, shape: type[Shape], body: Any) -> Shape:
    """Return an answer as one of our records; raises ForgeSilent where it does not fit."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise silent(name, f"an answer that is not what it documents: {error}") from error
