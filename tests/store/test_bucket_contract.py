"""What every bucket promises, asked of a folder, of memory and of a real S3 server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.store.bucket import Bucket, Missing
from trueup.store.keys import BadKey

ODD_KEYS = [
    "a b/with spaces ",
    "ü/日本/ключ",
    "100%/a%20b",
    "a#b?c&d=e+f;g:h~i*j'k\"l|m<n>o,p@q",
    "x" * 255,
    "-rf",
    "models/...three/dots",
]
BAD_KEYS = [
    "",
    "/absolute",
    "a//b",
    "a/",
    "..",
    "a/../b",
    "./a",
    ".hidden",
    ".tmp/x",
    "nul\0",
    "a\nb",
    "back\\slash",
    "x" * 256,
    "/".join(["abcdefghi"] * 91),
    "\ud800",
    "ü" * 128,
]


def keys_of(bucket: Bucket, prefix: str, after: str = "") -> list[str]:
    return sorted(entry.key for entry in bucket.list(prefix, after=after))


def test_what_was_put_is_read_back(bucket: Bucket) -> None:
    bucket.put("a/b", b"bytes\0\xff")
    assert bucket.get("a/b") == b"bytes\0\xff"


def test_an_object_may_be_empty(bucket: Bucket) -> None:
    bucket.put("put", b"")
    assert bucket.create("created", b"")
    assert (bucket.get("put"), bucket.get("created")) == (b"", b"")


def test_put_replaces(bucket: Bucket) -> None:
    bucket.put("a", b"first", sync=True)
    bucket.put("a", b"2nd")
    assert bucket.get("a") == b"2nd"


def test_create_writes_once(bucket: Bucket) -> None:
    assert bucket.create("runs/1/events/0000000001.json", b"mine")
    assert not bucket.create("runs/1/events/0000000001.json", b"theirs")
    assert bucket.get("runs/1/events/0000000001.json") == b"mine"


def test_of_many_creators_exactly_one_wins(bucket: Bucket) -> None:
    start = threading.Barrier(16)

    def create(writer: int) -> bool:
        start.wait()
        return bucket.create("contested", f"writer {writer}".encode())

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(create, range(16)))
    assert sum(won) == 1
    assert bucket.get("contested") == f"writer {won.index(True)}".encode()


def test_a_file_is_put_as_its_bytes(bucket: Bucket, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 4096)
    bucket.put("objects/x", source)
    assert bucket.get("objects/x") == source.read_bytes()


def test_a_large_file_goes_up_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(251)) * 80_000)
    bucket.put("objects/large", source)
    assert (
        bucket.get("objects/large", start=19_999_999, length=300)
        == source.read_bytes()[19_999_999:20_000_299]
    )


def test_a_file_that_is_not_there_changes_nothing(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("a", b"old")
    with pytest.raises(FileNotFoundError):
        bucket.put("a", tmp_path / "absent")
    assert bucket.get("a") == b"old"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (8, 100, b"89"),
        (10, None, b""),
        (50, None, b""),
        (50, 5, b""),
        (4, 0, b""),
    ],
)
def test_a_range_is_what_of_it_is_there(
    bucket: Bucket, start: int, length: int | None, expected: bytes
) -> None:
    bucket.put("a", b"0123456789")
    assert bucket.get("a", start=start, length=length) == expected


@pytest.mark.parametrize("length", [None, 0, 5])
def test_an_absent_object_is_missing_by_name(bucket: Bucket, length: int | None) -> None:
    bucket.put("there/else", b"")
    with pytest.raises(Missing, match="not/there") as caught:
        bucket.get("not/there", length=length)
    assert bucket.url in str(caught.value)


def test_what_only_holds_others_is_no_object(bucket: Bucket) -> None:
    bucket.put("folder/a", b"1")
    with pytest.raises(Missing):
        bucket.get("folder")
    with pytest.raises(Missing):
        bucket.get("folder/a/b")
    assert keys_of(bucket, "folder") == []


def test_a_list_holds_what_its_prefix_says(bucket: Bucket) -> None:
    for key in ("a/1", "a/b/2", "a-b/3", "ab/4", "b/5"):
        bucket.put(key, key.encode())
    assert keys_of(bucket, "a/") == ["a/1", "a/b/2"]
    assert keys_of(bucket, "") == ["a-b/3", "a/1", "a/b/2", "ab/4", "b/5"]
    assert keys_of(bucket, "a/1") == ["a/1"]
    assert keys_of(bucket, "a/b") == []
    assert keys_of(bucket, "absent/") == []


def test_a_list_begins_after_a_key(bucket: Bucket) -> None:
    for key in ("n/1", "n/2/x", "n/3", "n/30", "o/1"):
        bucket.put(key, b"")
    assert keys_of(bucket, "n/", after="n/1") == ["n/2/x", "n/3", "n/30"]
    assert keys_of(bucket, "n/", after="n/2/a") == ["n/2/x", "n/3", "n/30"]
    assert keys_of(bucket, "n/", after="n/2/x") == ["n/3", "n/30"]
    assert keys_of(bucket, "n/", after="n/30") == []
    assert keys_of(bucket, "n/", after="a") == ["n/1", "n/2/x", "n/3", "n/30"]
    assert keys_of(bucket, "n/3", after="n/2") == ["n/3"]
    assert keys_of(bucket, "n/3", after="n/3") == []


def test_a_list_tells_size_and_time(bucket: Bucket) -> None:
    bucket.put("a/b", b"12345")
    (entry,) = bucket.list("a/")
    assert (entry.key, entry.size_bytes) == ("a/b", 5)
    assert abs(datetime.now(UTC) - entry.modified) < timedelta(minutes=1)


def test_a_remote_list_is_sorted_and_others_complete(bucket: Bucket) -> None:
    keys = [f"many/{number:04d}" for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.put(key, b""), keys))
    found = [entry.key for entry in bucket.list("many/")]
    assert (found if bucket.remote else sorted(found)) == keys
    bucket.delete(keys)
    assert keys_of(bucket, "") == []


def test_delete_removes_and_does_not_mind_absence(bucket: Bucket) -> None:
    bucket.put("a/b/c", b"")
    bucket.put("a/d", b"")
    bucket.delete(["a/b/c", "never/was"])
    assert keys_of(bucket, "") == ["a/d"]
    bucket.delete(["a/d", "a/d"])
    bucket.delete([])
    assert keys_of(bucket, "") == []
    assert bucket.create("a/d", b"again")


@pytest.mark.parametrize("key", ODD_KEYS)
def test_names_are_kept_as_they_are(bucket: Bucket, key: str) -> None:
    assert bucket.create(key, key.encode())
    assert not bucket.create(key, b"other")
    assert bucket.get(key) == key.encode()
    assert keys_of(bucket, "") == [key]
    bucket.delete([key])
    assert keys_of(bucket, "") == []


@pytest.mark.parametrize("key", BAD_KEYS)
def test_keys_that_leave_the_bucket_or_cannot_be_written_everywhere_are_refused(
    bucket: Bucket, key: str
) -> None:
    with pytest.raises(BadKey):
        bucket.create(key, b"")
    with pytest.raises(BadKey):
        bucket.put(key, b"")
    with pytest.raises(BadKey):
        bucket.get(key)
    with pytest.raises(BadKey):
        bucket.delete([key])
    assert keys_of(bucket, "") == []
