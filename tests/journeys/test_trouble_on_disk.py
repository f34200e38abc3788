"""Stages that break their word, disks that fill, files cut short: a clear word, and no harm."""

import json
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.checkout import COMMAND, Checkout, tree
from tests.journeys.test_bad_input import is_one_clear_message

COPY = "stages:\n  s: {cmd: cat in.txt > out.txt, deps: [in.txt], outs: [out.txt]}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "project")
    made.write("in.txt", "in\n")
    made.write("trueup.yaml", COPY)
    return made


def failed(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode in (2, 6), done.stdout + done.stderr
    is_one_clear_message(done.stderr)
    for part in says:
        assert part in done.stderr


def test_an_output_that_no_stage_made_fails_the_stage(checkout: Checkout) -> None:
    checkout.write("trueup.yaml", COPY.replace("> out.txt", "> other.txt"))
    failed(checkout.call("run"), "out.txt", "trueup.yaml:2:", "outs")
    assert not (checkout.root / "trueup.lock").exists()
    again = json.loads(checkout.ok("status", "--json"))["stages"]
    assert [stage["state"] for stage in again] == ["run"]


def test_an_output_that_is_a_link_out_of_the_project_fails_the_stage(
    checkout: Checkout, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("not ours\n")
    checkout.write("trueup.yaml", COPY.replace("cat in.txt > out.txt", f"ln -s {outside} out.txt"))
    failed(checkout.call("run"), "out.txt")
    checkout.write("trueup.yaml", COPY)
    checkout.ok("run")
    assert outside.read_text() == "not ours\n"
    assert (checkout.root / "out.txt").read_text() == "in\n"


def test_a_stage_that_changes_what_it_reads_is_not_believed(checkout: Checkout) -> None:
    checkout.write("trueup.yaml", COPY.replace("cmd: cat", "cmd: echo more >> in.txt; cat"))
    failed(checkout.call("run"), "'s'", "changed while it ran")


def test_a_file_that_changes_while_it_is_hashed_is_never_kept_wrong(checkout: Checkout) -> None:
    end = threading.Event()

    def rewrite() -> None:
        turn = 0
        while not end.is_set():
            turn += 1
            with (checkout.root / "in.txt").open("wb") as out:
                for _ in range(20):
                    out.write(b"%09d\n" % turn * 50_000)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        done = checkout.call("run")
    finally:
        end.set()
        writer.join()
    if done.returncode:
        failed(done, "changed while")
    checkout.ok("run")
    assert (checkout.root / "out.txt").read_bytes() == (checkout.root / "in.txt").read_bytes()
    (checkout.root / "out.txt").unlink()
    checkout.ok("run")
    assert (checkout.root / "out.txt").read_bytes() == (checkout.root / "in.txt").read_bytes()


def test_a_file_size_limit_is_a_clear_error_and_no_half_object(checkout: Checkout) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

    # Each file is within the limit, the pack of all of them is not.
    each = "head -c 100000 /dev/zero > many/$i; echo $i >> many/$i"
    made = f"mkdir many; for i in $(seq 60); do {each}; done"
    checkout.write("trueup.yaml", f'stages:\n  s: {{cmd: "{made}", outs: [many]}}\n')
    done = subprocess.run(
        [*COMMAND, "run"],
        cwd=checkout.root,
        env=checkout.env,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    failed(done)
    checkout.ok("run")
    assert "nothing changed" in checkout.ok("run")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB; skipped where mounting is not allowed."""
    mount = shutil.which("mount")
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_a_clear_error_and_mends_when_there_is_room(small_disk: Path) -> None:
    checkout = Checkout(small_disk / "project")
    checkout.write("filler", b"x" * 9_000_000)
    checkout.write(
        "trueup.yaml",
        "stages:\n  s: {cmd: head -c 4000000 /dev/urandom > out.bin, outs: [out.bin]}\n",
    )
    failed(checkout.call("run"), "space")
    (checkout.root / "filler").unlink()
    checkout.ok("run")
    assert "nothing changed" in checkout.ok("run")


def without_root_powers() -> list[str]:
    """Return the words before a command under which permissions hold for root too."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may do anything; setpriv would take that away")
    powers = "-dac_override,-dac_read_search,-fowner"
    return [setpriv, "--bounding-set", powers, "--inh-caps", powers]


@pytest.mark.parametrize("mode", [0o500, 0o000], ids=["read only", "closed"])
def test_a_bucket_without_permission_is_refused_by_name(
    mode: int, checkout: Checkout, tmp_path: Path
) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir(mode=0o700)
    bucket.chmod(mode)
    before = tree(checkout.root)
    done = subprocess.run(
        [*without_root_powers(), *COMMAND, "run"],
        cwd=checkout.root,
        env=checkout.env | {"TRUEUP_STORE": str(bucket)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    bucket.chmod(0o700)
    assert done.returncode == 2, done.stdout + done.stderr
    is_one_clear_message(done.stderr)
    assert str(bucket) in done.stderr
    assert tree(checkout.root).keys() - before.keys() <= own_folder(checkout)


def own_folder(checkout: Checkout) -> set[str]:
    return {name for name in tree(checkout.root) if name.split("/")[0] == ".trueup"}


def every_file(below: Path) -> list[Path]:
    return [path for path in sorted(below.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("cut", ["half", "empty", "garbage"])
def test_whatever_trueup_wrote_may_be_cut_short(cut: str, checkout: Checkout) -> None:
    """Each file of .trueup is spoiled in turn, and the output lost: it is never made wrong."""
    checkout.ok("run")
    good = tree(checkout.root)["out.txt"]
    own = checkout.root / ".trueup"
    names = [path.relative_to(own) for path in every_file(own) if path.name != ".gitignore"]
    copy = checkout.root.parent / "copy"
    for name in names:
        shutil.copytree(checkout.root, copy, symlinks=True)
        victim = copy / ".trueup" / name
        body = victim.read_bytes()
        victim.chmod(0o600)
        victim.write_bytes({"half": body[: len(body) // 2], "empty": b"", "garbage": b"\0?{"}[cut])
        (copy / "out.txt").unlink()
        again = Checkout(copy)
        done = again.call("run")
        assert "Traceback" not in done.stderr, f"{name}: {done.stderr}"
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert tree(copy)["out.txt"] == good, name
        listed = again.call("runs")  # a record that is damaged is refused by name, none is invented
        assert listed.returncode in (0, 2), name
        assert "Traceback" not in listed.stderr, name
        shutil.rmtree(copy)


def test_records_of_a_newer_version_are_a_miss_or_refused_by_name(checkout: Checkout) -> None:
    checkout.ok("run")
    good = tree(checkout.root)["out.txt"]
    for path in every_file(checkout.root / ".trueup" / "store"):
        if path.suffix == ".json":
            path.chmod(0o600)
            path.write_text(json.dumps({**json.loads(path.read_bytes()), "format": 99}))
    (checkout.root / "out.txt").unlink()
    checkout.ok("run")
    assert tree(checkout.root)["out.txt"] == good
    listed = checkout.call("runs")
    assert listed.returncode in (0, 2)
    assert "Traceback" not in listed.stderr
    assert "99" in listed.stderr or "format" in listed.stderr


def test_what_a_person_wrote_at_an_output_is_not_lost(checkout: Checkout) -> None:
    checkout.write("out.txt", "written by hand, kept nowhere else\n")
    checkout.ok("run")
    assert (checkout.root / "out.txt").read_text() == "in\n"
    kept = [path.read_text() for path in every_file(checkout.root / ".trueup" / "aside")]
    assert kept == ["written by hand, kept nowhere else\n"]


def test_writing_into_an_output_does_not_reach_the_store(checkout: Checkout) -> None:
    checkout.ok("run")
    with (checkout.root / "out.txt").open("r+") as out:
        out.write("XX")
    checkout.ok("run")
    assert (checkout.root / "out.txt").read_text() == "in\n"


def test_no_command_leaves_a_stage_behind_when_it_is_interrupted(
    checkout: Checkout, eventually: Callable[..., None]
) -> None:
    checkout.write(
        "trueup.yaml", "stages:\n  s: {cmd: touch begun; sleep 30; touch out, outs: [out]}\n"
    )
    running = checkout.start("run")
    eventually((checkout.root / "begun").exists)
    running.terminate()
    assert running.wait(20) == 130
    checkout.write("trueup.yaml", COPY)
    checkout.ok("run")
