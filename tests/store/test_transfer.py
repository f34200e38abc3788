"""Carrying objects between buckets."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket
from trueup.store.transfer import Damaged, Moved, Options, transfer

Fill = Callable[[Bucket, int], list[str]]
LARGE = bytes(range(256)) * (80 << 10)  # 20 MiB


def fill(bucket: Bucket, count: int) -> list[str]:
    keys = []
    for nth in range(count):
        body = b"body %d" % nth
        keys.append(f"objects/{blake3(body).hexdigest()}")
        bucket.put(keys[-1], body)
    return keys


def test_what_the_target_lacks_is_carried_once(bucket: Bucket, tmp_path: Path) -> None:
    here = FolderBucket(tmp_path / "here")
    keys = fill(here, 100)
    fill(bucket, 30)
    for source, target in ((here, bucket), (bucket, FolderBucket(tmp_path / "back"))):
        lacking = 70 if target is bucket else 100
        done = transfer(source, target, keys)
        assert (done.copied, done.skipped, done.missing) == (lacking, 100 - lacking, ())
        assert all(target.get(key) == here.get(key) for key in keys)
        assert transfer(source, target, keys).skipped == 100


@pytest.mark.parametrize("upwards", [True, False])
def test_a_large_object_is_carried_in_pieces(bucket: Bucket, tmp_path: Path, upwards: bool) -> None:
    here = FolderBucket(tmp_path / "here")
    source, target = (here, bucket) if upwards else (bucket, here)
    key = f"objects/{blake3(LARGE).hexdigest()}"
    source.put(key, LARGE)
    done = transfer(source, target, [key])
    assert (done.copied, done.copied_bytes) == (1, len(LARGE))
    assert target.get(key) == LARGE


def test_a_large_object_between_two_far_buckets_goes_by_a_file() -> None:
    source, target = MemoryBucket(), MemoryBucket()
    key = f"packs/{blake3(LARGE).hexdigest()}"
    source.put(key, LARGE)
    transfer(source, target, [key])
    assert target.get(key) == LARGE


@pytest.mark.parametrize("body", [b"small and wrong", LARGE])
@pytest.mark.parametrize("folder", [True, False])
def test_damage_does_not_spread(tmp_path: Path, body: bytes, folder: bool) -> None:
    source = FolderBucket(tmp_path / "here") if folder else MemoryBucket()
    for target in (MemoryBucket(), FolderBucket(tmp_path / "there")):
        source.put(f"objects/{'ab' * 32}", body)
        with pytest.raises(Damaged, match="does not hold what its name says"):
            transfer(source, target, [f"objects/{'ab' * 32}"])
        assert list(target.list("")) == []
    left = tmp_path / "there" / ".tmp"
    assert not left.exists() or list(left.iterdir()) == []


def test_what_the_source_lacks_is_told() -> None:
    source, target = MemoryBucket(), MemoryBucket()
    keys = fill(source, 3)
    done = transfer(source, target, [*keys, "objects/absent", *keys])
    assert (done.copied, done.missing) == (3, ("objects/absent",))


def test_names_that_promise_no_digest_are_carried_unchecked() -> None:
    source, target = MemoryBucket(), MemoryBucket()
    for key in ("cache/trusted/a.json", f"packs/{'ab' * 32}.idx", f"objects/{'ab' * 32}.packs"):
        source.put(key, b"whatever")
        assert transfer(source, target, [key]).copied == 1


def test_what_has_grown_old_there_is_written_again() -> None:
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)] * 2)
    source, target = MemoryBucket(), MemoryBucket(now=lambda: next(times))
    (key,) = fill(source, 1)
    transfer(source, target, [key])
    middle = datetime(2026, 1, 15, tzinfo=UTC)
    assert transfer(source, target, [key], Options(rewrite_before=middle)).copied == 1
    assert transfer(source, target, [key], Options(rewrite_before=middle)).skipped == 1
    (entry,) = target.list("")
    assert entry.modified - middle > timedelta(days=15)


def test_progress_tells_of_every_object() -> None:
    source, target = MemoryBucket(), MemoryBucket()
    keys = fill(source, 5)
    seen: list[Moved] = []
    fill(target, 2)
    transfer(source, target, keys, Options(progress=seen.append))
    assert {moved.key: moved.skipped for moved in seen} == {
        key: nth < 2 for nth, key in enumerate(keys)
    }
    assert sum(moved.size_bytes for moved in seen) == 5 * len(b"body 0")


def test_an_interrupted_transfer_goes_on_where_it_was() -> None:
    source, target = MemoryBucket(), MemoryBucket()
    keys = fill(source, 5000)

    def stop(moved: Moved) -> None:
        if len(list(target.list(""))) >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer(source, target, keys, Options(progress=stop, threads=2))
    there = len(list(target.list("")))
    assert 10 <= there < 5000
    assert transfer(source, target, keys).copied == 5000 - there
