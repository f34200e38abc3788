"""From URLs to buckets, and what is said about those that cannot be used."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.seaweed import BUCKET, S3Server
from trueup.errors import AccessRefused, TrueupError, WrongUsage
from trueup.store.bucket import Missing
from trueup.store.folder import FolderBucket
from trueup.store.keys import BadKey
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket
from trueup.store.remoteerrors import kind_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (".trueup/store", "root/.trueup/store"),
        ("../beside", "root/../beside"),
        ("a folder/ü:x", "root/a folder/ü:x"),
        ("/abs/olute", "/abs/olute"),
        ("file:///abs/with%20space", "/abs/with space"),
        ("file://localhost/abs", "/abs"),
    ],
)
def test_a_folder_is_named_by_path_or_file_url(tmp_path: Path, url: str, path: str) -> None:
    found = open_bucket(url, root=tmp_path / "root", env={})
    assert isinstance(found, FolderBucket)
    assert found.root == tmp_path / path


def test_memory_is_new_each_time_unless_it_has_a_name(tmp_path: Path) -> None:
    one, other = (open_bucket("memory:", root=tmp_path, env={}) for _ in range(2))
    one.put("a", b"")
    assert isinstance(one, MemoryBucket)
    assert list(other.list("")) == []
    open_bucket("memory:shared", root=tmp_path, env={}).put("a", b"1")
    assert open_bucket("memory:shared", root=tmp_path, env={}).get("a") == b"1"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "store is empty"),
        ("s4://bucket", "'s4://bucket' begins with an unknown scheme"),
        ("ftp://host/x", "unknown scheme"),
        ("file://host/x", "names a host"),
        ("s3://", "not a bucket's URL"),
        ("s3:///prefix", "not a bucket's URL"),
        ("s3://bucket/prefix?versionId=1", "not a bucket's URL"),
        ("az://container", "cannot be opened"),
    ],
)
def test_what_is_no_bucket_is_refused_with_a_remedy(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        open_bucket(url, root=tmp_path, env={}).get("a")
    assert said in str(caught.value)
    assert caught.value.remedy


def test_a_prefix_cannot_leave_the_bucket(tmp_path: Path) -> None:
    with pytest.raises(BadKey):
        open_bucket("s3://bucket/a/../b", root=tmp_path, env={})


@pytest.mark.parametrize("url", ["s3://key:hunter2@bucket/x", "az://hunter2@bucket"])
def test_credentials_in_a_url_are_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        open_bucket(url, root=tmp_path, env={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("patience", ["soon", "0", "-1", "inf", "nan"])
def test_patience_is_a_number_of_seconds(tmp_path: Path, patience: str) -> None:
    with pytest.raises(WrongUsage, match="TRUEUP_BUCKET_PATIENCE_S"):
        open_bucket("s3://bucket", root=tmp_path, env={"TRUEUP_BUCKET_PATIENCE_S": patience})


def test_a_certificate_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    env = {"AWS_CA_BUNDLE": str(tmp_path / "absent.pem")}
    with pytest.raises(WrongUsage, match=r"absent\.pem"):
        open_bucket("s3://bucket", root=tmp_path, env=env).get("a")


def test_a_profile_without_boto3_says_what_to_install(tmp_path: Path) -> None:
    env = {"AWS_PROFILE": "work", "HOME": str(tmp_path)}
    with pytest.raises(WrongUsage, match=r"trueup\[aws\]|gives no credentials"):
        open_bucket("s3://bucket", root=tmp_path, env=env).get("a")


def test_without_credentials_that_is_what_is_said(tmp_path: Path) -> None:
    env = {
        "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9/169.254.169.254",
        "TRUEUP_BUCKET_PATIENCE_S": "0.2",
        "HOME": str(tmp_path),
    }
    with pytest.raises(AccessRefused, match="no credentials were found for s3://bucket"):
        open_bucket("s3://bucket", root=tmp_path, env=env).get("a")


def test_a_folder_loads_nothing_that_only_clouds_need() -> None:
    code = (
        "import sys; from pathlib import Path; from trueup.store.opening import open_bucket;"
        "from trueup.store.log import Log; open_bucket('x', root=Path('/nowhere'), env={});"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "trueup.store.log" in loaded
    assert not loaded & {"obstore", "asyncio", "concurrent.futures", "tempfile", "blake3"}


@pytest.mark.s3
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "hunter2"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "stranger-key"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_are_refused_and_not_repeated(
    s3: S3Server, s3_url: str, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    bucket = open_bucket(s3_url, root=tmp_path, env=s3.env | change)
    for ask in (
        lambda: bucket.get("a"),
        lambda: bucket.put("a", b""),
        lambda: bucket.create("a", b""),
        lambda: list(bucket.list("")),
        lambda: bucket.delete(["a"]),
    ):
        with pytest.raises(AccessRefused) as caught:
            ask()
        assert said in str(caught.value)
        assert s3_url in str(caught.value)
        assert (
            not {"hunter2", "stranger-key", *s3.env.values()} - {s3.endpoint}
            & set(str(caught.value).split())
            & {"hunter2", "stranger-key"}
        )


@pytest.mark.s3
def test_who_may_only_read_reads_and_is_refused_the_rest(
    s3: S3Server, s3_url: str, tmp_path: Path
) -> None:
    open_bucket(s3_url, root=tmp_path, env=s3.env).put("there", b"1")
    bucket = open_bucket(s3_url, root=tmp_path, env=s3.reader_env)
    assert bucket.get("there") == b"1"
    assert [entry.key for entry in bucket.list("")] == ["there"]
    with pytest.raises(Missing):
        bucket.get("absent")
    for ask in (lambda: bucket.put("a", b""), lambda: bucket.create("a", b"")):
        with pytest.raises(AccessRefused, match="AccessDenied"):
            ask()
    with pytest.raises(AccessRefused):
        bucket.delete(["there"])
    assert bucket.get("there") == b"1"


@pytest.mark.s3
def test_a_bucket_that_does_not_exist_is_named(s3: S3Server, tmp_path: Path) -> None:
    bucket = open_bucket("s3://absent/x", root=tmp_path, env=s3.reader_env)
    with pytest.raises(AccessRefused, match="s3://absent/x"):
        bucket.get("a")


@pytest.mark.s3
def test_the_prefix_of_a_url_is_no_part_of_its_keys(s3: S3Server, tmp_path: Path) -> None:
    whole = open_bucket(f"s3://{BUCKET}", root=tmp_path, env=s3.env)
    part = open_bucket(f"s3://{BUCKET}/some/prefix/", root=tmp_path, env=s3.env)
    part.put("a/b", b"1")
    assert whole.get("some/prefix/a/b") == b"1"
    assert [entry.key for entry in part.list("")] == ["a/b"]
    assert part.url == f"s3://{BUCKET}/some/prefix at {s3.endpoint}"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError("connection reset"), "again"),
        (RuntimeError("status code: 500 Internal"), "again"),
        (RuntimeError("status code: 429 Too Many"), "again"),
        (RuntimeError("status code: 409 Conflict"), "exists"),
        (RuntimeError("status code: 416 Range"), "past_end"),
        (RuntimeError("status code: 400 <Code>ExpiredToken</Code>"), "refused"),
        (RuntimeError("status code: 301 Moved"), "refused"),
        (FileNotFoundError("status code: 404 <Code>NoSuchKey</Code>"), "missing"),
        (FileNotFoundError("status code: 404 <Code>NoSuchBucket</Code>"), "refused"),
    ],
)
def test_an_answer_is_asked_for_again_unless_it_is_certain(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


def test_every_refusal_is_of_the_family_that_people_meet() -> None:
    assert issubclass(BadKey, TrueupError)
