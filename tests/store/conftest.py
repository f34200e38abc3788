"""The buckets that the store's tests run on."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket

_COUNT = itertools.count(1)


@pytest.fixture(scope="session")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, one for the session."""
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def s3_url() -> str:
    """The URL of a place on the S3 server that no other test uses."""
    return f"s3://{BUCKET}/test-{next(_COUNT)}"


@pytest.fixture
def s3_bucket(s3: S3Server, s3_url: str, tmp_path: Path) -> Bucket:
    """An empty bucket on the S3 server."""
    return open_bucket(s3_url, root=tmp_path, env=s3.env)


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.s3)])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Every kind of bucket, empty."""
    if request.param == "folder":
        return FolderBucket(tmp_path / "bucket")
    if request.param == "memory":
        return MemoryBucket()
    found: Bucket = request.getfixturevalue("s3_bucket")
    return found
