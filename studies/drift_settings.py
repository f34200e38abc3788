"""The settings of the studies of drift: stable streams, and standard shifts of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies import stable_streams as streams
from studies.stable_streams import COLUMNS, Change, Stream
from trueup.monitoring.calibration.records import Rule

YEAR, QUARTER = 365, 90
EACH, PAIRS = Rule(), Rule(hits=2, of=3)


@dataclass(frozen=True)
class Stable:
    """A stream, the length of its reference, and the rule by which it is watched."""

    stream: Stream
    reference: int = YEAR
    rule: Rule = EACH
    weekdays: bool = False  # whether days are compared with the same weekday
    years: int = 200

    @property
    def name(self) -> str:
        season = ", by weekday" if self.weekdays else ""
        return f"{self.stream.name}{season}"


STABLE = (
    Stable(streams.INDEPENDENT),
    Stable(streams.DAY_EFFECTS),
    Stable(streams.HALF),
    Stable(streams.CLOSE),
    Stable(streams.CLOSEST),
    Stable(streams.FAINT),
    Stable(streams.ONE_SLOW),
    Stable(streams.WEEKLY),
    Stable(streams.WEEKLY, weekdays=True),
    Stable(streams.YEARLY),
    Stable(streams.CORRELATED),
    Stable(streams.CORRELATED_HALF),
    Stable(streams.HEAVY),
    Stable(streams.RARE),
    Stable(streams.INDEPENDENT, QUARTER),
    Stable(streams.DAY_EFFECTS, rule=PAIRS),
    Stable(streams.CLOSE, rule=PAIRS),
    Stable(streams.INDEPENDENT, QUARTER, PAIRS),
    Stable(streams.DAY_EFFECTS, QUARTER, PAIRS),
    Stable(streams.HALF, QUARTER, PAIRS),
    Stable(streams.CLOSE, QUARTER, PAIRS),
    Stable(streams.WEEKLY, QUARTER, PAIRS, weekdays=True),
    Stable(streams.CORRELATED, QUARTER, PAIRS),
    Stable(streams.HEAVY, QUARTER, PAIRS),
    Stable(streams.RARE, QUARTER, PAIRS),
)

Sizes = Callable[[Any, float], Any]  # days since it began, and a size: what is added


@dataclass(frozen=True)
class Shift:
    """A standard shift: how it goes in time, how large, and in how many columns."""

    name: str
    size: float
    course: Callable[[Any], Any]  # days since it began to a share of its size
    first: int = 0  # columns from here
    columns: int = COLUMNS
    spread: bool = False
    joint: bool = False  # it moves how columns go together, and no column by itself

    def change(self, days: int, begins: int) -> Change:
        """Return what it does to a stream from a day on."""
        if self.joint:
            return Change(untied_from=begins)
        if self.spread:
            return Change(spread=self.size, spread_from=begins, columns=self.columns)
        since = np.arange(days) - begins
        course = np.where(since >= 0, self.course(np.maximum(since, 0)), 0.0) * self.size
        added = np.zeros((days, COLUMNS))
        added[:, self.first : self.first + self.columns] = course[:, None]
        return Change(added)


def _at_once(since: Any) -> Any:
    return np.ones(len(since))


def _over_two_months(since: Any) -> Any:
    return np.minimum(since / 60, 1.0)


def _three_days_in_fourteen(since: Any) -> Any:
    return (since % 14 < 3).astype(float)


SHIFTS = (
    Shift("mean by 0.1 deviations, 10 columns", 0.1, _at_once, columns=10),
    Shift("mean by 0.1 deviations, one column of 40", 0.1, _at_once, columns=1),
    Shift("mean by 0.25 deviations, one column of 40", 0.25, _at_once, columns=1),
    Shift("mean by 0.5 deviations, one column of 40", 0.5, _at_once, columns=1),
    Shift("spread by a tenth, one column of 40", 1.1, _at_once, columns=1, spread=True),
    Shift("spread by a half, one column of 40", 1.5, _at_once, columns=1, spread=True),
    Shift("category mix, odds by 1.2, one column", math.log(1.2), _at_once, 30, 1),
    Shift("category mix, odds by 1.5, one column", math.log(1.5), _at_once, 30, 1),
    Shift("gradual over 60 days to 0.5, one column", 0.5, _over_two_months, columns=1),
    Shift("correlation only, 0.5 to 0 of 10 columns", 0.5, _at_once, joint=True),
    Shift("recurring, 3 days of 14 by 0.5, one column", 0.5, _three_days_in_fourteen, columns=1),
)
