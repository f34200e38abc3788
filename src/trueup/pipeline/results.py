"""What stages have made before, and where it can be had: here, or in the team's bucket."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from trueup.errors import TrueupError
from trueup.pipeline.inputs import Inputs
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket, Missing
from trueup.store.content import Content
from trueup.store.gcturn import Watch
from trueup.store.scopes import TRUSTED, Scope, scope

FORMAT = 1
_PAUSE_S = 0.2  # between two looks at whether somebody is still collecting
T = TypeVar("T")


class CacheRecord(msgspec.Struct, frozen=True):
    """What a stage with this key produced; lies under ``cache/<scope>/<key>.json``."""

    key: str
    stage: str
    run: str
    at: datetime
    seconds: float
    inputs: Inputs
    outs: dict[str, Artifact]
    format: int = FORMAT


class ContentLost(TrueupError):
    """An artifact is neither in the local store nor in the bucket."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is kept neither here nor in the bucket",
            remedy="Make it again with: trueup run --force",
        )


class Results:
    """Cache records and content in two tiers: the local folder, and a remote bucket if any.

    A record is believed only from the scopes that this writer reads.
    """

    def __init__(
        self,
        content: Content,
        local: Bucket,
        remote: Bucket | None = None,
        trust: Scope | None = None,
    ) -> None:
        self.content, self.local, self.remote = content, local, remote
        self._scope = trust or scope(TRUSTED)
        self._reachable: dict[str, bool] = {}

    def earlier(self, key: str) -> CacheRecord | None:
        """Return what a stage with this key produced, as far as a trusted scope knows."""
        for body in self.notes(key):
            record = _read(body)
            if record is not None:
                return record
        return None

    def notes(self, name: str) -> Iterator[bytes]:
        """Yield what lies in the cache under a name, as far as it is to be believed."""
        for bucket in self._tiers():
            for place in self._scope.cache_keys(name):
                with suppress(Missing):
                    yield bucket.get(place)

    def note(self, name: str, body: bytes, artifacts: Iterable[Artifact] = ()) -> None:
        """Leave something in the cache, here and in the bucket, after the content that it names."""
        self.share(None, artifacts)
        for bucket in self._tiers():
            bucket.put(self._scope.cache_key(name), body)

    def kept(self, artifact: Artifact) -> bool:
        """Tell whether the artifact's bytes can be had; asks the bucket where they are not here."""
        if self.content.has(artifact):
            return True
        if self.remote is None:
            return False
        if artifact.digest not in self._reachable:
            self._reachable[artifact.digest] = self.content.reachable(artifact, self.remote)
        return self._reachable[artifact.digest]

    def place(self, artifact: Artifact, to: Path) -> None:
        """Make the artifact lie at a path, from here or the bucket; ContentLost if in neither."""
        if not self.content.has(artifact):
            if self.remote is None:
                raise ContentLost(to.name)
            self.content.fetch(artifact, self.remote)
        self.content.checkout(artifact, to)

    def read(self, artifact: Artifact) -> bytes:
        """Return an artifact's verified bytes, from here or the bucket; ContentMissing if lost."""
        if self.remote is not None and not self.content.has(artifact):
            self.content.fetch(artifact, self.remote)
        return self.content.read(artifact.digest)

    def remember(self, record: CacheRecord) -> None:
        """Keep a stage's result for the next one with the same key, here."""
        self._put(self.local, record)

    def share(self, record: CacheRecord | None, artifacts: Iterable[Artifact]) -> None:
        """Upload content, and only then the record that names it; nothing without a remote."""
        remote, kept = self.remote, list(artifacts)
        if remote is not None:
            _undisturbed(remote, lambda: self.content.push(kept, remote))
            if record is not None:
                self._put(remote, record)

    def keep(self, add: Callable[[], T]) -> T:
        """Keep content here and return it; again, where garbage was collected meanwhile."""
        return _undisturbed(self.local, add)

    def renew(self, artifacts: Iterable[Artifact]) -> None:
        """Date anew what is used again, so that the collection of garbage sees it is used."""
        for artifact in artifacts:
            self.content.renew(artifact)

    def _put(self, bucket: Bucket, record: CacheRecord) -> None:
        bucket.put(self._scope.cache_key(record.key), msgspec.json.encode(record))

    def _tiers(self) -> tuple[Bucket, ...]:
        return (self.local,) if self.remote is None else (self.local, self.remote)


def _undisturbed(bucket: Bucket, add: Callable[[], T]) -> T:
    watch = Watch(bucket)
    added = add()
    while not watch.undisturbed():
        threading.Event().wait(_PAUSE_S)
        added = add()
    return added


def _read(body: bytes) -> CacheRecord | None:
    """Return the record, or None for one that this version cannot read: a miss, never an error."""
    try:
        record = msgspec.json.decode(body, type=CacheRecord)
    except msgspec.DecodeError:
        return None
    return record if record.format <= FORMAT else None
