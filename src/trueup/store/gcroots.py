"""What records name: the digests that must stay because a record that stays speaks of them."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Literal, Protocol

import msgspec

from trueup.store import manifest
from trueup.store.bucket import Bucket, Missing
from trueup.store.packs import PackIndex, decode_index

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN = re.compile(rb"\b\d{8}-\d{6}-[0-9a-z]{8}\b")
_THREADS = 16


class Named(msgspec.Struct, frozen=True):
    """A digest in a record, and what the record says about it."""

    digest: str
    kind: Literal["file", "folder", "unknown"] = "unknown"


class Contents(Protocol):
    """What gc has to know about content: what lies in a pack, what a folder is made of."""

    def in_pack(self, name: str) -> Iterable[str]:
        """Return the digests of the files in a pack; nothing where it cannot be read."""
        ...

    def named_by(self, digest: str) -> Iterable[str]:
        """Return the digests that a folder's manifest names; nothing for a file."""
        ...


class BucketContents:
    """The contents of a bucket, read from its pack indexes and manifests."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._indexes: dict[str, PackIndex] = {}

    def in_pack(self, name: str) -> Iterable[str]:
        """Return the digests of the files in a pack; nothing where it cannot be read."""
        try:
            index = decode_index(self._bucket.get(f"packs/{name}.idx"))
        except (Missing, ValueError):
            return []
        self._indexes[name] = index
        return [digest.hex() for digest in index.digests()]

    def named_by(self, digest: str) -> Iterable[str]:
        """Return the digests that a folder's manifest names, in a pack seen before or alone."""
        try:
            head = self._bucket.get(f"objects/{digest}", length=len(manifest.MAGIC))
            if head != manifest.MAGIC:
                return []
            body = self._bucket.get(f"objects/{digest}")
        except Missing:
            body = self._packed(bytes.fromhex(digest))
            if not body.startswith(manifest.MAGIC):
                return []
        return [entry.digest for entry in manifest.decode(body).entries]

    def _packed(self, digest: bytes) -> bytes:
        for name, index in self._indexes.items():
            if place := index.find(digest):
                return self._bucket.get(f"packs/{name}", start=place[0], length=place[1])
        return b""


def named_in(body: bytes) -> set[Named]:
    """Return every digest in a record; of one that is not JSON, whatever looks like one."""
    try:
        record = msgspec.json.decode(body)
    except msgspec.DecodeError:
        found = _DIGEST.findall(body.decode("utf-8", "replace"))
        return {Named(digest) for digest in found}
    return set(_walk(record))


def runs_in(body: bytes) -> set[str]:
    """Return the names of all runs in a record."""
    return {name.decode() for name in _RUN.findall(body)}


def read_all(bucket: Bucket, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield keys with their bodies, fetched side by side where that pays; vanished ones without."""
    read = partial(_read, bucket)
    if not bucket.remote:
        yield from ((key, body) for key, body in map(read, keys) if body is not None)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from ((key, body) for key, body in pool.map(read, keys) if body is not None)


def closure(named: Iterable[Named], contents: Contents) -> set[str]:
    """Return the digests and, of those that are folders, all that these are made of."""
    live: set[str] = set()
    folders = []
    for one in named:
        live.add(one.digest)
        if one.kind != "file":
            folders.append(one.digest)
    for digest in dict.fromkeys(folders):
        live.update(contents.named_by(digest))
    return live


def _read(bucket: Bucket, key: str) -> tuple[str, bytes | None]:
    try:
        return key, bucket.get(key)
    except Missing:
        return key, None


def _walk(record: object) -> Iterator[Named]:
    if isinstance(record, str):
        for digest in _DIGEST.findall(record):
            yield Named(digest)
    elif isinstance(record, list):
        for item in record:
            yield from _walk(item)
    elif isinstance(record, dict):
        if _is_artifact(record):
            yield Named(record["digest"], "folder" if record.get("kind") == "folder" else "file")
            return
        for name, item in record.items():
            yield from _walk(name)
            yield from _walk(item)


def _is_artifact(record: dict[object, object]) -> bool:
    digest = record.get("digest")
    return (
        isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None and "size_bytes" in record
    )
