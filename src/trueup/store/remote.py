"""A bucket in a cloud through obstore: S3, GCS and Azure, asked again until patience ends."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import msgspec

from trueup import clock
from trueup.store.bucket import Entry, Missing
from trueup.store.keys import check_key, check_prefix
from trueup.store.remoteerrors import Kind, kind_of, no_bucket, refused, silent

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_T = TypeVar("_T")
_AT_ONCE = 1000  # keys in one request to delete
_SMALL_BYTES = 1 << 20  # up to here an upload must be done within one attempt's time
_PART_BYTES = 8 << 20


class Clients(msgspec.Struct, frozen=True):
    """Make the clients of one bucket; each waits as long as its kind of request may take."""

    asking: Callable[[], "ObjectStore"]  # short requests: the whole answer in time
    reading: Callable[[], "ObjectStore"]  # bytes of any number, as long as they keep coming
    sending: Callable[[], "ObjectStore"]


class RemoteBucket:
    """Objects in S3, GCS or Azure.

    An answer may get lost after the server has done its work; so a create that failed, or that
    found something there already, is read back: our own body means that it was us.
    """

    remote = True

    def __init__(
        self,
        url: str,
        clients: Clients,
        *,
        patience_s: float,
        prove: "Callable[[RemoteBucket], None]",
    ) -> None:
        self.url = url
        self._clients = clients
        self._patience_s = patience_s
        self._prove = prove
        # Some S3 servers sort a-b behind a/b. All of them begin where they are told to; Azure's
        # emulator does not, so there what comes too early is left out here.
        self._sorts_folders = url.startswith("s3:")
        self._proven = False
        self._proving = Lock()

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return the object's bytes, or the given range of them; Missing if there is none."""
        check_key(key)
        patience = _Patience(self._patience_s)
        if length == 0:
            self._patiently(partial(self._head, key), patience, key)
            return b""
        return self._patiently(partial(self._get, key, start, length), patience, key)

    def create(self, key: str, body: bytes) -> bool:
        """Write an object that must not exist yet; False if somebody's is there already."""
        check_key(key)
        with self._proving:
            if not self._proven:
                self._prove(self)
                self._proven = True
        return self.create_unproven(key, body)

    def create_unproven(self, key: str, body: bytes) -> bool:
        """Create as create does, while the bucket is not yet known to do so only once."""
        patience = _Patience(self._patience_s)
        read_back = partial(self._get, key, 0, None)
        while True:
            try:
                self._put(key, body, create=True)
            except _errors() as error:
                cause = error
                if self._kind(error, key) == "missing":
                    raise no_bucket(self.url) from error
            else:
                return True
            try:
                return self._patiently(read_back, patience, key) == body
            except Missing:
                # The request was lost on its way, or the writer that stood in our way failed
                # itself. Either way it is our turn again.
                patience.wait(self.url, cause)

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        """Write an object, replacing what is there; remote buckets always sync."""
        check_key(key)
        if isinstance(body, Path):
            body.stat()  # a file that is not there is the caller's, and not the bucket's, error
        try:
            self._patiently(partial(self._put, key, body), _Patience(self._patience_s), key)
        except Missing as error:
            raise no_bucket(self.url) from error

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        """Yield the objects whose key starts with prefix and is greater than after, sorted."""
        check_prefix(prefix)
        if prefix and not prefix.endswith("/"):
            if prefix > after:
                yield from self._single(prefix)
            return
        patience, behind = _Patience(self._patience_s), after
        while True:
            try:
                for entry in self._pages(prefix, behind):
                    if entry.key > (after if self._sorts_folders else behind):
                        yield entry
                        behind, patience = entry.key, _Patience(self._patience_s)
            except _errors() as error:
                if self._kind(error) == "missing":
                    raise no_bucket(self.url) from error
                patience.wait(self.url, error)
            else:
                return

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, up to 1,000 in one request; absent ones are no error."""
        left = iter(keys)
        while batch := list(islice(left, _AT_ONCE)):
            for key in batch:
                check_key(key)
            try:
                self._patiently(partial(self._delete, batch), _Patience(self._patience_s), batch[0])
            except Missing:
                # Some clouds fail the whole batch when one key is absent.
                self._delete_singly(batch)

    def _get(self, key: str, start: int, length: int | None) -> bytes:
        import obstore

        client = self._clients.reading()
        try:
            if length is not None:
                return bytes(obstore.get_range(client, key, start=start, length=length))
            if start:
                return bytes(obstore.get(client, key, options={"range": {"offset": start}}).bytes())
            return bytes(obstore.get(client, key).bytes())
        except _errors() as error:
            if self._kind(error) == "past_end":
                return b""
            raise

    def _put(self, key: str, body: bytes | Path, *, create: bool = False) -> None:
        import obstore

        size = len(body) if isinstance(body, bytes) else body.stat().st_size
        client = self._clients.asking if size <= _SMALL_BYTES else self._clients.sending
        obstore.put(
            client(),
            key,
            body,
            mode="create" if create else "overwrite",
            use_multipart=size > 2 * _PART_BYTES and not create,
            chunk_size=max(_PART_BYTES, size // 5000),
        )

    def _delete(self, keys: Sequence[str]) -> None:
        import obstore

        obstore.delete(self._clients.asking(), keys)

    def _delete_singly(self, keys: Sequence[str]) -> None:
        for key in keys:
            with suppress(Missing):
                self._patiently(partial(self._delete, [key]), _Patience(self._patience_s), key)

    def _head(self, key: str) -> Entry:
        import obstore

        return _entry(obstore.head(self._clients.asking(), key))

    def _single(self, key: str) -> Iterator[Entry]:
        with suppress(Missing):
            yield self._patiently(partial(self._head, key), _Patience(self._patience_s), key)

    def _pages(self, prefix: str, after: str) -> Iterator[Entry]:
        import obstore

        found = obstore.list(
            self._clients.asking(),
            prefix.rstrip("/") or None,
            offset=after or None,
            chunk_size=_AT_ONCE,
        )
        for page in found:
            for meta in page:
                yield _entry(meta)

    def _patiently(self, ask: Callable[[], _T], patience: "_Patience", key: str) -> _T:
        while True:
            try:
                return ask()
            except _errors() as error:
                if self._kind(error, key) == "missing":
                    raise Missing(key, self.url) from error
                patience.wait(self.url, error)

    def _kind(self, error: Exception, key: str = "") -> Kind:
        kind = kind_of(error)
        if kind == "refused":
            raise refused(error, self.url, key) from error
        return kind


class _Patience:
    """How long one call may go on asking, whatever it asks."""

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._began_s = clock.monotonic_s()
        self._tries = 0

    def wait(self, url: str, cause: Exception) -> None:
        """Wait before the next try, longer each time; RemoteSilent when patience has ended."""
        waited_s = clock.monotonic_s() - self._began_s
        if waited_s >= self._total_s:
            raise silent(cause, url, waited_s) from cause
        longest_s = min(0.05 * (1 << min(self._tries, 6)), self._total_s - waited_s)
        self._tries += 1
        time.sleep(longest_s * (0.5 + os.urandom(1)[0] / 510))


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return BaseError, OSError


def _entry(meta: "ObjectMeta") -> Entry:
    return Entry(meta["path"], meta["size"], meta["last_modified"])
