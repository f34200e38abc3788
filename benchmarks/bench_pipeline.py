"""The pipeline beside DVC: unchanged, cold, many small files, one large file, and --help.

    python -m benchmarks pipeline --dvc PATH [--reduced] [--only stages,help,files,large]

Both tools run the same dvc.yaml, each in a folder of its own, turn by turn. The peak memory is
that of the largest process. Nothing here is a test: the numbers are for people to read.
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

from benchmarks.measuring import (
    Row,
    Sample,
    Subject,
    beside,
    clock,
    environment,
    machine,
    measure,
    program,
    table,
)


class Sizes(msgspec.Struct, frozen=True):
    """How much of everything."""

    stages: int = 100
    files: int = 50_000
    large_bytes: int = 2_000_000_000
    runs: int = 3
    starts: int = 15


REDUCED = Sizes(stages=20, files=1_000, large_bytes=100_000_000, runs=1, starts=5)


class Bench(msgspec.Struct, frozen=True):
    """The two tools and where they play."""

    trueup: str
    dvc: str
    scratch: Path
    sizes: Sizes

    def pair(self, name: str, lay_out: Callable[[Path], None]) -> tuple[Path, Path]:
        """Lay a project out twice and return the folders: trueup's and DVC's."""
        ours, theirs = self.scratch / name / "trueup", self.scratch / name / "dvc"
        for root in (ours, theirs):
            root.mkdir(parents=True)
            lay_out(root)
        subprocess.run(
            [self.dvc, "init", "-q", "--no-scm"], cwd=theirs, env=environment(), check=True
        )
        subprocess.run(
            [self.dvc, "config", "core.check_update", "false"],
            cwd=theirs,
            env=environment(),
            check=True,
        )
        return ours, theirs

    def run(self, root: Path, *flags: str, before: Callable[[], None] | None = None) -> Subject:
        """Return trueup's run in a folder."""
        return Subject((self.trueup, "run", *flags), root, before)

    def repro(self, root: Path, *, before: Callable[[], None] | None = None) -> Subject:
        """Return DVC's run in a folder."""
        return Subject((self.dvc, "repro", "-q"), root, before)


def stages(bench: Bench) -> list[Row]:
    """A chainless pipeline of trivial stages: cold with one job, then with nothing changed."""
    count, runs = bench.sizes.stages, bench.sizes.runs
    commands = [f"cat in.txt > out{number}.txt" for number in range(count)]

    def lay_out(root: Path) -> None:
        (root / "in.txt").write_text("in\n")
        lines = ["stages:"]
        for number, command in enumerate(commands):
            lines += [
                f"  s{number}:",
                f"    cmd: {command}",
                "    deps: [in.txt]",
                f"    outs: [out{number}.txt]",
            ]
        (root / "dvc.yaml").write_text("\n".join(lines) + "\n")
        (root / "loop.sh").write_text("".join(f"/bin/sh -c '{line}'\n" for line in commands))

    ours, theirs = bench.pair("stages", lay_out)
    loop = Subject(("/bin/sh", "loop.sh"), ours, lambda: _forget(ours, count))
    cold = [
        bench.run(ours, "--jobs", "1", before=lambda: _forget(ours, count)),
        bench.repro(theirs, before=lambda: _forget(theirs, count)),
        loop,
    ]
    ours_cold, theirs_cold, floor = beside(cold, runs)
    measure(bench.run(ours))
    measure(bench.repro(theirs))
    still, theirs_still = beside([bench.run(ours), bench.repro(theirs)], max(runs, 3))
    over, theirs_over = (max(1e-9, it.seconds - floor.seconds) for it in (ours_cold, theirs_cold))
    return [
        Row(
            f"nothing changed in {count} stages",
            still,
            theirs_still,
            goal="DVC / trueup at least 15",
            reached=theirs_still.seconds / still.seconds,
        ),
        Row(
            f"{count} trivial stages cold, one job",
            ours_cold,
            theirs_cold,
            floor,
            "overhead over a shell loop at least 20 times less",
            theirs_over / over,
        ),
    ]


