"""A bucket in this process's memory, for tests and for trying things out."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Lock

from trueup import clock
from trueup.store.bucket import Entry, Missing
from trueup.store.keys import check_key, check_prefix


class MemoryBucket:
    """Objects in a dictionary; they end with the process. now dates them."""

    remote = False

    def __init__(self, name: str = "", *, now: Callable[[], datetime] = clock.now) -> None:
        self.url = f"memory:{name}"
        self._now = now
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = Lock()

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return the object's bytes, or the given range of them; Missing if there is none."""
        check_key(key)
        try:
            body = self._objects[key][0]
        except KeyError as error:
            raise Missing(key, self.url) from error
        return body[start : None if length is None else start + length]

    def create(self, key: str, body: bytes) -> bool:
        """Write an object that must not exist yet; False if somebody's is there already."""
        check_key(key)
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = (bytes(body), self._now())
        return True

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        """Write an object, replacing what is there; there is nothing to sync."""
        check_key(key)
        whole = body.read_bytes() if isinstance(body, Path) else bytes(body)
        with self._lock:
            self._objects[key] = (whole, self._now())

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        """Yield the objects whose key starts with prefix and is greater than after, unsorted."""
        check_prefix(prefix)
        whole = bool(prefix) and not prefix.endswith("/")
        with self._lock:
            found = list(self._objects.items())
        for key, (body, modified) in found:
            if key > after and (key == prefix if whole else key.startswith(prefix)):
                yield Entry(key, len(body), modified)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        for key in keys:
            check_key(key)
            with self._lock:
                self._objects.pop(key, None)
