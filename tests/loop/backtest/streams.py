"""A year of rows that policies have answered, whose quality is known."""

from collections.abc import Mapping

import numpy as np

from trueup.gate.arrays import Floats
from trueup.loop.backtest.records import Scored

BEGIN = np.datetime64("2013-03-01T00:00:00", "us")


def rows_of(days: int, a_day: int) -> tuple[Floats, Floats]:
    """Return each row's day, and its second of the year."""
    day = np.repeat(np.arange(days), a_day).astype(np.float64)
    return day, day * 86_400 + np.tile(np.linspace(0, 86_000, a_day), days)


def answered(
    seed: int, lifts: Mapping[str, Floats], *, days: int, a_day: int = 60, together: float = 0.0
) -> Scored:
    """Return two classes' rows; each policy's answers follow the truth as much as its lift says.

    A lift is one number a row. ``together`` is how much of a day's rows a policy gets wrong in
    common, which makes days stand or fall together.
    """
    rng = np.random.default_rng(seed)
    day, second = rows_of(days, a_day)
    truth = rng.random(len(day)) < 0.35
    score = {}
    for policy, lift in lifts.items():
        common = rng.normal(size=days)[day.astype(np.int64)] * together
        at = (truth - 0.35) * (lift + common) + rng.normal(size=len(day))
        score[policy] = 1 / (1 + np.exp(-at))
    time = BEGIN + (second * 1e6).astype("timedelta64[us]")
    return Scored(time, truth.astype(np.int64), score)