def help_(bench: Bench) -> list[Row]:
    """The cost of starting at all, beside an empty Python."""
    at, python = bench.scratch, str(Path(bench.trueup).with_name("python"))
    floor, ours, theirs = beside(
        [
            Subject((python if Path(python).exists() else sys.executable, "-c", "pass"), at),
            Subject((bench.trueup, "--help"), at),
            Subject((bench.dvc, "--help"), at),
        ],
        bench.sizes.starts,
        warm=True,
    )
    above_ms = 1000 * (ours.seconds - floor.seconds)
    return [Row("--help", ours, theirs, floor, "at most 80 ms above the floor", above_ms)]


def files(bench: Bench) -> list[Row]:
    """Many small files under one stage: first taken in, unchanged, and one of them changed."""
    count, runs = bench.sizes.files, bench.sizes.runs
    data = bench.scratch / "small"
    _many_files(data, count)

    def lay_out(root: Path) -> None:
        _copy(data, root / "data")
        (root / "dvc.yaml").write_text(
            "stages:\n  count:\n    cmd: ls data | wc -l > count.txt\n"
            "    deps: [data]\n    outs: [count.txt]\n"
        )

    ours, theirs = bench.pair("files", lay_out)
    add = Subject((bench.dvc, "add", "-q", "data"), theirs, lambda: _forget(theirs, 0, "data.dvc"))
    fresh = bench.run(ours, before=lambda: _forget(ours, 0))
    first, theirs_first = beside([fresh, add], runs)
    alone, once = _beside_floor(
        fresh, lambda: _read_hash_pack(ours / "data", bench.scratch / "pack"), max(runs, 7)
    )
    measure(bench.repro(theirs))
    still, theirs_still = beside([bench.run(ours), bench.repro(theirs)], runs, warm=True)
    walk = clock(lambda: _stat_walk(ours / "data"), max(runs, 3))
    turn = iter(range(1000))

    def edit(root: Path) -> Callable[[], None]:
        return lambda: _replace(root / "data" / "d0" / "f0.txt", f"changed {next(turn)}\n")

    changed, theirs_changed = beside(
        [bench.run(ours, before=edit(ours)), bench.repro(theirs, before=edit(theirs))], runs
    )
    return [
        Row(
            f"{count} files of 1 kB taken in (dvc add)",
            first,
            theirs_first,
            goal="at least 8 times faster",
            reached=theirs_first.seconds / first.seconds,
        ),
        Row(
            "the same, turn by turn with one pass of read, hash and pack",
            alone,
            floor=once,
            goal="within 2 of it",
            reached=alone.seconds / once.seconds,
        ),
        Row(
            f"a pipeline over {count} files, nothing changed",
            still,
            theirs_still,
            walk,
            "within 2 of a stat walk",
            still.seconds / walk.seconds,
        ),
        Row(
            "one of them changed, run again",
            changed,
            theirs_changed,
            goal="at least 15 times faster",
            reached=theirs_changed.seconds / changed.seconds,
        ),
    ]


def large(bench: Bench) -> list[Row]:
    """One large file taken in."""
    size, runs = bench.sizes.large_bytes, bench.sizes.runs
    source = bench.scratch / "large.bin"
    with source.open("wb") as out:
        block = os.urandom(1 << 20)
        for number in range(size >> 20):
            out.write(number.to_bytes(8, "big") + block[8:])

    def lay_out(root: Path) -> None:
        shutil.copyfile(source, root / "large.bin")
        (root / "dvc.yaml").write_text(
            "stages:\n  size:\n    cmd: wc -c < large.bin > size.txt\n"
            "    deps: [large.bin]\n    outs: [size.txt]\n"
        )

    ours, theirs = bench.pair("large", lay_out)
    add = Subject(
        (bench.dvc, "add", "-q", "large.bin"), theirs, lambda: _forget(theirs, 0, "large.bin.dvc")
    )
    first, theirs_first = beside([bench.run(ours, before=lambda: _forget(ours, 0)), add], runs)
    floor = clock(lambda: _hash_and_copy(ours / "large.bin", bench.scratch / "copy.bin"), runs)
    return [
        Row(
            f"a file of {size / 1e9:.1f} GB taken in (dvc add)",
            first,
            theirs_first,
            floor,
            "at least 4 times faster, within 1.5 of hash and copy",
            theirs_first.seconds / first.seconds,
        )
    ]


