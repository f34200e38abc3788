"""How often drift alarms while nothing moves, and how soon it does when something has.

    python -m studies false_alarms [--reduced] [--only WORDS] [--years N] [--csv FILE] [--jobs N]
    python -m studies false_alarms --power [...]
    python -m studies false_alarms --table FILE

A simulated year is a stream of 40 columns: a reference of its own, a quarter that nobody looks at,
and 365 daily checks. Incidents are counted as they start, first with significance alone, which is
what the promise is about, then with a least effect of 0.1. Where a rate is claimed it holds if the
lower 99 % bound of the mean over years is at most what is declared, and the 90th percentile over
references at most twice that. ``--power`` shifts the stream on the first day of the year.
"""

import argparse
import csv
import math
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from studies.drift_settings import EACH, PAIRS, QUARTER, SHIFTS, STABLE, YEAR, Shift, Stable
from studies.stable_streams import DAY_EFFECTS, INDEPENDENT, STILL, Change, drawn, joint
from trueup.gate.distributions import t_quantile
from trueup.monitoring.alarms import Moment, check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.incidents import alarms, started
from trueup.monitoring.calibration.records import Plan, Season, Threshold
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells

SEED = 20270303
MOST = 2.0  # times the declared rate, for nine of ten references
PLAN = Plan()
_NEVER = 10**6


@dataclass(frozen=True)
class Year:
    """What came of one simulated year."""

    claimed: bool
    basis: str
    covered: int  # columns that the promise covers
    incidents: int
    material: int
    delay: int  # checks until the first alarm, from 0


class Line(msgspec.Struct, frozen=True):
    """One setting."""

    setting: str
    reference: int
    rule: str
    years: int
    claimed: int
    covered: float  # columns, where claimed
    rate: float  # incidents per 90 days
    lower_99: float
    ninetieth: float
    material: float
    holds: str
    basis: str


class Delay(msgspec.Struct, frozen=True):
    """How soon a shift is found."""

    shift: str
    stream: str
    reference: int
    rule: str
    years: int
    first_day: float  # share of years in which it is found on the first day, and so on
    in_a_week: float
    in_a_month: float
    median_days: float  # nan: in fewer than half of the years within the year
    false_rate: float  # incidents per 90 days of the same setting without a shift


def year(stable: Stable, number: int, seed: int, change: Change | None = None) -> Year:
    """Simulate one reference and the year that follows it after a quarter."""
    days = stable.reference + QUARTER + YEAR
    rng = np.random.default_rng([seed, zlib.crc32(stable.name.encode()), number])
    columns = drawn(stable.stream, days, rng, change or STILL)
    if stable.joint:
        columns.append(joint(days, rng, change or STILL))
    phases = tuple(f"{day % 7}" for day in range(days)) if stable.weekdays else ()
    plan = msgspec.structs.replace(PLAN, rule=stable.rule)
    reference = [each.part(slice(stable.reference)) for each in columns]
    threshold = calibrate(reference, plan, Season(phases[: stable.reference]))
    watched = [each.part(slice(days - YEAR, None)) for each in columns]
    scores = replayed(threshold, watched, phases[days - YEAR :] if phases else ())
    steady = np.array([each.steady for each in threshold.columns])
    covered = steady if steady.any() else ~steady
    exceeded = np.asarray((scores[:, covered] > 1).any(axis=1))
    drifted = exceeded
    if change is None:  # of a shift only the first alarm is asked for
        drifted = _material(threshold, watched, phases[days - YEAR :], exceeded)
    rule, support = threshold.plan.rule, threshold.support
    alarmed = np.flatnonzero(alarms(exceeded, rule))
    return Year(
        claimed=support.claimed,
        basis=support.basis,
        covered=int(steady.sum()) if support.claimed else 0,
        incidents=int(started(alarms(exceeded, rule), rule.quiet)),
        material=int(started(alarms(drifted, rule), rule.quiet)),
        delay=int(alarmed[0]) if len(alarmed) else _NEVER,
    )


def _material(
    threshold: Threshold, columns: list[Cells], phases: tuple[str, ...], exceeded: Any
) -> Any:
    """Return which of the windows that exceed have drifted, as a check has it."""
    drifted = exceeded.copy()
    for at in np.flatnonzero(exceeded):
        moment = Moment(phase=phases[at] if phases else "")
        drifted[at] = check(threshold, [each.part([at]) for each in columns], moment).drifted
    return drifted


def line(stable: Stable, found: list[Year]) -> Line:
    """Return what the years of a setting come to; rates are of those with a claim."""
    chosen = [each for each in found if each.claimed]
    rates = np.array([each.incidents for each in chosen]) * 90 / YEAR
    lower = _lower(rates)
    ninetieth = float(np.quantile(rates, 0.9)) if len(rates) else math.nan
    held = not len(rates) or (lower <= 1.0 and ninetieth <= MOST)
    bases = [each.basis for each in found]
    return Line(
        setting=stable.name,
        reference=stable.reference,
        rule=f"{stable.rule.hits} of {stable.rule.of}",
        years=len(found),
        claimed=len(chosen),
        covered=_mean([each.covered for each in chosen]),
        rate=_mean(rates.tolist()),
        lower_99=lower,
        ninetieth=ninetieth,
        material=_mean([each.material * 90 / YEAR for each in chosen]),
        holds="refused" if not len(rates) else "yes" if held else "no",
        basis=max(sorted(set(bases)), key=bases.count),
    )


