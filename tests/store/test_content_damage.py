"""Content under damage: crashes, full disks, flipped bits and many writers at once."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.content import Place, opened, tree
from trueup.store.artifacts import Artifact
from trueup.store.hashing import SMALL_BYTES, ContentMissing, DiskFull
from trueup.store.shelf import Shelf

ADD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from trueup.store.content import Content
from trueup.store.scan import Scanner
root = Path(sys.argv[1])
scanner = Scanner(root, root / ".trueup" / sys.argv[2])
content = Content(root / ".trueup/store", scanner)
print("ready", flush=True)
sys.stdin.readline()
print(content.add(Path("data")).digest)
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "project")


def flip(path: Path, at: int) -> None:
    """Change one byte of a file of the store."""
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(body))


def adding(place: Place, state: str = "state") -> "subprocess.Popen[str]":
    """Start a process that adds the folder once it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-c", ADD, str(place.root), state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: "subprocess.Popen[str]") -> None:
    """Let it add."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.parametrize("size_bytes", [10, SMALL_BYTES, 9 << 20])
def test_a_damaged_object_is_missing_moved_aside_and_made_again(
    place: Place, size_bytes: int
) -> None:
    place.write("a", os.urandom(size_bytes))
    artifact = place.content.add(Path("a"))
    flip(place.root / f".trueup/store/objects/{artifact.digest}", size_bytes // 2)
    with pytest.raises(ContentMissing):
        place.content.checkout(artifact, Path("b"))
    assert not (place.root / "b").exists()
    assert not place.content.has(artifact)
    assert len(place.stored("damaged")) == 1
    assert place.content.add(Path("a")) == artifact
    place.content.checkout(artifact, Path("b"))
    assert (place.root / "b").read_bytes() == (place.root / "a").read_bytes()


def test_a_damaged_object_is_not_read(place: Place) -> None:
    digest = place.content.add_bytes(b"whole")
    flip(place.root / f".trueup/store/objects/{digest}", 0)
    with pytest.raises(ContentMissing) as caught:
        place.content.read(digest)
    assert caught.value.digest == digest
    assert place.content.add_bytes(b"whole") == digest
    assert place.content.read(digest) == b"whole"


@pytest.mark.parametrize("size_bytes", [10, SMALL_BYTES])
def test_an_object_that_a_power_cut_left_short_is_written_again(
    place: Place, size_bytes: int
) -> None:
    place.write("a", os.urandom(size_bytes))
    artifact = place.content.add(Path("a"))
    path = place.root / f".trueup/store/objects/{artifact.digest}"
    path.chmod(0o644)
    os.truncate(path, size_bytes // 2)
    place.write("b", (place.root / "a").read_bytes())
    assert place.content.add(Path("b")) == artifact
    assert path.stat().st_size == size_bytes


@pytest.mark.parametrize("name", ["alone", "data", "data/large"])
def test_what_was_cut_short_is_not_held(place: Place, name: str) -> None:
    place.write("alone", "whole")
    place.write("data/large", os.urandom(SMALL_BYTES))
    artifacts = {one: place.content.add(Path(one)) for one in ("alone", "data")}
    file = place.scanner.scan(Path(name))
    assert file is not None
    path = place.root / f".trueup/store/objects/{file.digest}"
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)
    held = {one: place.content.has(artifact) for one, artifact in artifacts.items()}
    assert held == {"alone": name != "alone", "data": name == "alone"}


def test_a_damaged_object_is_read_from_a_pack_that_holds_it_too(place: Place) -> None:
    place.fill({f"{at:02}": f"body of {at:02}".encode() for at in range(30)})
    place.content.add(Path("data"))
    alone = place.content.add(Path("data/07"))
    flip(place.root / f".trueup/store/objects/{alone.digest}", 0)
    assert place.content.read(alone.digest) == b"body of 07"


def test_one_damaged_file_in_a_pack_costs_only_itself(place: Place) -> None:
    place.fill({f"{at:02}": f"body of {at:02}".encode() for at in range(30)})
    artifact = place.content.add(Path("data"))
    entries = place.content.manifest(artifact).entries
    (pack,) = (name for name in place.stored("packs") if not name.endswith(".idx"))
    path = place.root / ".trueup/store/packs" / pack
    flip(path, path.read_bytes().index(b"body of 17"))
    place.reopen()
    with pytest.raises(ContentMissing):
        place.content.checkout(artifact, Path("copy"))
    assert not (place.root / "copy").exists()
    place.reopen()
    held = [place.content.has(Artifact(one.digest, one.size_bytes)) for one in entries]
    assert held.count(False) == 1
    assert entries[held.index(False)].path == "17"
    assert place.content.add(Path("data")) == artifact
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


@pytest.mark.parametrize("cut", [0, 10, 100, -3])
def test_a_pack_that_was_cut_short_gives_what_is_left(place: Place, cut: int) -> None:
    place.fill({f"{at:02}": f"body of {at:02}".encode() for at in range(30)})
    artifact = place.content.add(Path("data"))
    (pack,) = (name for name in place.stored("packs") if not name.endswith(".idx"))
    path = place.root / ".trueup/store/packs" / pack
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:cut])
    place.reopen()
    for _ in range(2):
        with pytest.raises(ContentMissing):
            place.content.checkout(artifact, Path("copy"))
    assert place.content.add(Path("data")) == artifact
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_the_index_of_a_pack_is_made_again_from_the_pack(
    place: Place, damage: bytes | None
) -> None:
    place.fill({f"{at:02}": f"body of {at:02}".encode() for at in range(30)})
    artifact = place.content.add(Path("data"))
    path = next((place.root / ".trueup/store/packs").glob("*.idx"))
    whole = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    place.reopen()
    assert place.content.has(artifact)
    place.content.checkout(artifact, Path("copy"))
    assert path.read_bytes() == whole


def test_a_store_that_loses_a_pack_misses_its_files(place: Place) -> None:
    place.fill({f"{at:02}": f"body of {at:02}".encode() for at in range(30)})
    artifact = place.content.add(Path("data"))
    assert place.content.has(artifact)
    for name in place.stored("packs"):
        (place.root / ".trueup/store/packs" / name).unlink()
    assert not place.content.has(artifact)
    with pytest.raises(ContentMissing):
        place.content.read(place.content.manifest(artifact).entries[0].digest)
    assert place.content.add(Path("data")) == artifact
    assert place.content.has(artifact)


@pytest.mark.parametrize("lost", ["packs", "objects"])
def test_what_was_just_added_and_then_lost_is_kept_again(place: Place, lost: str) -> None:
    names = [f"data/{at:02}" for at in range(30)]
    for name in names:
        place.write(name, f"body of {name}")
    place.wait_until_settled(*names)
    artifact = place.content.add(Path("data"))
    with opened() as paths:
        assert place.content.add(Path("data")) == artifact
    assert not [path for path in paths if "/data/" in path]
    gone = place.root / ".trueup/store" / lost / place.stored(lost)[0]
    gone.unlink()
    assert place.content.add(Path("data")) == artifact
    assert gone.exists()
    place.reopen()
    assert place.content.has(artifact)


def test_processes_that_add_the_same_at_once_agree(place: Place) -> None:
    place.fill({f"{at}": os.urandom(200) for at in range(300)})
    place.write("data/large", os.urandom(3 << 20))
    processes = [adding(place, f"state{at}") for at in range(4)]
    for one in processes:
        go(one)
    digests = {one.communicate(timeout=60)[0].strip() for one in processes}
    assert len(digests) == 1
    artifact = place.content.add(Path("data"))
    assert digests == {artifact.digest}
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")
    assert place.stored(".tmp") == []


@pytest.mark.parametrize("turn", range(6))
def test_an_adder_that_is_killed_leaves_nothing_broken(place: Place, turn: int) -> None:
    place.fill({f"{at}": f"{turn} {at}".encode() * 90 for at in range(800)})
    place.write("data/large", os.urandom(8 << 20))
    process = adding(place)
    go(process)
    end = time.monotonic() + 0.01 * turn
    while time.monotonic() < end and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in place.stored("objects"):
        assert len(place.content.read(name)) > 0
    for name in place.stored("packs"):
        assert name.removesuffix(".idx") in place.stored("packs")
    artifact = place.content.add(Path("data"))
    place.content.checkout(artifact, Path("copy"))
    assert tree(place.root / "copy") == tree(place.root / "data")


def test_what_dead_writers_left_is_removed_once_it_is_old(place: Place) -> None:
    scratch = place.root / ".trueup/store/.tmp"
    scratch.mkdir(parents=True)
    for name in ("old", "new"):
        (scratch / name).write_text("half")
    os.utime(scratch / "old", (0, 0))
    (place.root / "there").mkdir()
    left = place.root / "there/.trueup-part-dead"
    left.mkdir()
    (left / "x").write_text("half")
    os.utime(left, (0, 0))
    place.write("a", "1")
    place.content.checkout(place.content.add(Path("a")), Path("there/a"))
    assert place.stored(".tmp") == ["new"]
    assert [path.name for path in (place.root / "there").iterdir()] == ["a"]


FILL = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from trueup.errors import TrueupError
from trueup.store.content import Content
from trueup.store.scan import Scanner
root = Path(sys.argv[1])
scanner = Scanner(root, root / ".trueup/state")
content = Content(root / ".trueup/store", scanner)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for path in sys.argv[2:]:
    try:
        content.add(Path(path))
    except TrueupError as error:
        print(type(error).__name__, error.problem)
"""


