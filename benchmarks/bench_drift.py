"""trueup drift on two parquet files of 40 columns, beside its peers and a bare scan.

    python -m benchmarks drift [--rows N] [--peers nannyml,deepchecks,alibi,evidently | none]
                               [--long N] [--folder DIR] [--reduced]

Whole processes, turn by turn: wall and processor time, peak memory. The bare scan reads each
column with Arrow and counts it once, with NumPy's histogram or Arrow's value_counts, on all cores;
it runs in Evidently's environment, which has both libraries (reduced: in this one, if it has them).
Peers stand in environments of their own:
scripts/env.sh evidently nannyml peer-alibi peer-deepchecks. Reduced: 100,000 rows, no peers.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import msgspec

from benchmarks.drift_tables import AT_ONCE, write_tables
from benchmarks.measuring import Sample, Subject, beside, clock, machine, measure, program

HERE = Path(__file__).parent
ENVIRONMENTS = {
    "nannyml": "nannyml",
    "deepchecks": "peer-deepchecks",
    "alibi": "peer-alibi",
    "evidently": "evidently",
}
GOALS = {"evidently": "at least 100", "nannyml": "at least 20"}
FLOOR_GOAL, MEMORY_GOAL, MERGE_GOAL_S = "at most 1.5", "peak memory under 400 MB", 1.0
PROFILES = 10_000
LONG_ROWS = 20_000_000
_RATE, _EFFECTS, _STORED = "with a rate", "effects alone", "reference and calibration stored"


class Setting(msgspec.Struct, frozen=True):
    """Where the tables lie, and the command that compares two."""

    folder: Path
    paths: tuple[str, ...]
    ours: str

    def drift(self, paths: Sequence[str], *further: str) -> Subject:
        """Return trueup drift, which has to find a drift."""
        argv = ("sh", "-c", '"$@"; test $? -eq 5', "sh", self.ours, "drift", *paths, *further)
        return Subject(argv, self.folder)

    def keeping(self) -> Subject:
        """Return what counts and calibrates the first table, and keeps it as a reference."""
        return self._stored("keep", self.paths[0], str(self.folder / "stored"))

    def checking(self) -> Subject:
        """Return what checks the second table against the reference that is kept."""
        return self._stored("check", str(self.folder / "stored"), self.paths[1])

    def _stored(self, *further: str) -> Subject:
        argv = (sys.executable, str(HERE / "drift_peers" / "stored.py"), *further)
        return Subject(argv, self.folder)


def main() -> None:
    options = _options()
    rows = options.rows or (100_000 if options.reduced else AT_ONCE)
    print(f"{rows:,} rows, 40 columns; {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.folder or scratch).absolute()
        paths = tuple(map(str, write_tables(folder, rows)))
        setting = Setting(folder, paths, program("trueup", options.trueup))
        alone(setting)
        merging(paths[0], PROFILES // 10 if options.reduced else PROFILES)
        long_rows = options.long if options.long >= 0 else 0 if options.reduced else LONG_ROWS
        if long_rows:
            long(setting, long_rows)
        peers = "none" if options.reduced else options.peers
        beside_peers(setting, [one for one in peers.split(",") if one not in ("", "none")])


def alone(setting: Setting) -> None:
    """Print what trueup takes with and without significance and calibration, and a bare scan."""
    now = setting.paths[1]
    calibrating = measure(setting.keeping())
    subjects = {
        _RATE: setting.drift(setting.paths),
        _EFFECTS: setting.drift(setting.paths, "--false-alarms", "off"),
        _STORED: setting.checking(),
    }
    python = _python("evidently") or (sys.executable if importlib.util.find_spec("pyarrow") else "")
    if python:
        floor = (python, str(HERE / "drift_peers" / "floor.py"))
        subjects["bare scan"] = Subject((*floor, *setting.paths), setting.folder)
        subjects["bare scan of the second"] = Subject((*floor, now), setting.folder)
    taken = beside(list(subjects.values()), 3, warm=True)
    found = dict(zip(subjects, taken, strict=True))
    lines = [
        ("trueup drift, with a rate", found[_RATE], found.get("bare scan")),
        ("trueup drift, effects alone", found[_EFFECTS], found.get("bare scan")),
        (f"trueup, {_STORED}", found[_STORED], found.get("bare scan of the second")),
        ("the reference counted and calibrated, once", calibrating, None),
    ]
    print(
        "| work | wall s | processor s | peak MB | bare scan: wall s, processor s "
        "| times its wall | times its processor time | goals |\n|---|---|---|---|---|---|---|---|"
    )
    for work, sample, scan in lines:
        goals = f"{FLOOR_GOAL}; {MEMORY_GOAL}" if scan else ""
        print(f"| {work} | {_times(sample)} | {_against(sample, scan)} | {goals} |", flush=True)
    print()


def beside_peers(setting: Setting, peers: Sequence[str]) -> None:
    """Print what each peer takes, with trueup measured before and after it, both its ways."""
    if not peers:
        return
    print(
        "| peer | wall s | processor s | peak MB | trueup beside it | its wall s, processor s "
        "| times its wall | times its processor time | goal |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    ways = {"both tables": setting.drift(setting.paths), _STORED: setting.checking()}
    for peer in peers:
        before = [measure(one) for one in ways.values()]
        theirs = measure(Subject(_peer(peer, setting.paths), setting.folder))
        after = [measure(one) for one in ways.values()]
        for way, *twice in zip(ways, before, after, strict=True):
            against = _against(theirs, _mean(*twice))
            goal = GOALS.get(peer, "")
            print(f"| {peer} | {_times(theirs)} | {way} | {against} | {goal} |", flush=True)


def _mean(before: Sample, after: Sample) -> Sample:
    return Sample(
        (before.seconds + after.seconds) / 2,
        max(before.peak_memory_bytes, after.peak_memory_bytes),
        (before.processor_s + after.processor_s) / 2,
    )


def long(setting: Setting, rows: int) -> None:
    """Print time and memory of many more rows: files of a million rows, few of them different."""
    print("| rows a table | wall s | processor s | peak MB | wall s a million rows | processor s |")
    print("|---|---|---|---|---|---|")
    for many in (rows // 4, rows):
        paths = tuple(map(str, write_tables(setting.folder, many)))
        sample = measure(setting.drift(paths))
        millions = 2 * many / 1e6
        rates = f"{sample.seconds / millions:.2f} | {sample.processor_s / millions:.2f}"
        print(f"| {many:,} | {_times(sample)} | {rates} |", flush=True)
    print()


def merging(path: str, count: int) -> None:
    """Print how long it takes to read so many hourly profiles, merge them and check the whole."""
    from trueup.monitoring.comparing import Limits, compare
    from trueup.monitoring.profiles.profile import cells, decode_profile, encode_profile, merge
    from trueup.monitoring.scanning.blocking import BlockSize
    from trueup.monitoring.scanning.passes import Asked
    from trueup.monitoring.scanning.scan import scan_reference

    reference = scan_reference(path, Asked(blocks=BlockSize(rows=1000))).reference
    grid, profile = reference.grid, reference.profile
    bodies = [
        encode_profile(profile.chosen(slice(k % profile.blocks, k % profile.blocks + 1)))
        for k in range(count)
    ]

    def work() -> None:
        whole = merge([decode_profile(body) for body in bodies])
        compare(reference.cells(), cells(whole, grid), Limits(every=False))

    taken = clock(work, 5)
    size_kb = sum(map(len, bodies)) / count / 1000
    print(
        f"{count:,} hourly profiles of {size_kb:.0f} kB read, merged and checked in "
        f"{taken.seconds:.2f} s, {taken.processor_s:.2f} s of processor time "
        f"(goal for {PROFILES:,}: under {MERGE_GOAL_S:.0f} s)\n",
        flush=True,
    )


def _times(sample: Sample) -> str:
    memory = sample.peak_memory_bytes / 1e6
    return f"{sample.seconds:.2f} | {sample.processor_s:.2f} | {memory:.0f}"


def _against(one: Sample, other: Sample | None) -> str:
    if other is None:
        return " | | "
    wall, processor = one.seconds / other.seconds, one.processor_s / other.processor_s
    return f"{other.seconds:.2f}, {other.processor_s:.2f} | **{wall:.2f}** | **{processor:.2f}**"


def _peer(name: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    if name not in ENVIRONMENTS:
        sys.exit(f"{name} is no peer; name some of: {', '.join(ENVIRONMENTS)}")
    python = _python(ENVIRONMENTS[name])
    if not python:
        sys.exit(f"{name} was not found; run: scripts/env.sh {ENVIRONMENTS[name]}")
    return (python, str(HERE / "drift_peers" / f"{name}_drift.py"), *paths)


def _python(environment: str) -> str:
    path = HERE.parent / ".build" / f"venv-{environment}" / "bin" / "python"
    return str(path) if path.exists() else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--peers", default=",".join(ENVIRONMENTS), help="or none")
    parser.add_argument("--long", type=int, default=-1, help="rows of the longest; 0: none")
    parser.add_argument("--folder", default="", help="keep the tables there")
    parser.add_argument("--trueup", default=None)
    parser.add_argument("--reduced", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DO_NOT_TRACK", "1")
    main()
