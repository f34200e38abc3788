"""A bucket in memory that behaves like a remote one and counts what would be requests."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from trueup.store.bucket import Bucket, Entry
from trueup.store.memory import MemoryBucket

_PAGE = 1000


class CountedBucket:
    """Counts one request for each call, and one for each page of a list that is really read."""

    remote = True

    def __init__(self, inner: Bucket | None = None) -> None:
        self.inner = inner or MemoryBucket()
        self.url = self.inner.url
        self.requests = 0
        self._lock = threading.Lock()

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        self._count()
        return self.inner.get(key, start=start, length=length)

    def create(self, key: str, body: bytes) -> bool:
        self._count()
        return self.inner.create(key, body)

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        self._count()
        self.inner.put(key, body, sync=sync)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        found = sorted(self.inner.list(prefix, after=after), key=lambda entry: entry.key)
        for start in range(0, len(found) + 1, _PAGE):
            self._count()
            yield from found[start : start + _PAGE]

    def delete(self, keys: Iterable[str]) -> None:
        self._count()
        self.inner.delete(keys)

    def _count(self) -> None:
        with self._lock:
            self.requests += 1
