"""The port to where records and content lie."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from trueup.errors import TrueupError


class Missing(TrueupError):
    """No object lies under this key."""

    def __init__(self, key: str, url: str) -> None:
        super().__init__(
            f"{url} holds no {key}", remedy="See what is there with: trueup doctor --bucket"
        )


class Entry(msgspec.Struct, frozen=True):
    """What a listing says of one object."""

    key: str
    size_bytes: int
    modified: datetime


class Bucket(Protocol):
    """Objects under keys such as ``runs/<id>/events/0000000001.json``; ``/`` separates folders.

    Every method may raise RemoteSilent (no answer after the retries) and AccessRefused, both
    naming the bucket's URL. Any number of threads may call at once.
    """

    url: str
    remote: bool  # every call is a round trip, and lists come sorted by key

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return the object's bytes, or the given range of them; Missing if there is none."""
        ...

    def create(self, key: str, body: bytes) -> bool:
        """Write an object that must not exist yet; False if somebody's is there already.

        The one concurrency primitive: of any number of callers exactly one sees True, also when
        an answer is lost on the way (bodies of records differ by their writer's nonce, so an
        equal body that is found there is our own). On a folder the bytes and the directory are
        synced before it returns. Never leaves a part of the body under the key.
        """
        ...

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        """Write an object, replacing what is there at once and whole; a Path is streamed."""
        ...

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        """Yield the objects whose key starts with prefix and is greater than after, in no order.

        A prefix ends with ``/`` or is a whole key. Rely on after among keys of one folder only:
        some servers sort ``a-b`` behind ``a/b``, as folders do.
        """
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        ...