def test_a_full_disk_is_said_and_nothing_half_written_bears_a_name(place: Place) -> None:
    place.write("large", os.urandom(9 << 20))
    place.write("middle", os.urandom(2 << 20))
    place.fill({f"{at}": os.urandom(100_000) for at in range(40)})
    shown = subprocess.run(
        [sys.executable, "-c", FILL, str(place.root), "large", "middle", "data"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.splitlines() == ["DiskFull the disk is full"] * 3
    assert place.stored("objects") == place.stored("packs") == place.stored(".tmp") == []


def test_a_checkout_onto_a_full_disk_leaves_what_was_there(place: Place) -> None:
    import resource

    place.write("data/large", os.urandom(2 << 20))
    place.write("data/small", "1")
    wanted = place.content.add(Path("data"))
    place.write("data/large", os.urandom(2 << 20))
    place.write("data/small", "2")
    before = tree(place.root / "data")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(DiskFull):
            place.content.checkout(wanted, Path("data"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert tree(place.root / "data") == before


def test_what_is_used_again_is_dated_anew_only_when_it_is_old(place: Place) -> None:
    place.fill({f"{at}": str(at).encode() for at in range(20)})
    artifact = place.content.add(Path("data"))
    store = place.root / ".trueup/store"
    old, young = place.content.keys(artifact)[0], place.content.keys(artifact)[-1]
    now = time.time()
    os.utime(store / old, (now - 4 * 86400, now - 4 * 86400))
    os.utime(store / young, (now - 2 * 86400, now - 2 * 86400))
    place.content.add(Path("data"))
    assert (store / old).stat().st_mtime > now - 60
    assert (store / young).stat().st_mtime < now - 86400


def test_with_sync_every_file_that_holds_it_is_on_disk_even_if_it_was_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.fill({f"{at}": str(at).encode() for at in range(20)})
    place.write("data/large", os.urandom(SMALL_BYTES))
    synced: set[str] = set()
    real = os.fsync

    def fsync(fd: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    artifact = place.content.add(Path("data"))
    assert not synced
    place.content.add(Path("data"), sync=True)
    store = place.root / ".trueup/store"
    keys = [*place.content.keys(artifact), "objects", "packs"]
    assert len(keys) == 6
    assert synced == {str(store / key) for key in keys}


def test_a_shelf_opens_without_reading_any_index(place: Place) -> None:
    place.fill({f"{at}": str(at).encode() for at in range(20)})
    place.content.add(Path("data"))
    place.write("alone", "1")
    alone = place.content.add(Path("alone"))
    for path in (place.root / ".trueup/store/packs").iterdir():
        path.unlink()
        path.mkdir()  # reading it would fail
    assert Shelf(place.root / ".trueup/store").read(alone.digest) == b"1"


def test_two_threads_may_both_write_the_first_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, made = Shelf(tmp_path / "store"), os.makedirs

    def slowly(path: str, *, exist_ok: bool) -> None:
        time.sleep(0.05)
        made(path, exist_ok=exist_ok)

    monkeypatch.setattr(os, "makedirs", slowly)
    with ThreadPoolExecutor(2) as pool:
        for path, descriptor in pool.map(lambda _: shelf.unfinished(), range(2)):
            os.close(descriptor)
            assert Path(path).exists()
