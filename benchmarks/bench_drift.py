"""trueup drift on two parquet files of 40 columns, beside Evidently, NannyML and a bare scan.

    python -m benchmarks drift [--rows N] [--peers evidently,nannyml] [--folder DIR] [--reduced]

Whole processes, turn by turn. The floor reads each column with Arrow and counts it once, with
NumPy's histogram or Arrow's value_counts; it runs in Evidently's environment, which has both
libraries (reduced: in this one). Peers stand in environments of their own:
scripts/env.sh evidently nannyml. Reduced: 100,000 rows, no peers.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drift_tables import write_tables
from benchmarks.measuring import Row, Sample, Subject, beside, clock, machine, program, table

HERE = Path(__file__).parent
GOALS = {"evidently": 100, "nannyml": 20}
FLOOR_GOAL, MEMORY_GOAL, MERGE_GOAL_S = 1.5, 400e6, 1.0
PROFILES = 10_000


def main() -> None:
    options = _options()
    rows = options.rows or (100_000 if options.reduced else 1_000_000)
    peers = [] if options.reduced else [one for one in options.peers.split(",") if one]
    print(f"{rows:,} rows, 40 columns; {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.folder or scratch)
        paths = tuple(map(str, write_tables(folder, rows)))
        ours = program("trueup", options.trueup)
        names, subjects = _subjects(ours, paths, folder)
        measured = dict(zip(names, beside(subjects, 3, warm=True), strict=True))
        floor = measured.get("floor")
        with_rate, without = measured["calibrated"], measured["plain"]
        lines = [
            _row("with a rate of false alarms", with_rate, floor),
            _row("effects alone", without, floor),
        ]
        for peer in peers:
            subject = Subject(_peer(peer, paths), folder)
            ours_here = subjects[names.index("calibrated")]  # in the same moments as the peer
            before, theirs, after = beside([ours_here, subject, ours_here], 1)
            own = Sample((before.seconds + after.seconds) / 2, before.peak_memory_bytes)
            lines.append(
                Row(
                    f"beside {peer}",
                    own,
                    theirs,
                    goal=f"{peer} / trueup at least {GOALS[peer]}",
                    reached=theirs.seconds / own.seconds,
                )
            )
            print(f"{peer} took {theirs.seconds:.1f} s", flush=True)
        print(table(lines, "peer"))
        print(
            f"\npeak memory {with_rate.peak_memory_bytes / 1e6:.0f} MB "
            f"(goal: under {MEMORY_GOAL / 1e6:.0f})"
        )
        merging(paths[0], PROFILES // 10 if options.reduced else PROFILES)


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

    seconds = clock(work, 3).seconds
    size_kb = sum(map(len, bodies)) / count / 1000
    print(
        f"{count:,} hourly profiles of {size_kb:.0f} kB read, merged and checked in {seconds:.2f} s"
        f" (goal for {PROFILES:,}: under {MERGE_GOAL_S:.0f} s)"
    )


def _subjects(ours: str, paths: tuple[str, ...], folder: Path) -> tuple[list[str], list[Subject]]:
    drift = ("sh", "-c", '"$@"; test $? -eq 5', "sh", ours, "drift", *paths)
    found = {
        "calibrated": Subject(drift, folder),
        "plain": Subject((*drift, "--false-alarms", "off"), folder),
    }
    python = _python("evidently") or (sys.executable if importlib.util.find_spec("pyarrow") else "")
    if python:
        found["floor"] = Subject((python, str(HERE / "drift_peers" / "floor.py"), *paths), folder)
    return list(found), list(found.values())


def _row(work: str, ours: Sample, floor: Sample | None) -> Row:
    reached = ours.seconds / floor.seconds if floor else None
    return Row(work, ours, floor=floor, goal=f"at most {FLOOR_GOAL} floors", reached=reached)


def _peer(name: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    python = _python(name)
    if not python:
        sys.exit(f"{name} was not found; run: scripts/env.sh {name}")
    return (python, str(HERE / "drift_peers" / f"{name}_drift.py"), *paths)


def _python(name: str) -> str:
    path = HERE.parent / ".build" / f"venv-{name}" / "bin" / "python"
    return str(path) if path.exists() else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--peers", default="evidently,nannyml")
    parser.add_argument("--folder", default="", help="keep the tables there")
    parser.add_argument("--trueup", default=None)
    parser.add_argument("--reduced", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DO_NOT_TRACK", "1")
    main()