def _mean(values: list[float] | list[int]) -> float:
    return float(np.mean(values)) if values else math.nan


def _lower(rates: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """Return Student's lower 99 % bound of the mean over years."""
    if len(rates) < 2:
        return float(rates.mean()) if len(rates) else math.nan
    half = t_quantile(0.99, len(rates) - 1) * float(rates.std(ddof=1)) / math.sqrt(len(rates))
    return max(0.0, float(rates.mean()) - half)


def stable_lines(
    settings: Iterable[Stable], years: int, seed: int, pool: ProcessPoolExecutor
) -> Iterator[Line]:
    """Yield the lines of stable streams."""
    for stable in settings:
        many = years or stable.years
        found = list(pool.map(year, repeat(stable), range(many), repeat(seed)))
        yield line(stable, found)


def delays(
    shifts: Iterable[Shift], years: int, seed: int, pool: ProcessPoolExecutor
) -> Iterator[Delay]:
    """Yield how soon shifts are found, in two streams, by both rules."""
    for base in (INDEPENDENT, DAY_EFFECTS):
        for rule in (EACH, PAIRS):
            still: dict[bool, float] = {}
            for shift in shifts:
                stable = Stable(base, YEAR, rule, joint=shift.joint)
                if shift.joint not in still:
                    alone = pool.map(year, repeat(stable), range(years), repeat(seed))
                    still[shift.joint] = _mean([each.incidents * 90 / YEAR for each in alone])
                change = shift.change(2 * YEAR + QUARTER, YEAR + QUARTER)
                found = pool.map(
                    year, repeat(stable), range(years), repeat(seed + 1), repeat(change)
                )
                days = [each.delay for each in found]
                yield _delay(stable, shift, days, still[shift.joint])


def _delay(stable: Stable, shift: Shift, days: list[int], alone: float) -> Delay:
    when = np.array(days)
    median = float(np.median(when))
    return Delay(
        shift=shift.name,
        stream=stable.stream.name,
        reference=stable.reference,
        rule=f"{stable.rule.hits} of {stable.rule.of}",
        years=len(days),
        first_day=float((when == 0).mean()),
        in_a_week=float((when < 7).mean()),
        in_a_month=float((when < 30).mean()),
        median_days=median if median < YEAR else math.nan,
        false_rate=alone,
    )


def table(lines: Iterable[dict[str, str]]) -> Iterator[str]:
    """Yield a Markdown table of what a study has written."""
    for at, row in enumerate(lines):
        if at == 0:
            yield "| " + " | ".join(name.replace("_", " ") for name in row) + " |"
            yield "|" + "---|" * len(row)
        yield "| " + " | ".join(_shown(each) for each in row.values()) + " |"


def _shown(text: str) -> str:
    return "" if text == "nan" else text


def _row(one: Line | Delay) -> dict[str, str]:
    fields = msgspec.structs.asdict(one).items()
    return {name: f"{each:.2f}" if isinstance(each, float) else str(each) for name, each in fields}


def main() -> int:
    """Print the table; 1 where a rate that is claimed does not hold."""
    options = _options()
    if options.table is not None:
        with options.table.open(newline="") as file:
            print(*table(csv.DictReader(file)), sep="\n")
        return 0
    began, rows, broken = time.monotonic(), [], 0
    settings = [each for each in STABLE if options.only in each.name]
    shifts = [each for each in SHIFTS if options.only in each.name]
    if options.reduced:
        settings, shifts = settings[::3], shifts[::4]
    with ProcessPoolExecutor(options.jobs) as pool:
        found: Iterator[Line | Delay] = (
            delays(shifts, options.years or 100, options.seed, pool)
            if options.power
            else stable_lines(settings, options.years, options.seed, pool)
        )
        for one in found:
            rows.append(_row(one))
            broken += isinstance(one, Line) and one.holds == "no"
            print(*list(table(rows))[0 if len(rows) == 1 else -1 :], sep="\n", flush=True)
            _write(options.csv, rows)
    print(f"\nseed {options.seed}, {time.monotonic() - began:.0f} s; {broken} rates do not hold")
    return 1 if broken else 0


def _write(results: Path | None, rows: list[dict[str, str]]) -> None:
    if results is not None:
        with results.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="three years of every third setting")
    parser.add_argument("--power", action="store_true", help="shifts in place of stable streams")
    parser.add_argument("--only", default="", help="settings whose name holds this")
    parser.add_argument("--years", type=int, default=0, help="of each setting")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--table", type=Path, default=None, help="of these results, and no more")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--csv", type=Path, default=None)
    options = parser.parse_args()
    options.years = 3 if options.reduced else options.years
    return options


if __name__ == "__main__":
    sys.exit(main())
