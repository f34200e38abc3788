"""Five stable years of the study of false alarms as Evidently and NannyML see them by default.

    python -m studies drift_peers [--every N] [--seconds S] [--csv FILE] [--reduced]

The rows are drawn from the very counts of these years, 365 days of reference and 365 watched, each
of 1,000 rows and 40 columns. Evidently compares every N-th day with the last 30 of the reference
(with all 365 a look takes half a minute), until its seconds are used up; NannyML takes each day
as a chunk. Their environments: scripts/env.sh evidently
nannyml. Reduced: one year, and nobody beside.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import NormalDist
from typing import Any

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from studies import stable_streams as streams
from studies.drift_settings import QUARTER, YEAR, Stable
from studies.simulated_years import calibrated, covered, seeded
from studies.stable_streams import ROWS, Drawing
from trueup.monitoring.calibration.incidents import alarms, started
from trueup.monitoring.calibration.records import Rule
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells

SEED = 20270303  # as the study of false alarms has it, so that these are its first years
FIVE = (
    streams.INDEPENDENT,
    streams.DAY_EFFECTS,
    streams.HALF,
    streams.CORRELATED,
    streams.RARE,
)
_REFERENCE = 30  # days that Evidently compares with
_FINE = 64  # points of a normal's quantiles within each cell
_HERE = Path(__file__).parent


class Told(msgspec.Struct, frozen=True):
    """What one tool has said of one year."""

    stream: str
    tool: str
    days: int  # looked at
    alarmed: float  # share of these days on which any column has drifted
    columns: float  # that drift on a day, on average
    table: float  # share of days on which the whole table has
    incidents: float  # in 90 days, an alarm after seven days without; nan: not all were looked at
    seed: int


def year_of(stream: streams.Stream) -> list[Cells]:
    """Return the first year of a stream in the study of false alarms."""
    stable = Stable(stream)
    days = YEAR + QUARTER + YEAR
    return Drawing(stream, days, seeded(stable.name, 0, SEED)).columns()


def ours(stream: streams.Stream, columns: list[Cells]) -> Told:
    """Return what trueup says of the year, without a least effect."""
    threshold = calibrated(columns, Stable(stream))
    watched = [each.part(slice(-YEAR, None)) for each in columns]
    over = replayed(threshold, watched)[:, covered(threshold)] > 1
    found = [(day, int(many), None) for day, many in enumerate(over.sum(axis=1))]
    return told(stream.name, "trueup", found)


def told(stream: str, tool: str, found: list[Any]) -> Told:
    """Return what days' answers come to: each a day, its drifted columns, and the table's."""
    many = np.array([each[1] for each in found], dtype=float)
    tables = [each[2] for each in found if each[2] is not None]
    whole = len(found) == YEAR
    incidents = float(started(alarms(many > 0, Rule()), Rule().quiet)) * 90 / YEAR
    return Told(
        stream,
        tool,
        len(found),
        round(float((many > 0).mean()), 4),
        round(float(many.mean()), 3),
        round(float(np.mean(tables)), 4) if tables else float("nan"),
        round(incidents, 3) if whole else float("nan"),
        SEED,
    )


def write_rows(columns: list[Cells], path: Path, days: slice) -> None:
    """Write the rows that the counts of some days stand for, a row's day beside them."""
    import polars as pl

    rng = np.random.default_rng(SEED)
    some = [each.part(days) for each in columns]
    frame = {each.name: _values(each, rng) for each in some}
    day = np.repeat(np.arange(some[0].blocks), ROWS)
    pl.DataFrame({"day": day, **frame}).write_parquet(path)


def _values(cells: Cells, rng: np.random.Generator) -> Any:
    import polars as pl

    width = cells.counts.shape[1]
    every = np.concatenate([cells.counts, cells.missing[:, None]], axis=1)
    places = np.tile(np.arange(width + 1), cells.blocks)
    ordered = np.repeat(places, every.ravel()).reshape(cells.blocks, ROWS)
    place = rng.permuted(ordered, axis=1).reshape(-1)
    if not cells.is_ordered:
        return pl.Series(list(cells.labels)).gather(place)
    fine = width * _FINE
    points = np.array([NormalDist().inv_cdf((at + 0.5) / fine) for at in range(fine)])
    within = (place + rng.random(len(place))) * _FINE - 0.5
    values = np.interp(within, np.arange(fine), points)
    return pl.Series(values).set(pl.Series(place == width), None)


def theirs(tool: str, stream: str, tables: list[Path], more: list[str]) -> Told:
    """Return what a tool says in an environment of its own."""
    python = _HERE.parent / ".build" / f"venv-{tool}" / "bin" / "python"
    if not python.exists():
        sys.exit(f"{tool} was not found; run: scripts/env.sh {tool}")
    program = [str(python), str(_HERE / "drift_peers" / f"{tool}_days.py")]
    done = subprocess.run(
        [*program, *map(str, tables), *more], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{tool} failed:\n{done.stderr[-2000:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return told(stream, tool, lines)


def main() -> int:
    """Print the table, a line a tool and year."""
    options = _options()
    found: list[Told] = []
    print("| stream | tool | days | alarmed | columns | table | incidents |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for stream in FIVE[:1] if options.reduced else FIVE:
        columns = year_of(stream)
        _show(found, ours(stream, columns), options.csv)
        if options.reduced:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            tables = [Path(scratch) / f"{name}.parquet" for name in ("reference", "current")]
            write_rows(columns, tables[0], slice(YEAR))
            write_rows(columns, tables[1], slice(-YEAR, None))
            _show(found, theirs("nannyml", stream.name, tables, []), options.csv)
            more = [str(_REFERENCE), str(options.every), str(options.seconds)]
            _show(found, theirs("evidently", stream.name, tables, more), options.csv)
    return 0


def _show(found: list[Told], one: Told, results: Path | None) -> None:
    found.append(one)
    words = [str(each) for each in msgspec.structs.astuple(one)[:-1]]
    print("| " + " | ".join("" if each == "nan" else each for each in words) + " |", flush=True)
    if results is not None:
        with results.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(Told.__struct_fields__)
            writer.writerows(msgspec.structs.astuple(each) for each in found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--every", type=int, default=7, help="days from one of Evidently's looks on"
    )
    parser.add_argument("--seconds", type=float, default=1e9, help="that Evidently gets for a year")
    parser.add_argument("--csv", type=Path, default=None)
    parser.add_argument("--reduced", action="store_true", help="one year, and nobody beside")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
