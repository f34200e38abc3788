"""The buckets that the store's tests run on."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.azurite import CONTAINER, INSTALL, azurite, program
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


@pytest.fixture(scope="session")
def azure_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Azure's emulator, one for the session."""
    found = program()
    if found is None:
        pytest.skip(f"azurite is not installed; install it with: {INSTALL}")
    with azurite(found, tmp_path_factory.mktemp("azurite")) as env:
        yield env


@pytest.fixture
def azure_bucket(azure_env: dict[str, str], tmp_path: Path) -> Bucket:
    """An empty place in Azure's emulator."""
    url = f"az://{CONTAINER}/test-{next(_COUNT)}"
    return open_bucket(url, root=tmp_path, env=azure_env)


@pytest.fixture(
    params=[
        "folder",
        "memory",
        pytest.param("s3", marks=pytest.mark.s3),
        pytest.param("azure", marks=pytest.mark.slow),
    ]
)
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Every kind of bucket, empty."""
    if request.param == "folder":
        return FolderBucket(tmp_path / "bucket")
    if request.param == "memory":
        return MemoryBucket()
    found: Bucket = request.getfixturevalue(f"{request.param}_bucket")
    return found
