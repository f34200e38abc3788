"""The bounds of one server: what a request may be, how many at once, and how long."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trueup.errors import WrongUsage, did_you_mean


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bounds, as ``serve.limits`` in trueup.yaml gives them."""

    body_bytes: int = 16 << 20
    bodies_bytes: int = 256 << 20  # of all requests that are being read or answered
    rows: int = 10_000
    concurrency: int = 512  # requests that are being read or answered
    connections: int = 2048  # that are open in one process; others wait until one is closed
    idle_s: float = 75.0  # of silence, until a connection is closed; also until headers are here
    arrive_s: float = 10.0  # until a request's body is here
    answer_s: float = 10.0  # until its answer is ready
    drain_s: float = 20.0  # a version that was replaced, or the whole server, waits for requests
    batch_rows: int = 1024  # of several requests, answered as one

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")


def limits_of(given: Mapping[str, Any], place: str = "") -> Limits:
    """Return the limits that a section gives; WrongUsage for an unknown name or a wrong value.

    >>> limits_of({"rows": 10}).rows
    10
    """
    known = Limits.__struct_fields__
    for name in given:
        if name not in known:
            raise WrongUsage(
                f"serve.limits has no {name!r}",
                remedy=f"{did_you_mean(str(name), known)}It knows: {', '.join(known)}",
                place=place or None,
            )
    try:
        return msgspec.convert(dict(given), Limits)
    except (msgspec.ValidationError, ValueError) as error:
        raise WrongUsage(
            f"serve.limits: {error}", remedy="Give numbers above 0", place=place or None
        ) from error
