"""The content store beside the floors of its work: many small files, and one large one.

    python -m benchmarks content [--dvc PATH] [--reduced] [--scratch FOLDER]

Each piece of work runs in a process of its own, turn by turn with its floor; the time is that of
the work alone, without the start of Python. DVC's is that of its whole command, so the last two
columns are about dvc add, dvc status and dvc checkout as a person meets them.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import Subject, environment, machine, measure, program

SETUP = """
import os, resource, sys, time
from pathlib import Path
root = Path(sys.argv[1])
os.chdir(root)
"""
OURS = (
    SETUP
    + """
from trueup.store.content import Content
from trueup.store.scan import Scanner
began = time.perf_counter()
scanner = Scanner(root, root / ".trueup/state")
content = Content(root / ".trueup/store", scanner)
%s
scanner.save()
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
)
FLOOR = (
    SETUP
    + """
from blake3 import blake3
def files(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from files(entry.path)
        else:
            yield entry
began = time.perf_counter()
%s
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
)
WALK = "for entry in files('data'): entry.stat(follow_symlinks=False)"
PACK = """
out, block = os.open('pack', os.O_WRONLY | os.O_CREAT | os.O_TRUNC), []
for entry in files('data'):
    fd = os.open(entry.path, os.O_RDONLY)
    body = os.read(fd, 1 << 20)
    os.close(fd)
    blake3(body).digest()
    block.append(body)
    if len(block) == 1000:
        os.write(out, b''.join(block))
        block = []
os.write(out, b''.join(block))
os.close(out)
"""
UNPACK = """
os.mkdir('copy')
for entry in os.scandir('data'):
    os.mkdir('copy/' + entry.name)
for entry in files('data'):
    fd = os.open('copy' + entry.path[4:], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(fd, b'x' * 1024)
    os.close(fd)
"""
COPY = """
hasher = blake3(max_threads=blake3.AUTO)
hasher.update_mmap('large')
hasher.digest()
view = memoryview(bytearray(1 << 20))
source, target = os.open('large', os.O_RDONLY), os.open('copy', os.O_WRONLY | os.O_CREAT)
while count := os.readv(source, [view]):
    os.write(target, view[:count])
os.close(target)
"""
HASH = """
hasher = blake3(max_threads=blake3.AUTO)
hasher.update_mmap('large')
hasher.digest()
"""
CHECK_OUT = (
    "content.checkout(content.scanner.scan(Path('{0}')), Path('copy'))"  # known without reading
)


class Work(msgspec.Struct, frozen=True):
    """One line of the table."""

    name: str
    ours: str
    floor: str
    goal: float | None = None  # at most so many times the floor
    before: Callable[[Path], None] | None = None
    dvc: tuple[str, ...] = ()
    before_dvc: Callable[[Path], None] | None = None


class Times(msgspec.Struct):
    """What was measured, run by run."""

    ours: list[float] = []
    floor: list[float] = []
    dvc: list[float] = []
    peak_bytes: int = 0


def forget(root: Path) -> None:
    """Take away all that either tool knows."""
    for name in (".trueup", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("data.dvc", "large.dvc"):
        (root / name).unlink(missing_ok=True)
    clear(root)


def clear(root: Path) -> None:
    """Take away what a floor or a checkout made."""
    shutil.rmtree(root / "copy", ignore_errors=True)
    for name in ("copy", "pack"):
        (root / name).unlink(missing_ok=True)


def edit(root: Path) -> None:
    """Change one small file."""
    path = root / "data/d7/f7"
    path.unlink()
    path.write_bytes(os.urandom(1024))
    clear(root)


def lose(name: str) -> Callable[[Path], None]:
    """Return what loses a working copy, so that DVC has to check it out."""

    def remove(root: Path) -> None:
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        else:
            (root / name).unlink()

    return remove


def small(count: int) -> list[Work]:
    """Return the work over many small files."""
    return [
        Work(f"add {count:,} files of 1 kB", "content.add(Path('data'))", PACK, 2.0, forget,
             ("add", "data"), forget),
        Work("nothing changed", "scanner.scan(Path('data'))", WALK, 2.0, clear,
             ("status", "-q"), clear),
        Work("one file changed", "content.add(Path('data'))", WALK, None, edit,
             ("add", "data"), edit),
        Work("check out", CHECK_OUT.format("data"), UNPACK, None, clear,
             ("checkout",), lose("data")),
    ]  # fmt: skip


def large(size_bytes: int) -> list[Work]:
    """Return the work over one large file."""
    return [
        Work(f"add a file of {size_bytes / 1e9:.1f} GB", "content.add(Path('large'))", COPY, 1.5,
             forget, ("add", "large"), forget),
        Work("nothing changed", "scanner.scan(Path('large'))", "os.stat('large')", None, clear,
             ("status", "-q"), clear),
        Work("check out", CHECK_OUT.format("large"), COPY, 1.5, clear,
             ("checkout",), lose("large")),
        Work("hash alone, nothing known", "scanner.scan(Path('large'))", HASH, 1.5, forget),
    ]  # fmt: skip


def run(code: str, root: Path) -> tuple[float, int]:
    """Run Python in a process of its own; return the seconds of its work and its peak memory."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) * (1 if sys.platform == "darwin" else 1024)


def take(work: Work, roots: tuple[Path, Path], dvc: str | None, runs: int) -> Times:
    """Measure one piece of work, turn by turn."""
    ours, theirs = roots
    times = Times()
    for _ in range(runs):
        clear(ours)
        times.floor.append(run(FLOOR % work.floor, ours)[0])
        if work.before:
            work.before(ours)
        seconds, peak_bytes = run(OURS % work.ours, ours)
        times.ours.append(seconds)
        times.peak_bytes = max(times.peak_bytes, peak_bytes)
        if dvc and work.dvc:
            if work.before_dvc:
                work.before_dvc(theirs)
            times.dvc.append(measure(Subject((dvc, *work.dvc), theirs)).seconds)
    return times


def show(work: Work, times: Times) -> None:
    """Print one line of the table."""
    ours, floor = statistics.median(times.ours), statistics.median(times.floor)
    peer = statistics.median(times.dvc) if times.dvc else None
    goal = f"at most {work.goal}" if work.goal else ""
    beside = f"{peer:.2f} | **{peer / ours:.1f}**" if peer else " | "
    print(
        f"| {work.name} | {ours:.3f} | {floor:.3f} | **{ours / floor:.2f}** | {goal} "
        f"| {times.peak_bytes / 1e6:.0f} | {beside} |",
        flush=True,
    )


def lay_out(root: Path, count: int, size_bytes: int, dvc: str | None) -> None:
    """Make the files, and a DVC project around them if there is a dvc to use it."""
    root.mkdir()
    for at in range(count):
        folder = root / f"data/d{at % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{at}").write_bytes(os.urandom(1024))
    with (root / "large").open("wb") as out:
        for _ in range(size_bytes >> 20):
            out.write(os.urandom(1 << 20))
    if dvc:
        for words in (("init", "-q", "--no-scm"), ("config", "core.check_update", "false")):
            subprocess.run([dvc, *words], cwd=root, env=environment(), check=True)


def main() -> None:
    """Measure and print the table as Markdown."""
    options = argparse.ArgumentParser(prog="python -m benchmarks content", description=__doc__)
    options.add_argument("--dvc", help="path of the dvc program; left out without")
    options.add_argument("--reduced", action="store_true", help="small sizes")
    options.add_argument("--scratch", type=Path, help="a folder on the disk to measure on")
    options.add_argument("--runs", type=int, default=3)
    asked = options.parse_args()
    dvc = program("dvc", asked.dvc) if asked.dvc else None
    count, size_bytes = (2_000, 200 << 20) if asked.reduced else (50_000, 2_000 << 20)
    print(f"{machine()}{', reduced sizes' if asked.reduced else ''}\n")
    print("| work | trueup s | floor s | trueup / floor | goal | peak MB | DVC s | DVC / trueup |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir=asked.scratch, prefix="bench-") as scratch:
        os.environ["DVC_SITE_CACHE_DIR"] = f"{scratch}/site"
        roots = Path(scratch) / "ours", Path(scratch) / "theirs"
        for root in roots if dvc else roots[:1]:
            lay_out(root, count, size_bytes, dvc)
        for work in small(count) + large(size_bytes):
            show(work, take(work, roots, dvc, asked.runs))


if __name__ == "__main__":
    main()
