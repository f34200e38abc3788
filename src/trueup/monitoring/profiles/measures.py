"""What is measured of values that are neither numbers nor words: lengths, hours, directions."""

import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles.grids import Kind, Measure
from trueup.monitoring.profiles.tallying import Numbers, Words

HOURS = tuple(f"{hour:02}" for hour in range(24))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BOOLEANS = ("false", "true")
PROJECTIONS = 4
_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
_EPOCH_WEEKDAY = 3  # 1970 began on a Thursday

MEASURES: dict[Kind, tuple[Measure, ...]] = {
    "number": ("value",),
    "boolean": ("word",),
    "text": ("word",),  # or its length, where there are too many different texts
    "time": ("value", "hour", "weekday"),
    "vector": ("norm", "projection1", "projection2", "projection3", "projection4"),
    "nothing": ("word",),
}
FIXED: dict[Measure, tuple[str, ...]] = {"hour": HOURS, "weekday": WEEKDAYS}


def of_times(microseconds: NDArray[np.int64], nulls: NDArray[np.bool_] | None) -> "Times":
    """Return what can be measured of times, given as microseconds since 1970."""
    return Times(microseconds, nulls)


class Times:
    """Times as numbers, hours and weekdays (UTC)."""

    def __init__(self, microseconds: NDArray[np.int64], nulls: NDArray[np.bool_] | None) -> None:
        self.microseconds, self.nulls = microseconds, nulls

    def value(self) -> Numbers:
        """Return seconds since 1970."""
        seconds = self.microseconds / 1e6
        if self.nulls is not None:
            seconds[self.nulls] = np.nan
        return Numbers(seconds, self.nulls)

    def hour(self) -> Words:
        """Return the hour of the day."""
        return self._words(self.microseconds // _HOUR_US % 24, HOURS)

    def weekday(self) -> Words:
        """Return the day of the week."""
        return self._words((self.microseconds // _DAY_US + _EPOCH_WEEKDAY) % 7, WEEKDAYS)

    def _words(self, codes: NDArray[np.int64], words: tuple[str, ...]) -> Words:
        if self.nulls is not None:
            codes[self.nulls] = -1
        return Words(codes, words)


class Vectors:
    """Vectors of one length, by their norm and by where they point."""

    def __init__(self, matrix: NDArray[np.float64], nulls: NDArray[np.bool_] | None) -> None:
        self.matrix, self.nulls = matrix, nulls

    def measured(self, measure: Measure) -> Numbers:
        """Return the norm, or the projection on one of the fixed directions."""
        if measure == "norm":
            found = np.sqrt(np.square(self.matrix).sum(axis=1))
        else:
            signs = _signs(int(measure[-1]), self.matrix.shape[1])
            found = (self.matrix * signs).sum(axis=1) / max(1.0, self.matrix.shape[1]) ** 0.5
        if self.nulls is not None:
            found[self.nulls] = np.nan
        return Numbers(found, self.nulls)


def _signs(number: int, size: int) -> NDArray[np.float64]:
    """Return a direction of ones and minus ones (Achlioptas 2003), the same on every machine."""
    counter = np.arange(1, size + 1, dtype=np.uint64) + np.uint64(number) * np.uint64(1 << 32)
    with np.errstate(over="ignore"):  # splitmix64
        mixed = counter * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.where((mixed >> np.uint64(63)) == 0, 1.0, -1.0)
