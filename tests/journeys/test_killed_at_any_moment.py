"""kill -9 at random moments: the next run ends with the digests of an undisturbed one."""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from tests.journeys.checkout import Checkout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

# Each stage writes in pieces, so that a moment between two of them leaves half an output behind.
PIPELINE = """\
stages:
  part:
    foreach: {a: 1, b: 3, c: 5, d: 7}
    do:
      cmd: printf 'first ${key} ' > ${key}.txt; sleep 0.0${item}; cat in.txt >> ${key}.txt
      deps: [in.txt]
      outs: ["${key}.txt"]
  folder:
    cmd: mkdir -p many; for i in 1 2 3 4 5 6 7 8; do cat in.txt > many/$i; sleep 0.005; done
    deps: [in.txt]
    outs: [many]
  join:
    cmd: cat a.txt b.txt > join.txt; sleep 0.02; cat c.txt d.txt >> join.txt
    deps: [a.txt, b.txt, c.txt, d.txt]
    outs: [join.txt]
  count:
    cmd: cat join.txt many/* | wc -c > count.json
    deps: [join.txt, many]
    metrics: [count.json]
"""
QUICK_ROUNDS, SLOW_ROUNDS = 20, 100


def lay_out(root: Path) -> Checkout:
    checkout = Checkout(root)
    checkout.write("in.txt", "some input\n" * 50)
    checkout.write("trueup.yaml", PIPELINE)
    return checkout


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    checkout = lay_out(tmp_path_factory.mktemp("undisturbed") / "project")
    checkout.ok("run")
    return checkout.files()


@pytest.mark.parametrize("seed", range(QUICK_ROUNDS))
def test_a_killed_run_is_made_good_by_the_next(
    seed: int, undisturbed: dict[str, str], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    _one_round(seed, undisturbed, tmp_path / "project", eventually)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(QUICK_ROUNDS, SLOW_ROUNDS))
def test_many_killed_runs_are_made_good(
    seed: int, undisturbed: dict[str, str], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    _one_round(seed, undisturbed, tmp_path / "project", eventually)


def test_what_a_killed_run_leaves_without_its_warden_is_ended_by_the_next_run(
    undisturbed: dict[str, str], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    checkout = lay_out(tmp_path / "project")
    slow = checkout.root / "trueup.yaml"
    text = slow.read_text()
    checkout.write("trueup.yaml", text.replace("sleep 0.07", "sleep 30"))
    running = checkout.start("run")
    eventually(lambda: (checkout.root / "d.txt").exists())
    for warden in _wardens(running.pid):
        os.kill(warden, signal.SIGKILL)
    running.kill()
    running.wait()
    assert _working_in(checkout.root), "the sleeping stage was meant to be left behind"
    slow.write_text(text)
    checkout.ok("run")
    assert not _working_in(checkout.root)
    assert checkout.files() == undisturbed


def _one_round(
    seed: int, undisturbed: dict[str, str], root: Path, eventually: Callable[..., None]
) -> None:
    chance = random.Random(seed)  # noqa: S311  a seed to repeat a failure with, no secret
    checkout = lay_out(root)
    for _ in range(chance.randint(1, 3)):
        running = checkout.start("run")
        threading.Event().wait(chance.uniform(0.05, 0.6))
        running.kill()
        running.wait()
        eventually(lambda: not _working_in(root), timeout_s=10)
    checkout.ok("run")
    assert checkout.files() == undisturbed
    assert "nothing changed" in checkout.ok("run")
    assert not list((root / ".trueup").glob("*.tmp"))
    for kept in (root / ".trueup" / "store" / "objects").rglob("*"):
        assert kept.is_dir() or blake3(kept.read_bytes()).hexdigest() == kept.name


def _working_in(root: Path) -> list[int]:
    """Return the processes that have their working folder in the project."""
    return [pid for pid in _processes() if _in(root, pid)]


def _in(root: Path, pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(root) and not _is_zombie(pid)
    except OSError:
        return False  # ended meanwhile, or somebody else's


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _wardens(parent: int) -> list[int]:
    found = []
    for pid in _processes():
        try:
            above = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
            if int(above) == parent and b"warden" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
