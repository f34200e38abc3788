"""Years in which something shifts on the first day: how soon it is found, and by whom.

Each shift is put into the very same year, of which only the columns that it touches change. An
alarm counts if one of these has raised it. Beside it stands what monitors do elsewhere: the
Jensen-Shannon distance of each column against its mean and deviation over the reference, with the
factor at which it has just as many false incidents in the same years without a shift.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from studies.drift_settings import EACH, PAIRS, QUARTER, YEAR, Shift, Stable
from studies.simulated_years import calibrated, covered, seeded
from studies.stable_streams import COLUMNS, DAY_EFFECTS, INDEPENDENT, Drawing
from studies.tallies import counted
from trueup.monitoring.calibration.incidents import alarms, lowest, started
from trueup.monitoring.calibration.records import Rule
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells

_DAYS = YEAR + QUARTER + YEAR
_NEVER = 10**6


class Delays(msgspec.Struct, frozen=True):
    """How soon a shift is found: shares of years, and days to the first alarm."""

    shift: str
    stream: str
    rule: str
    years: int
    first_day: float
    in_a_week: float
    in_a_month: float
    median_days: float  # nan: in fewer than half of the years within the year
    their_first_day: float
    their_week: float
    their_month: float
    their_median: float
    rate: float  # of both: incidents for each one promised, in the same years without a shift
    days: str  # to the first alarm: years
    their_days: str
    seed: int
    commit: str


@dataclass(frozen=True)
class Course:
    """One year's highest scores a day, ours and theirs: without a shift, and by shift."""

    still: Any  # (2, days)
    shifted: dict[str, Any]  # of the columns that it touches alone


def delays(shifts: Sequence[Shift], years: int, seed: int, commit: str) -> Iterator[list[Delays]]:
    """Yield how soon shifts are found, in two streams, by two rules."""
    for stream in (INDEPENDENT, DAY_EFFECTS):
        for rule in (EACH, PAIRS):
            stable = Stable(stream, YEAR, rule)
            courses = [_course(stable, shifts, number, seed) for number in range(years)]
            yield _delays(stable, courses, seed, commit)


def _course(stable: Stable, shifts: Sequence[Shift], number: int, seed: int) -> Course:
    drawing = Drawing(stable.stream, _DAYS, seeded(stable.name, number, seed + 1))
    columns = [drawing.column(at) for at in range(COLUMNS + 1)]
    threshold = calibrated(columns, stable)
    counts = covered(threshold)

    def scores(every: list[Cells], some: list[int]) -> Any:
        """Return the highest scores a day of some columns, ours and theirs."""
        chosen = tuple(threshold.columns[at] for at in some)
        few = msgspec.structs.replace(threshold, columns=chosen)
        last = [every[at].part(slice(-YEAR, None)) for at in some]
        ours = np.where(counts[some], replayed(few, last), 0.0).max(axis=1)
        theirs = np.max([_distances(every[at]) for at in some], axis=0)
        return np.array([ours, theirs])

    shifted = {}
    for shift in shifts:
        change = shift.change(_DAYS, YEAR + QUARTER)
        touched = change.touched()
        drawn = {at: drawing.column(at, change) for at in touched}
        shifted[shift.name] = scores(
            [drawn.get(at, one) for at, one in enumerate(columns)], touched
        )
    return Course(scores(columns, list(range(COLUMNS + 1))), shifted)


def _distances(cells: Cells) -> Any:
    """Return the last year's distances, less their mean over the reference, in its deviations."""
    shares = cells.counts / np.maximum(cells.counts.sum(axis=1, keepdims=True), 1)
    usual = cells.counts[:YEAR].sum(axis=0) / max(int(cells.counts[:YEAR].sum()), 1)
    middle = (shares + usual) / 2
    apart = np.sqrt(np.maximum(_entropy(middle) - (_entropy(shares) + _entropy(usual)) / 2, 0.0))
    before = apart[:YEAR]
    found: Any = (apart[-YEAR:] - before.mean()) / before.std()
    return found


def _entropy(shares: Any) -> Any:
    return -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=-1)


def _delays(stable: Stable, courses: list[Course], seed: int, commit: str) -> list[Delays]:
    rule = stable.rule
    ours = np.array([each.still[0] for each in courses])
    theirs = np.array([each.still[1] for each in courses])
    alone = float(started(alarms(ours > 1, rule), rule.quiet).mean())
    factor = lowest(theirs, rule, alone)
    found = []
    for name in courses[0].shifted:
        mine = _first([each.shifted[name][0] for each in courses], 1.0, rule)
        other = _first([each.shifted[name][1] for each in courses], factor, rule)
        found.append(
            Delays(
                name,
                stable.stream.name,
                f"{rule.hits} of {rule.of}",
                len(courses),
                *_told(mine),
                *_told(other),
                round(alone * 90 / YEAR, 3),
                _shown(mine),
                _shown(other),
                seed,
                commit,
            )
        )
    return found


def _first(scores: list[Any], limit: float, rule: Rule) -> Any:
    """Return each year's checks until the first alarm, from 0."""
    alarmed = alarms(np.array(scores) > limit, rule)
    return np.where(alarmed.any(axis=1), alarmed.argmax(axis=1), _NEVER)


def _told(when: Any) -> tuple[float, float, float, float]:
    median = float(np.median(when))
    shares = [round(float((when < days).mean()), 3) for days in (1, 7, 30)]
    return shares[0], shares[1], shares[2], median if median < YEAR else math.nan


def _shown(when: Any) -> str:
    return counted("never" if each == _NEVER else each for each in when.tolist())


_HEADER = (
    "| shift | stream | rule | years | first day | in a week | in a month | median, days "
    "| the other: first day | in a week | in a month | median, days | rate of both |",
    "|---|---|---|" + "---:|" * 10,
)


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield from _HEADER
    for row in rows:
        every = list(row.items())
        words = [str(value) for _, value in every[:4]]
        numbers = [_number(name, float(value)) for name, value in every[4:13]]
        yield "| " + " | ".join([*words, *numbers]) + " |"


def _number(name: str, value: float) -> str:
    if math.isnan(value):
        return "never" if name.endswith(("days", "median")) else ""
    if name.endswith(("days", "median")):
        return f"{value:g}"
    return f"{value:.2f}" if name == "rate" else f"{value:.0%}".replace("%", " %")
