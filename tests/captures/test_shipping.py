"""Segments reach the bucket once, whatever ends between; while it is silent, they wait."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.captures.rows import MODEL, QUICK, bring, captured, labelled
from tests.support.faultproxy import Fault, FaultProxy, Request
from tests.support.seaweed import BUCKET, seaweed
from trueup.captures import labels, reading, shipping, spoolfiles
from trueup.captures.records import Limits
from trueup.captures.shipping import Shipper
from trueup.captures.spool import Spool
from trueup.errors import RemoteSilent
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket


class Failing(MemoryBucket):
    """A bucket that is silent, or falls silent after so many creates."""

    def __init__(self) -> None:
        super().__init__()
        self.creates_left = 1 << 30

    def create(self, key: str, body: bytes) -> bool:
        """Create, while it answers."""
        if self.creates_left <= 0:
            raise RemoteSilent("the bucket is silent", remedy="Wait")
        self.creates_left -= 1
        return super().create(key, body)


@pytest.mark.parametrize("creates", [0, 1, 2, 3])
def test_shipping_cut_off_anywhere_goes_on_without_loss_or_repetition(
    tmp_path: Path, creates: int
) -> None:
    bucket = Failing()
    spool = Spool(tmp_path, QUICK)
    for version in (1, 2):
        spool.offer(captured([f"{version}"], version=version))
        assert spool.roll()
        spool.offer(captured([f"{version}{version}"], version=version))
        spool.offer(captured(["3" * version], version=3))
    spool.close()
    bucket.creates_left = creates
    with pytest.raises(RemoteSilent):
        shipping.ship(tmp_path, bucket)
    bucket.creates_left = 1 << 30
    shipping.ship(tmp_path, bucket)
    assert spoolfiles.closed_files(tmp_path) == []
    found = reading.captures(bucket, MODEL).collect()["id"].to_list()
    assert sorted(found) == ["1", "11", "2", "22", "3", "33"]


def test_a_file_shipped_but_not_removed_is_not_there_twice(
    tmp_path: Path, bucket: MemoryBucket
) -> None:
    spool = Spool(tmp_path, QUICK)
    spool.offer(captured(5))
    spool.close()
    (closed,) = spoolfiles.closed_files(tmp_path)
    content = closed.path.read_bytes()
    shipping.ship(tmp_path, bucket)
    closed.path.write_bytes(content)  # the process was killed before it removed the file
    shipping.ship(tmp_path, bucket)
    assert reading.captures(bucket, MODEL).collect().height == 5


def test_while_the_bucket_is_silent_the_spool_keeps_and_it_is_told_once(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    bucket = Failing()
    bucket.creates_left = 0
    told: list[str] = []
    spool = Spool(tmp_path, Limits(write_s=0.001, segment_s=0.01))
    shipper = Shipper(spool, bucket, every_s=0.01, tell=told.append)
    assert spool.keep(captured(5))
    eventually(lambda: shipper.failing)
    assert spool.keep(captured(5))
    bucket.creates_left = 1 << 30
    eventually(lambda: not shipper.failing)
    assert spool.close()
    assert shipper.close()
    assert [one.split(":")[0] for one in told] == [
        "captures stay in the spool",
        "captures reach the bucket again",
    ]
    assert reading.captures(bucket, MODEL).collect().height == 10


def test_what_is_written_again_under_the_same_source_is_there_once(bucket: MemoryBucket) -> None:
    for _ in range(2):
        shipping.write(bucket, [captured(["a", "b"])], "partition-1")
        labels.append(bucket, labelled(["a"], 1), "file-1")
    found = reading.captures(bucket, MODEL).collect()
    assert found["id"].to_list() == ["a", "b"]
    assert found["words"].to_list() == [1, None]


def test_a_folder_takes_segments_too(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bring([captured(["a"])], bucket, tmp_path / "spool")
    assert reading.captures(bucket, MODEL).collect()["id"].to_list() == ["a"]


@pytest.mark.s3
@pytest.mark.slow
def test_a_real_bucket_that_resets_refuses_and_loses_answers_gets_each_row_once(
    weed: Path, tmp_path: Path
) -> None:
    tries: dict[str, int] = {}

    def choose(request: Request) -> Fault | None:
        seen = tries[request.target] = tries.get(request.target, -1) + 1
        return list(Fault)[seen] if seen < len(Fault) and request.method == "PUT" else None

    with seaweed(weed, tmp_path / "seaweed") as server:
        with FaultProxy(server.endpoint, choose) as proxy:
            env = server.through(proxy.url)
            url = f"s3://{BUCKET}/captures-test"
            bucket = open_bucket(url, root=tmp_path, env=env)
            names = [f"{k:05}" for k in range(20_000)]
            batches = [captured(names[k : k + 500]) for k in range(0, 20_000, 500)]
            bring([*batches, labelled(names[:100], 1)], bucket, tmp_path / "spool")
        direct = open_bucket(url, root=tmp_path, env=server.env)
        found = reading.captures(direct, MODEL).collect()
    assert found["id"].to_list() == names
    assert found["label"].sum() == 100


WRITING = """
import sys
from pathlib import Path
from tests.captures.rows import MODEL, bring, captured, labelled
from trueup.captures import labels
from trueup.store.folder import FolderBucket

bring([captured(5), labelled(["a"], 1)], FolderBucket(Path(sys.argv[1])), Path(sys.argv[2]))
heavy = {"polars", "pyarrow", "scipy", "pandas", "sklearn", "obstore"} & set(sys.modules)
assert not heavy, heavy
"""


def test_capturing_and_shipping_load_nothing_that_reading_needs(tmp_path: Path) -> None:
    words = [sys.executable, "-c", WRITING, str(tmp_path / "bucket"), str(tmp_path / "spool")]
    subprocess.run(words, check=True)
    assert list((tmp_path / "bucket" / "captures").rglob("*.arrow"))
