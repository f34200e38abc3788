"""What records name: the digests that must stay because a record that stays speaks of them."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Literal, Protocol

import msgspec

from trueup.store import manifest
from trueup.store.bucket import Bucket, Missing
from trueup.store.packs import PackIndex, decode_index

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN = re.compile(rb"\b\d{8}-\d{6}-[0-9a-z]{8}\b")
_THREADS = 16
_LONGEST_JSON_BYTES = 64 << 20  # longer is no record of ours


class Named(msgspec.Struct, frozen=True):
    """A digest in a record, and what the record says about it."""

    digest: str
    kind: Literal["file", "folder", "unknown"] = "unknown"


class Contents(Protocol):
    """What gc has to know about content: what lies in a pack, what an object names."""

    def in_pack(self, name: str) -> Iterable[str] | None:
        """Return the digests of the files in a pack; None where that cannot be known now."""
        ...

    def named_by(self, digest: str) -> Iterable[Named]:
        """Return what a folder's manifest or a kept record (a lock) names; nothing for others."""
        ...


class BucketContents:
    """The contents of a bucket, read from its pack indexes, manifests and JSON objects."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._indexes: dict[str, PackIndex] | None = None

    def in_pack(self, name: str) -> Iterable[str] | None:
        """Return the digests of the files in a pack; None where that cannot be known now."""
        index = self._packs().get(name)
        return [digest.hex() for digest in index.digests()] if index else None

    def named_by(self, digest: str) -> Iterable[Named]:
        """Return what a manifest or a JSON object names, whether it lies alone or in a pack."""
        key, start, length = f"objects/{digest}", 0, None
        try:
            head = self._bucket.get(key, length=len(manifest.MAGIC))
        except Missing:
            place = self._place(bytes.fromhex(digest))
            if place is None:
                return []
            key, start, length = place
            head = self._bucket.get(key, start=start, length=min(length, len(manifest.MAGIC)))
        if head == manifest.MAGIC:
            body = self._bucket.get(key, start=start, length=length)
            return [Named(entry.digest, "file") for entry in manifest.decode(body).entries]
        if head[:1] == b"{":
            body = self._bucket.get(key, start=start, length=length or _LONGEST_JSON_BYTES)
            return named_in(body)
        return []

    def _place(self, digest: bytes) -> tuple[str, int, int] | None:
        for name, index in self._packs().items():
            if found := index.find(digest):
                return f"packs/{name}", *found
        return None

    def _packs(self) -> dict[str, PackIndex]:
        if self._indexes is None:
            listed = [entry.key for entry in self._bucket.list("packs/")]
            found = read_all(self._bucket, [key for key in listed if key.endswith(".idx")])
            self._indexes = {}
            for key, body in found:
                with suppress(ValueError):  # damaged: made again when the pack is read
                    name = key.removeprefix("packs/").removesuffix(".idx")
                    self._indexes[name] = decode_index(body)
        return self._indexes


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
    """Return the digests and all that these are made of or name, to the end."""
    live: set[str] = set()
    looked: set[str] = set()
    coming = list(named)
    while coming:
        one = coming.pop()
        live.add(one.digest)
        if one.kind != "file" and one.digest not in looked:
            looked.add(one.digest)
            coming += contents.named_by(one.digest)
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
