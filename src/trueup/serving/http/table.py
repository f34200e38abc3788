"""Which route a method and a path name."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import unquote

import msgspec

from trueup.serving.http.messages import Reply, Request, Scope, WrongMethod
from trueup.serving.plane import Plane
from trueup.serving.refusals import NotServed

Answering: TypeAlias = Callable[[Plane, Request], Awaitable[Reply]]


class Route(msgspec.Struct, frozen=True):
    """What one path and method do; ``{model}`` and ``{version}`` stand for a part of the path."""

    name: str
    method: str
    path: str
    answer: Answering
    scope: Scope = ""  # what a token must allow
    bounded: bool = True  # counts among the requests under way

    @property
    def says(self) -> str:
        """Return in a line what it does, for people."""
        return (self.answer.__doc__ or "").strip().splitlines()[0].replace("``", "")


class Table:
    """All routes of one server."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._exact = {(one.method, one.path): one for one in routes if "{" not in one.path}
        self._shaped = [(one.path.split("/"), one) for one in routes if "{" in one.path]

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return a route with the names in the path; NotServed or WrongMethod for none.

        HEAD is answered as GET: the HTTP server leaves the body out.
        """
        if method == "HEAD":
            method = "GET"
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


def _matched(shape: list[str], parts: list[str]) -> Mapping[str, str] | None:
    names = {}
    for wanted, part in zip(shape, parts, strict=True):
        if wanted[:1] == "{" and part:
            names[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return names
