"""Whether a server at two thirds of what it can do stays as it is: memory, latency, captures.

    python -m studies serving_soak [--minutes 30] [--window 10] [--csv FILE] [--reduced]

First it is asked as fast as it answers, for a few seconds; then at two thirds of that, a row at a
time over 64 connections, for half an hour (reduced: five minutes). What it holds is read while it
answers. At the end every row that it has answered must lie in the bucket, once. A model of 20
numbers, captures and metrics on, a bucket that is a folder.

The last two thirds count. Memory is flat if the line through them (Theil and Sen's) rises by at
most 5 % of what is held; latency if the 99th percentile of the last third, at its median over the
windows, is at most twice that of the third before, or 2 ms more.
"""

import argparse
import csv
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_serving import body, build
from benchmarks.measuring import machine, program
from studies import soaking
from studies.soaking import Pace, Window, read_back

_SHARE = 2 / 3
_MOST_GROWTH = 0.05
_MOST_SLOWER, _SLOWER_MS = 2.0, 2.0
_FULL_S = 5.0
_FEW_DESCRIPTORS = 8  # a spool file, a segment and connections come and go


class Bound(msgspec.Struct, frozen=True):
    """Something that must hold, and what was found."""

    says: str
    found: str
    holds: bool


def main() -> None:
    options = _options()
    if not shutil.which("wrk"):
        sys.exit("wrk was not found; install it with: apt install wrk")
    with tempfile.TemporaryDirectory(prefix="trueup-soak-") as folder:
        root = Path(folder)
        build(root, "logistic")
        port, process = soaking.start(root, program("trueup", None))
        try:
            capacity = soaking.asked(root, port, Pace(), _FULL_S, body(1)).per_s
            print(f"{capacity:,.0f} answers/s at most; {machine()}", flush=True)
            windows = list(_windows(root, port, process, capacity * _SHARE, options))
            answered, counts = soaking.answered(port), soaking.captured(port)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(120)
        bounds = judged(windows, capacity * _SHARE)
        kept, different = read_back(root)
        bounds += [
            Bound("captures dropped", f"{counts['dropped']:.0f}", counts["dropped"] == 0),
            Bound(
                "rows answered, captured, of different ids",
                f"{answered:.0f}, {kept}, {different}",
                answered == kept == different,
            ),
            Bound("the server's exit code", str(code), code == 0),
        ]
    _tell(windows, bounds, options.csv)
    sys.exit(0 if all(one.holds for one in bounds) else 1)


def judged(windows: Sequence[Window], wanted_per_s: float) -> list[Bound]:
    """Return what the windows say, each with whether it is within its bound."""
    third = len(windows) // 3
    middle, last = windows[third : 2 * third], windows[2 * third :]
    counted = [*middle, *last]
    held = statistics.median(one.memory_mb for one in counted)
    growth = rise([one.memory_mb for one in counted]) / held
    before, after = (statistics.median(one.p99_ms for one in part) for part in (middle, last))
    rate = statistics.median(one.per_s for one in counted)
    descriptors = [one.descriptors for one in counted]
    threads = {one.threads for one in counted}
    return [
        Bound(
            "answers/s, of two thirds of the capacity",
            f"{rate:,.0f} of {wanted_per_s:,.0f}",
            rate >= 0.9 * wanted_per_s,
        ),
        Bound("failed requests", str(sum(one.failed for one in windows)), not any(
            one.failed for one in windows)),
        Bound("memory's rise over the last two thirds", f"{growth:+.1%} of {held:.0f} MB",
              growth <= _MOST_GROWTH),
        Bound("p99 of the middle and the last third, ms", f"{before:.2f}, {after:.2f}",
              after <= max(_MOST_SLOWER * before, before + _SLOWER_MS)),
        Bound("open descriptors", f"{min(descriptors)} to {max(descriptors)}",
              max(descriptors) - min(descriptors) <= _FEW_DESCRIPTORS),
        Bound("threads", f"{min(threads)} to {max(threads)}", len(threads) == 1),
    ]  # fmt: skip


def rise(values: Sequence[float]) -> float:
    """Return by how much the line through values rises from the first to the last.

    >>> rise([1.0, 2.0, 30.0, 4.0, 5.0])
    4.0
    """
    slopes = [(b - a) / (k - j) for (j, a), (k, b) in combinations(enumerate(values), 2)]
    return statistics.median(slopes) * (len(values) - 1)


def _windows(
    root: Path, port: int, process: "subprocess.Popen[bytes]", per_s: float,
    options: argparse.Namespace,
) -> Iterator[Window]:  # fmt: skip
    """Ask at a pace, window after window, and correct the pace by what came of it."""
    pace = Pace.of(per_s)
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end:
        with soaking.watched(process.pid) as sizes_mb:
            told = soaking.asked(root, port, pace, options.window, body(1))
        one = soaking.window(process.pid, told, statistics.median(sizes_mb))
        pace = pace.corrected(told.per_s, per_s)
        yield one
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _tell(windows: Sequence[Window], bounds: Sequence[Bound], path: Path | None) -> None:
    print("| what | found | within its bound |\n|---|---|---|")
    for one in bounds:
        print(f"| {one.says} | {one.found} | {'yes' if one.holds else '**no**'} |")
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(Window.__struct_fields__)
            out.writerows(msgspec.structs.astuple(one) for one in windows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m studies serving_soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--window", type=float, default=10.0, help="in seconds")
    parser.add_argument("--csv", type=Path, help="where each window's numbers are written")
    parser.add_argument("--reduced", action="store_true", help="five minutes")
    options = parser.parse_args()
    options.minutes = 5.0 if options.reduced else options.minutes
    return options


if __name__ == "__main__":
    main()