def _beside_floor(
    subject: Subject, floor: Callable[[], object], turns: int
) -> tuple[Sample, Sample]:
    """Return the medians of a command and of its floor, turn by turn: a busy disk meets both."""
    clock(floor, 1)  # the first pass finds cold files
    taken = [(measure(subject), clock(floor, 1)) for _ in range(turns)]
    ours = statistics.median(one.seconds for one, _ in taken)
    peak = max(one.peak_memory_bytes for one, _ in taken)
    return Sample(ours, peak), Sample(statistics.median(one.seconds for _, one in taken))


def _forget(root: Path, outputs: int, *more: str) -> None:
    """Take away all that a tool knows of the project, but not its settings."""
    for folder in (".trueup", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for name in ("trueup.lock", "dvc.lock", *more):
        (root / name).unlink(missing_ok=True)
    for number in range(outputs):
        (root / f"out{number}.txt").unlink(missing_ok=True)


def _many_files(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / f"d{number % 100}"
        if number < 100:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}.txt").write_bytes(f"{number:08d} ".encode() * 111)


def _copy(source: Path, to: Path) -> None:
    shutil.copytree(source, to)


def _replace(path: Path, text: str) -> None:
    path.unlink()  # DVC may have made a read-only link of it
    path.write_text(text)


def _stat_walk(root: Path) -> int:
    total, left = 0, [str(root)]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _read_hash_pack(root: Path, pack: Path) -> None:
    from blake3 import blake3

    with pack.open("wb", buffering=1 << 20) as out:
        for folder, _, names in os.walk(root):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123  a floor
                    body = file.read()
                blake3(body).digest()
                out.write(body)
        out.flush()
        os.fsync(out.fileno())
    pack.unlink()


def _hash_and_copy(source: Path, to: Path) -> None:
    from blake3 import blake3

    hasher = blake3(max_threads=blake3.AUTO)
    hasher.update_mmap(source)
    hasher.digest()
    with source.open("rb") as read, to.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 23)
    to.unlink()


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "stages": stages,
    "help": help_,
    "files": files,
    "large": large,
}


def main(words: list[str] | None = None) -> None:
    """Measure the parts that are asked for and print the table as Markdown."""
    options = argparse.ArgumentParser(prog="python -m benchmarks pipeline", description=__doc__)
    options.add_argument("--dvc", help="path of the dvc program")
    options.add_argument("--trueup", help="path of the trueup program; take an installed wheel")
    options.add_argument("--reduced", action="store_true", help="small sizes, under 90 s")
    options.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    options.add_argument("--scratch", type=Path, help="a folder on the disk to measure on")
    asked = options.parse_args(words)
    trueup, dvc = program("trueup", asked.trueup), program("dvc", asked.dvc)
    sizes = REDUCED if asked.reduced else Sizes()
    print(f"{machine()}{', reduced sizes' if asked.reduced else ''}\n", flush=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=asked.scratch, prefix="bench-") as scratch:
        bench = Bench(trueup, dvc, Path(scratch), sizes)
        os.environ["DVC_SITE_CACHE_DIR"] = f"{scratch}/site"
        for warm_up in (trueup, dvc):
            measure(Subject((warm_up, "--help"), bench.scratch))
        for name in asked.only.split(","):
            found = PARTS[name](bench)
            rows += found
            print(f"{name} done", file=sys.stderr, flush=True)
    print(table(rows, "DVC"))


if __name__ == "__main__":
    main()
