"""How often alarms come while nothing moves, and how soon they do when something has.

    python -m studies false_alarms [--reduced] [--only WORDS] [--years N] [--csv FILE]
    python -m studies false_alarms --power [--only WORDS] [--years N] [--csv FILE]
    python -m studies false_alarms --table FILE

A simulated year is a stream of 40 columns, or of a metric with labels: a reference of its own, a
quarter that nobody looks at, and 365 daily checks. Incidents are counted as they start, first with
significance alone, which is what the promise is about, then with a least effect too. Where a rate
is claimed it holds if the lower 99 % bound of the mean over years is at most what is declared, and
the 90th percentile over references at most twice that. Settings take turns, ten years each; with
``--csv`` the study goes on where it was stopped. ``--power`` shifts streams on the first day of
the year.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from studies import bounded_streams, labelled_streams, shifted_years, tallies
from studies.bounded_streams import BOUNDED, Bounded
from studies.drift_settings import SHIFTS, STABLE, YEAR
from studies.labelled_streams import LABELLED, Labelled
from studies.simulated_years import Setting, year
from studies.tallies import Tally, rates

SEED = 20270303
_TURN = 10  # years of a setting before the next one has its turn
EVERY: tuple[Setting, ...] = (*STABLE, *LABELLED, *BOUNDED)


def empty(setting: Setting, seed: int, commit: str = "") -> Tally:
    """Return a setting's tally before its first year."""
    share, days = 1.0, YEAR
    if isinstance(setting, Labelled):
        share, days = setting.share, labelled_streams.WATCHED
    elif isinstance(setting, Bounded):
        days = bounded_streams.WATCHED
    rule = f"{setting.rule.hits} of {setting.rule.of}"
    return Tally(setting.name, setting.reference, rule, share, days, seed=seed, commit=commit)


def watch(
    settings: Sequence[Setting], known: Sequence[Tally], asked: tuple[int, int, str]
) -> Iterator[list[Tally]]:
    """Yield all tallies whenever one of them has grown; ``asked``: years, seed and commit.

    Years that are known by the same seed are not simulated again.
    """
    years, seed, commit = asked
    there = {each.key: each for each in known if each.seed == seed}
    now = [there.get(one.key, one) for one in (empty(each, seed, commit) for each in settings)]
    yield now
    for turn in range(_TURN, max(years or each.years for each in settings) + _TURN, _TURN):
        for at, setting in enumerate(settings):
            first, last = now[at].years, min(turn, years or setting.years)
            if first < last:
                more = (year(setting, number, seed) for number in range(first, last))
                now[at] = now[at].with_years(more)
                yield now


def main() -> int:
    """Print the table; 1 where a rate that is claimed does not hold."""
    options = _options()
    if options.table is not None:
        print(*_table(options.table), sep="\n")
        return 0
    began = time.monotonic()
    if options.power:
        return _power(options)
    settings = [each for each in EVERY if options.only in each.name]
    settings = settings[::3] if options.reduced else settings
    now: list[Tally] = []
    known = tallies.read(options.csv)
    for now in watch(settings, known, (options.years, options.seed, _commit())):
        tallies.write(options.csv, now)
    print(*tallies.table(now), sep="\n")
    broken = sum(rates(each).holds == "no" for each in now)
    print(f"\nseed {options.seed}, {time.monotonic() - began:.0f} s; {broken} rates do not hold")
    return 1 if broken else 0


def _power(options: argparse.Namespace) -> int:
    shifts = [each for each in SHIFTS if options.only in each.name]
    shifts = shifts[::4] if options.reduced else shifts
    found: list[shifted_years.Delays] = []
    for some in shifted_years.delays(shifts, options.years or 100, options.seed, _commit()):
        found += some
        tallies.write(options.csv, found)
    print(*shifted_years.table(map(msgspec.structs.asdict, found)), sep="\n")
    return 0


def _table(results: Path) -> Iterator[str]:
    import csv

    with results.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and "shift" in rows[0]:
        return shifted_years.table(rows)
    return tallies.table(tallies.read(results))


def _commit() -> str:
    """Return the commit of the code, with a plus where what is studied differs from it."""
    here = Path(__file__).parents[1]
    asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*"]
    named = subprocess.run(asked, cwd=here, capture_output=True, text=True, check=False).stdout
    what = ["src/trueup/monitoring/calibration", "src/trueup/monitoring/performance", "studies"]
    changed = ["git", "diff", "--quiet", "HEAD", "--", *what]
    return named.strip() + (
        "+" if subprocess.run(changed, cwd=here, check=False).returncode else ""
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="three years of every third setting")
    parser.add_argument("--power", action="store_true", help="shifts in place of stable streams")
    parser.add_argument("--only", default="", help="settings whose name holds this")
    parser.add_argument("--years", type=int, default=0, help="of each setting")
    parser.add_argument("--table", type=Path, default=None, help="of these results, and no more")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--csv", type=Path, default=None)
    options = parser.parse_args()
    options.years = 3 if options.reduced else options.years
    return options


if __name__ == "__main__":
    sys.exit(main())
