"""Moves content between the folder here and a bucket: whole packs and objects, by key."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from blake3 import blake3

from trueup.store import manifest
from trueup.store.abreast import abreast
from trueup.store.adding import Adding
from trueup.store.artifacts import Artifact, Manifest
from trueup.store.bucket import Bucket, Missing
from trueup.store.hashing import SMALL_BYTES, ContentMissing, digest_stream, explained
from trueup.store.packs import PackIndex, decode_index, rebuilt_index
from trueup.store.shelf import Shelf

A = TypeVar("A")
B = TypeVar("B")
_THREADS = 16
_PART_BYTES = 16 << 20  # of a large object, got at once by one thread
_RUN_BYTES = 8 << 20  # of neighbours in a pack, got at once
_GAP_BYTES = 64 << 10  # cheaper to read over than to ask again
_TINY_PACK_BYTES = 1 << 20
_FEW = 64  # small files that are asked for one by one before all packs are listed
_RENEW = timedelta(days=3.5)  # half of the grace that gc gives
_RECENT = timedelta(days=1)  # parts were renewed at most 3.5 days before their manifest


def _all(call: Callable[[A], B], items: list[A]) -> list[B]:
    return abreast(call, items, _THREADS)


def send(shelf: Shelf, keys: Iterable[list[str]], bucket: Bucket, now: datetime) -> int:
    """Put what the bucket lacks, parts before the manifests that name them; return how many.

    keys are those of each artifact, as Content gives them. What has grown old there is put again,
    so that gc sees it is used.
    """
    parts: dict[str, None] = {}
    manifests: dict[str, list[str]] = {}
    for one in keys:
        *first, last = one
        if first and _is_there(shelf, last, bucket, now - _RECENT):
            continue
        parts.update(dict.fromkeys(first))
        manifests[last] = [key[6:] for key in first if key.startswith("packs/") and "." not in key]

    def put(key: str) -> int:
        if _is_there(shelf, key, bucket, now - _RENEW):
            return 0
        bucket.put(key, Path(shelf.path(key)))
        return 1

    def put_last(key: str) -> int:
        if manifests[key] and key.startswith("objects/"):
            bucket.put(f"{key}.packs", msgspec.json.encode(manifests[key]))
        return put(key)

    return sum(_all(put, list(parts))) + sum(_all(put_last, list(manifests)))


def _is_there(shelf: Shelf, key: str, bucket: Bucket, since: datetime) -> bool:
    with explained(shelf.path(key)):
        size_bytes = Path(shelf.path(key)).stat().st_size
    return any(
        entry.key == key and entry.size_bytes == size_bytes and entry.modified >= since
        for entry in bucket.list(key)
    )


def is_held(artifact: Artifact, bucket: Bucket) -> bool:
    """Say whether a bucket has an artifact; of a folder the manifest, which is put there last."""
    key = f"objects/{artifact.digest}"
    return any(entry.key == key for entry in bucket.list(key))


class Fetch:
    """Brings one artifact from a bucket; what does not match its name counts as missing."""

    def __init__(self, shelf: Shelf, bucket: Bucket) -> None:
        self.shelf, self.bucket = shelf, bucket

    def run(self, artifact: Artifact) -> None:
        """Make all bytes present here, getting only what is lacking."""
        if artifact.kind == "file":
            self.file(artifact)
            return
        folder = self.manifest(artifact.digest)
        lacking = self.shelf.lacks(bytes.fromhex(entry.digest) for entry in folder.entries)
        sizes = {
            entry.digest: entry.size_bytes
            for entry in folder.entries
            if bytes.fromhex(entry.digest) in lacking
        }
        self.objects({one: size for one, size in sizes.items() if size >= SMALL_BYTES})
        small = {bytes.fromhex(one) for one, size in sizes.items() if size < SMALL_BYTES}
        if small:
            self.small(artifact.digest, small)

    def file(self, artifact: Artifact) -> None:
        """Get a file: an object of its own, or a small one that only packs of folders hold."""
        digest = bytes.fromhex(artifact.digest)
        if artifact.size_bytes >= SMALL_BYTES:
            self.objects({artifact.digest: artifact.size_bytes})
        elif self.shelf.lacks([digest]) and self.loose({digest}):
            for one in self.packed(self.all_packs(), {digest}):
                raise ContentMissing(one.hex(), self.bucket.url)

    def small(self, folder: str, wanted: set[bytes]) -> None:
        """Get small files: from the packs named for the folder, then alone, then from any pack."""
        named = self.named_packs(folder)
        missing = self.packed(named, wanted)
        if len(missing) <= _FEW:
            missing = self.loose(missing)
        if missing:
            missing = self.packed([one for one in self.all_packs() if one not in named], missing)
            _all(self.object, [one.hex() for one in missing])

    def loose(self, wanted: set[bytes]) -> set[bytes]:
        """Get small files that are objects of their own; return those that are not."""

        def is_missing(digest: bytes) -> bool:
            try:
                self.object(digest.hex())
            except ContentMissing:
                return True
            return False

        asked = list(wanted)
        answers = zip(asked, _all(is_missing, asked), strict=True)
        return {digest for digest, missing in answers if missing}

    def manifest(self, digest: str) -> Manifest:
        """Return a folder's manifest, kept here from now on."""
        if not self.shelf.has_object(digest):
            self.object(digest)
        return manifest.decode(self.shelf.read(digest))

    def objects(self, sizes: dict[str, int]) -> None:
        """Get what lies in the bucket as objects of its own."""
        lacking = {one: size for one, size in sizes.items() if not self.shelf.has_object(one)}
        _all(self.object, [one for one, size in lacking.items() if size <= _PART_BYTES])
        for one, size in lacking.items():
            if size > _PART_BYTES:
                self.whole(f"objects/{one}", one, size)

    def object(self, digest: str) -> None:
        """Get one object in one piece."""
        body = self.get(f"objects/{digest}", digest)
        self.check(blake3(body).digest(), digest)
        self.shelf.write(digest, body)

    def whole(self, key: str, digest: str, size_bytes: int) -> None:
        """Get an object in parts into a file, and give it its name once it matches it."""
        unfinished, fd = self.shelf.unfinished()
        try:

            def part(start: int) -> None:
                length = min(_PART_BYTES, size_bytes - start)
                body = self.get(key, digest, start, length)
                with explained(unfinished):
                    os.pwrite(fd, body, start)

            _all(part, list(range(0, size_bytes, _PART_BYTES)))
            os.lseek(fd, 0, os.SEEK_SET)
            self.check(digest_stream(fd, size_bytes), digest)
        except BaseException:
            os.unlink(unfinished)
            raise
        finally:
            os.close(fd)
        self.shelf.adopt(unfinished, key)

    def check(self, found: bytes, digest: str) -> None:
        """Raise ContentMissing unless what came is what was named."""
        if found.hex() != digest:
            raise ContentMissing(digest, self.bucket.url)

    def get(self, key: str, digest: str, start: int = 0, length: int | None = None) -> bytes:
        """Return bytes of an object; ContentMissing if there is none."""
        try:
            return self.bucket.get(key, start=start, length=length)
        except Missing as error:
            raise ContentMissing(digest, self.bucket.url) from error

    def packed(self, names: list[str], wanted: set[bytes]) -> set[bytes]:
        """Get small files out of packs; return those that none of these packs holds."""
        missing = set(wanted)
        hits = [
            (name, index, len(index.among(missing)))
            for name, index in zip(names, _all(self.index, names), strict=True)
            if index
        ]
        for name, index, _ in sorted(hits, key=lambda hit: -hit[2]):
            rows = index.among(missing)
            if rows:
                self.from_pack(name, index, rows)
                missing -= {row[0] for row in rows}
        return missing

    def named_packs(self, folder: str) -> list[str]:
        """Return the packs that were named when the folder was put there."""
        try:
            body = self.bucket.get(f"objects/{folder}.packs")
            names = msgspec.json.decode(body, type=list[str])
        except (Missing, msgspec.MsgspecError):
            return []
        return [name for name in names if len(name) == 64 and name.isalnum()]

    def all_packs(self) -> list[str]:
        """Return every pack of the bucket; needed only where packs were packed again since."""
        keys = (entry.key for entry in self.bucket.list("packs/"))
        return [key[6:-4] for key in keys if key.endswith(".idx")]

    def index(self, name: str) -> PackIndex | None:
        """Return a pack's index; None if there is none or it is damaged."""
        try:
            return decode_index(self.bucket.get(f"packs/{name}.idx"))
        except (Missing, ValueError):
            return None

    def from_pack(self, name: str, index: PackIndex, rows: list[tuple[bytes, int, int]]) -> None:
        """Get a whole pack where much of it is wanted, else the ranges that are."""
        wanted_bytes = sum(row[2] for row in rows)
        total_bytes = index.end_bytes()
        if wanted_bytes * 2 >= total_bytes or total_bytes <= _TINY_PACK_BYTES:
            self.whole(f"packs/{name}", name, total_bytes)
            self.shelf.index_pack(name, rebuilt_index(self.shelf.path(f"packs/{name}")))
            return
        with Adding(self.shelf, lone=False) as keeper:
            for bodies in _all(lambda run: self.run_of(name, run), _runs(rows)):
                keeper.smalls(bodies)

    def run_of(self, name: str, run: list[tuple[bytes, int, int]]) -> list[tuple[bytes, bytes]]:
        """Return the verified files of one stretch of a pack."""
        start = run[0][1]
        body = self.get(f"packs/{name}", name, start, run[-1][1] + run[-1][2] - start)
        found = [(digest, body[at - start : at - start + size]) for digest, at, size in run]
        for digest, one in found:
            self.check(blake3(one).digest(), digest.hex())
        return found


def _runs(rows: list[tuple[bytes, int, int]]) -> list[list[tuple[bytes, int, int]]]:
    """Return neighbours in a pack together."""
    runs: list[list[tuple[bytes, int, int]]] = []
    for row in sorted(rows, key=lambda one: one[1]):
        if runs:
            _, at, size = runs[-1][-1]
            if row[1] - at - size <= _GAP_BYTES and row[1] - runs[-1][0][1] < _RUN_BYTES:
                runs[-1].append(row)
                continue
        runs.append([row])
    return runs
