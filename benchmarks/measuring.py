"""How long a whole process takes, and the most memory it holds: medians beside a peer's."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """Medians over several runs of one thing."""

    seconds: float
    peak_memory_bytes: int = 0
    processor_s: float = 0.0  # of all its threads and processes


class Subject(msgspec.Struct, frozen=True):
    """A command line, where it runs, and what is done before each time without being timed."""

    argv: tuple[str, ...]
    cwd: Path
    before: Callable[[], None] | None = None


class Row(msgspec.Struct, frozen=True):
    """One line of the table; the goal is stated with the measure it is about."""

    work: str
    ours: Sample
    peer: Sample | None = None
    floor: Sample | None = None  # the least that any tool must do
    goal: str = ""
    reached: float | None = None  # the number that the goal is about


def measure(subject: Subject) -> Sample:
    """Run the command once and return wall time, peak memory, processor time, children included.

    Exits with the command's own output where it fails: a benchmark of an error is worthless.
    """
    if subject.before:
        subject.before()
    os.sync()  # what was written before is not paid for by what is measured next
    log = subject.cwd / ".bench.log"
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")), str(log)]
    done = subprocess.run(
        [*launcher, *subject.argv],
        cwd=subject.cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    status, seconds, peak, processor_s = done.stdout.split()
    if status != "0":
        sys.exit(f"{subject.argv} failed:\n{log.read_text(errors='replace')[-3000:]}")
    log.unlink()
    return Sample(float(seconds), int(peak), float(processor_s))


def beside(subjects: Sequence[Subject], runs: int, *, warm: bool = False) -> list[Sample]:
    """Measure the subjects turn by turn, so that a busy moment meets each; return medians."""
    if warm:
        for subject in subjects:
            measure(subject)
    taken: list[list[Sample]] = [[] for _ in subjects]
    for _ in range(runs):
        for subject, samples in zip(subjects, taken, strict=True):
            samples.append(measure(subject))
    return [
        Sample(
            statistics.median(sample.seconds for sample in samples),
            int(statistics.median(sample.peak_memory_bytes for sample in samples)),
            statistics.median(sample.processor_s for sample in samples),
        )
        for samples in taken
    ]


def clock(work: Callable[[], object], runs: int) -> Sample:
    """Return the median times of a function in this process: a floor."""
    times, processor = [], []
    for _ in range(runs):
        os.sync()
        began, busy = time.perf_counter(), time.process_time()
        work()
        times.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    return Sample(statistics.median(times), processor_s=statistics.median(processor))


def environment() -> dict[str, str]:
    """Return the environment of everything measured: bytecode allowed, nobody phones home."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONUNBUFFERED"}
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    return env | {"DVC_NO_ANALYTICS": "1", "NO_COLOR": "1", "SHELL": "/bin/sh"}


def program(name: str, given: str | None) -> str:
    """Return the program's path: as given, beside this Python, or on PATH; exits without one."""
    beside_us = Path(sys.executable).with_name(name)
    found = given or (str(beside_us) if beside_us.exists() else shutil.which(name))
    if not found or not Path(found).exists():
        sys.exit(f"{name} was not found; give its path, or run: make bench")
    return str(Path(found).absolute())


def table(rows: Sequence[Row], peer: str) -> str:
    """Return the rows as Markdown."""
    lines = [
        f"| work | trueup s | {peer} s | {peer} / trueup | floor s | trueup / floor "
        f"| peak MB trueup, {peer} | goal | reached |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = f"**{row.peer.seconds / row.ours.seconds:.1f}**" if row.peer else ""
        floor = f"{row.floor.seconds:.3f}" if row.floor else ""
        over = f"{row.ours.seconds / row.floor.seconds:.2f}" if row.floor else ""
        memory = _megabytes(row.ours) + (f", {_megabytes(row.peer)}" if row.peer else "")
        reached = "" if row.reached is None else f"{row.reached:.1f}"
        cells = [
            row.work,
            f"{row.ours.seconds:.3f}",
            f"{row.peer.seconds:.3f}" if row.peer else "",
            *(ratio, floor, over, memory, row.goal, reached),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine() -> str:
    """Return one line about where this was measured."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the start"
    )


def _megabytes(sample: Sample) -> str:
    return f"{sample.peak_memory_bytes / 1e6:.0f}" if sample.peak_memory_bytes else "-"
