"""What a folder promises beyond the contract: synced, whole, named refusals, safe pruning."""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.powers import without_root_powers
from trueup.errors import AccessRefused, TrueupError
from trueup.store.bucket import Missing
from trueup.store.folder import FolderBucket
from trueup.store.keys import BucketFull, BucketUnfit
from trueup.store.oserrors import explained

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt-get install strace"
)

SCRIPT = """
import os, sys
from pathlib import Path
from trueup.errors import TrueupError
from trueup.store.folder import FolderBucket
bucket = FolderBucket(Path(sys.argv[1]))
try:
    {call}
except TrueupError as error:
    print(type(error).__name__, error)
os.access("/returned", os.F_OK)
"""


def traced(folder: Path, call: str, *options: str) -> tuple[str, str]:
    """Run a call in a process of its own under strace; return what it printed and its calls."""
    trace = folder / "trace"
    done = subprocess.run(
        [
            *("strace", "-f", "-y", "-s", "200", "-o", str(trace), *options),
            *(sys.executable, "-c", SCRIPT.format(call=call), str(folder / "bucket")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, trace.read_text(errors="replace")


def synced_paths(trace: str) -> list[str]:
    """Return what was synced before the call returned, in order."""
    before = trace[: trace.index('"/returned"')]
    return re.findall(r"\bfsync\(\d+<([^>]*)>\)\s+= 0", before)


@needs_strace
def test_a_record_and_its_folders_are_synced_before_create_returns(tmp_path: Path) -> None:
    call = 'assert bucket.create("runs/1/events/0000000001.json", b"{}")'
    _, trace = traced(tmp_path, call, "-e", "trace=fsync,link,linkat,access,faccessat,faccessat2")
    root = tmp_path / "bucket"
    first, *folders = synced_paths(trace)
    assert first.startswith(f"{root}/.tmp/")
    assert folders == [f"{root}/runs/1/events", f"{root}/runs/1", f"{root}/runs", str(root)]
    assert trace.index("fsync(") < trace.rindex("link") < trace.rindex("fsync(")


@needs_strace
def test_what_is_put_synced_is_synced_and_the_rest_is_not(tmp_path: Path) -> None:
    for sync, count in ((True, 3), (False, 0)):
        call = f'bucket.put("objects/x", b"bytes", sync={sync})'
        _, trace = traced(tmp_path, call, "-e", "trace=fsync,access,faccessat,faccessat2")
        assert len(synced_paths(trace)) == count


@needs_strace
@pytest.mark.parametrize("name", ["EPERM", "EOPNOTSUPP"])
def test_a_file_system_without_hard_links_is_refused_by_name(tmp_path: Path, name: str) -> None:
    said, _ = traced(
        tmp_path, 'bucket.create("a", b"{}")', "-e", f"inject=link,linkat:error={name}"
    )
    assert said.startswith("BucketUnfit the file system (")
    assert str(tmp_path / "bucket") in said
    assert "has no hard links" in said
    assert not (tmp_path / "bucket" / "a").exists()


@needs_strace
@pytest.mark.parametrize(
    ("call", "fails"),
    [
        ('bucket.create("a/b", b"x" * 9000)', "write"),
        ('bucket.put("a/b", b"x" * 9000)', "write"),
        ('bucket.put("a/b", b"x" * 9000, sync=True)', "fsync"),
        ('bucket.put("a/b", Path(sys.executable))', "copy_file_range"),
    ],
)
def test_a_full_disk_leaves_the_old_state(tmp_path: Path, call: str, fails: str) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    if "create" not in call:
        bucket.put("a/b", b"old")
    # when=1: Python's own first write comes later, when it says what happened.
    said, _ = traced(tmp_path, call, "-e", f"inject={fails}:error=ENOSPC:when=1")
    assert said.startswith("BucketFull no space is left in"), said
    assert "trueup gc" in said
    assert [entry.size_bytes for entry in bucket.list("")] == ([] if "create" in call else [3])
    assert list((tmp_path / "bucket" / ".tmp").iterdir()) == []


@needs_strace
@pytest.mark.parametrize("point", ["write", "fsync", "link", "rename"])
def test_a_process_killed_at_any_point_leaves_the_old_state_or_the_new(
    tmp_path: Path, point: str
) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("replaced", b"old", sync=True)
    call = "bucket.put" if point == "rename" else "bucket.create"
    key = "replaced" if point == "rename" else "created"
    killed = subprocess.run(
        [
            *("strace", "-f", "-o", str(tmp_path / "trace")),
            *("-e", f"inject={point}:signal=KILL:when=1"),
            *(sys.executable, "-c", SCRIPT.format(call=f'{call}("{key}", b"new")')),
            str(tmp_path / "bucket"),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode != 0
    found = {entry.key: bucket.get(entry.key) for entry in bucket.list("")}
    assert found.pop("replaced") in (b"old", b"new")
    assert found in ({}, {"created": b"new"})
    left = len(list((tmp_path / "bucket" / ".tmp").iterdir()))
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    assert bucket.sweep(older_than_s=86_400, now=datetime.now(UTC)) == 0
    assert bucket.sweep(older_than_s=86_400, now=tomorrow) == left


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "not" / "yet")
    assert list(bucket.list("")) == []
    with pytest.raises(Missing):
        bucket.get("a")
    bucket.delete(["a"])
    assert bucket.sweep(older_than_s=0, now=datetime.now(UTC)) == 0
    assert not (tmp_path / "not").exists()


def test_empty_folders_go_with_their_last_object(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("a/b/c/d", b"")
    bucket.put("a/e", b"")
    bucket.delete(["a/b/c/d"])
    assert sorted(path.name for path in (tmp_path / "bucket").rglob("*")) == [".tmp", "a", "e"]


def test_writers_and_deleters_of_one_folder_do_not_hurt_each_other(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    end = threading.Event()

    def delete_all() -> None:
        while not end.is_set():
            bucket.delete([f"deep/er/{writer}" for writer in range(4)])

    def write(writer: int) -> None:
        for nth in range(100):
            bucket.create(f"deep/er/{writer}", b"%d" % nth)
            bucket.put(f"deep/er/{writer}", b"%d" % nth)

    with ThreadPoolExecutor(6) as pool:
        deleting = [pool.submit(delete_all) for _ in range(2)]
        try:
            for written in [pool.submit(write, writer) for writer in range(4)]:
                written.result()
        finally:
            end.set()
        for one in deleting:
            one.result()
    bucket.put("deep/er/last", b"")
    assert bucket.get("deep/er/last") == b""


def test_a_reader_of_what_is_replaced_sees_the_old_or_the_new(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bodies = {b"a" * 100_000, b"b" * 200_000}
    bucket.put("x", b"a" * 100_000)
    end = threading.Event()

    def replace() -> None:
        while not end.is_set():
            for body in bodies:
                bucket.put("x", body)

    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        try:
            assert all(bucket.get("x") in bodies for _ in range(200))
        finally:
            end.set()
        replacing.result()


def test_a_copy_does_not_follow_its_source(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"1" * 300_000)
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("objects/x", source)
    with source.open("r+b") as file:
        file.write(b"2")
    assert bucket.get("objects/x") == b"1" * 300_000


def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir(mode=0o500)
    with without_root_powers(), pytest.raises(AccessRefused, match=str(tmp_path)):
        FolderBucket(tmp_path / "bucket").put("a", b"")


@needs_strace
@pytest.mark.parametrize("name", ["EACCES", "EROFS"])
def test_a_refused_write_names_folder_and_reason(tmp_path: Path, name: str) -> None:
    said, _ = traced(tmp_path, 'bucket.put("a/b", b"")', "-e", f"inject=rename:error={name}")
    assert said.startswith(f"AccessRefused {tmp_path}/bucket cannot be used"), said


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bucket").write_text("a file")
    bucket = FolderBucket(tmp_path / "bucket")
    with pytest.raises(TrueupError, match="bucket"):
        bucket.put("a", b"")
    assert (tmp_path / "bucket").read_text() == "a file"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, BucketFull),
        (errno.EDQUOT, BucketFull),
        (errno.EACCES, AccessRefused),
        (errno.EROFS, AccessRefused),
        (errno.EIO, TrueupError),
    ],
)
def test_every_error_of_the_system_has_a_problem_and_a_remedy(
    number: int, kind: type[TrueupError]
) -> None:
    error = explained(OSError(number, os.strerror(number)), "/srv/bucket", "a/b")
    assert isinstance(error, kind)
    assert "/srv/bucket" in error.problem
    assert error.remedy
    assert not isinstance(error, BucketUnfit)
