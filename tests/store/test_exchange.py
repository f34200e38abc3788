"""Content and buckets: what is pushed can be fetched by others, in few requests, verified."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.content import Place, tree
from tests.support.counting import CountedBucket
from trueup import clock
from trueup.store import exchange
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket
from trueup.store.hashing import SMALL_BYTES, ContentMissing
from trueup.store.memory import MemoryBucket


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


@pytest.fixture
def other(tmp_path: Path) -> Place:
    return Place(tmp_path / "other")


@pytest.fixture
def kept(place: Place) -> Artifact:
    """A folder with small, large and very large files."""
    place.fill({f"{at}": f"body {at}".encode() for at in range(60)})
    place.write("data/large", os.urandom(SMALL_BYTES))
    place.write("data/larger", os.urandom(20 << 20))
    place.write("data/run", "x").chmod(0o755)
    return place.content.add(Path("data"))


def keys(bucket: Bucket) -> set[str]:
    return {e.key for prefix in ("objects/", "packs/") for e in bucket.list(prefix)}


def test_what_was_pushed_can_be_fetched_by_somebody_else(
    place: Place, other: Place, kept: Artifact, bucket: Bucket
) -> None:
    assert not place.content.reachable(kept, bucket)
    assert place.content.push([kept], bucket) == 5
    assert keys(bucket) == {*place.content.keys(kept), f"objects/{kept.digest}.packs"}
    assert other.content.reachable(kept, bucket)
    assert not other.content.has(kept)
    other.content.fetch(kept, bucket)
    assert other.content.has(kept)
    other.content.checkout(kept, Path("data"))
    assert tree(other.root / "data") == tree(place.root / "data")


def test_what_the_bucket_has_is_not_sent_again(place: Place, kept: Artifact) -> None:
    bucket = CountedBucket()
    place.content.push([kept], bucket)
    bucket.requests = 0
    assert place.content.push([kept, kept], bucket) == 0
    assert bucket.requests <= 2
    place.write("data/1", "changed")
    changed = place.content.add(Path("data"))
    assert place.content.push([changed], bucket) == 2  # the file and the manifest


def test_what_has_grown_old_in_the_bucket_is_put_again(place: Place, kept: Artifact) -> None:
    bucket = MemoryBucket()
    place.content.push([kept], bucket)
    sets = [place.content.keys(kept)]
    soon, later = clock.now() + timedelta(days=3), clock.now() + timedelta(days=4)
    assert exchange.send(place.content.shelf, sets, bucket, soon) == 0
    assert exchange.send(place.content.shelf, sets, bucket, later) == 5


def test_an_object_of_another_size_in_the_bucket_is_replaced(
    place: Place, other: Place, bucket: Bucket
) -> None:
    place.write("a", "whole")
    artifact = place.content.add(Path("a"))
    bucket.put(f"objects/{artifact.digest}", b"half")
    assert place.content.push([artifact], bucket) == 1
    other.content.fetch(artifact, bucket)
    assert other.content.read(artifact.digest) == b"whole"


def test_only_what_is_lacking_is_fetched(place: Place, other: Place, kept: Artifact) -> None:
    bucket = CountedBucket()
    place.content.push([kept], bucket)
    other.content.fetch(kept, bucket)
    bucket.requests = 0
    other.content.fetch(kept, bucket)
    assert bucket.requests == 0
    place.write("data/1", "changed")
    changed = place.content.add(Path("data"))
    place.content.push([changed], bucket)
    bucket.requests = 0
    other.content.fetch(changed, bucket)
    assert other.content.has(changed)
    assert bucket.requests <= 5


def test_a_few_files_of_a_large_pack_are_read_by_range(place: Place, other: Place) -> None:
    place.fill({f"{at}": at.to_bytes(2, "big") * 50_000 for at in range(40)})
    kept = place.content.add(Path("data"))
    for at in range(5, 40):
        (place.root / f"data/{at}").unlink()
    few = place.content.add(Path("data"))
    bucket = _Measured()
    place.content.push([few], bucket)
    other.content.fetch(few, bucket)
    assert bucket.sent < 1 << 20
    assert other.content.has(few)
    assert not other.content.has(kept)
    other.content.checkout(few, Path("data"))
    assert tree(other.root / "data") == tree(place.root / "data")


class _Measured(CountedBucket):
    sent = 0

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        body = super().get(key, start=start, length=length)
        self.sent += len(body)
        return body


def test_packs_are_found_although_they_were_packed_again_since(
    place: Place, other: Place, kept: Artifact
) -> None:
    bucket = MemoryBucket()
    place.content.push([kept], bucket)
    for stale in (b'["%s"]' % (b"0" * 64), b"nonsense", None):
        if stale is None:
            bucket.delete([f"objects/{kept.digest}.packs"])
        else:
            bucket.put(f"objects/{kept.digest}.packs", stale)
        one = Place(other.root / f"{stale!r}"[:5])
        one.content.fetch(kept, bucket)
        assert one.content.has(kept)


@pytest.mark.parametrize("kind", ["objects", "packs"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_what_does_not_match_its_name_in_the_bucket_is_missing(
    place: Place, other: Place, kept: Artifact, bucket: Bucket, kind: str, damage: str
) -> None:
    place.content.push([kept], bucket)
    for key in keys(bucket):
        if key.startswith(kind) and not key.endswith((".idx", ".packs")):
            body = bucket.get(key)
            if damage == "remove":
                bucket.delete([key])
            else:
                middle = len(body) // 2
                flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
                bucket.put(key, flipped if damage == "flip" else body[:middle])
    with pytest.raises(ContentMissing):
        other.content.fetch(kept, bucket)
    assert not other.content.has(kept)
    assert other.stored(".tmp") == []
    for name in other.stored("objects"):
        other.content.read(name)


def test_a_small_file_that_only_a_folders_pack_holds_can_be_pushed_and_fetched(
    place: Place, other: Place, kept: Artifact
) -> None:
    bucket = MemoryBucket()
    entry = place.content.manifest(kept).entries[0]
    file = Artifact(entry.digest, entry.size_bytes)
    assert place.content.keys(file)[0].startswith("packs/")
    assert place.content.push([file], bucket) == 2
    assert keys(bucket) == set(place.content.keys(file))
    other.content.fetch(file, bucket)
    assert other.content.read(file.digest) == (place.root / "data" / entry.path).read_bytes()
    with pytest.raises(ContentMissing):
        other.content.fetch(Artifact("00" * 32, 3), bucket)


def test_an_attached_bucket_is_asked_for_what_is_not_here(
    place: Place, other: Place, kept: Artifact
) -> None:
    bucket = MemoryBucket()
    digest = place.content.add_bytes(b"lock")
    place.content.push([kept, Artifact(digest, 4)], bucket)
    other.content.attach(bucket)
    assert other.content.read(digest) == b"lock"
    other.content.checkout(kept, Path("data"))
    assert tree(other.root / "data") == tree(place.root / "data")
    with pytest.raises(ContentMissing):
        other.content.read("00" * 32)


def test_parts_are_put_before_the_manifest_that_names_them(place: Place, kept: Artifact) -> None:
    bucket = _Ordered()
    place.content.push([kept], bucket)
    assert bucket.order[-1] == f"objects/{kept.digest}"
    assert len(bucket.order) == 6


class _Ordered(CountedBucket):
    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        super().put(key, body, sync=sync)
        self.order.append(key)
