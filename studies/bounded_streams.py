"""Streams of bounded shares, one a column and day, watched by e-detectors on one promise."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies import stable_streams as streams
from studies.drift_settings import EACH, YEAR
from studies.stable_streams import COLUMNS, NUMBERS, ROWS, Stream
from trueup.monitoring.calibration.records import Rule
from trueup.monitoring.detectors.e_detector import (
    BETS,
    EDetector,
    PromiseUnsupported,
    e_detector,
)
from trueup.monitoring.detectors.evidence import TOLERANCE

PROMISED = 90.0  # days to a false alarm, at least
WATCHED = 900  # days after each reference
_normal = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)))


@dataclass(frozen=True)
class Bounded:
    """A stable stream as the e-detector sees it, and the length of its reference."""

    stream: Stream
    reference: int = YEAR
    columns: int = COLUMNS
    rule: Rule = EACH
    years: int = 200

    @property
    def name(self) -> str:
        """Name it as tables do."""
        alone = "" if self.columns > 1 else ", one column"
        return f"e-detector: {self.stream.name}{alone}"


BOUNDED = tuple(
    Bounded(stream, columns=many)
    for stream in (
        streams.INDEPENDENT,
        streams.DAY_EFFECTS,
        streams.HALF,
        streams.LOUD,
        streams.CLOSE,
        streams.CLOSEST,
        streams.WEEKLY,
        streams.YEARLY,
        streams.CORRELATED,
        streams.HEAVY,
        streams.RARE,
    )
    for many in (COLUMNS, 1)
)


def shares(setting: Bounded, rng: np.random.Generator) -> Any:
    """Return shares, (days, columns): of rows above the median, or of the most frequent word."""
    stream = setting.stream
    effects = stream.effects(setting.reference + WATCHED, rng)[:, : setting.columns]
    ranks = np.arange(1, stream.categories + 1) ** -stream.steepness
    odds = ranks[0] / ranks[1:].sum() * np.exp(effects)
    words = np.arange(setting.columns) >= (0 if stream.all_categories else NUMBERS)
    found = np.where(words, odds / (1 + odds), _normal(effects))
    return rng.binomial(ROWS, found) / ROWS


def watched(setting: Bounded, rng: np.random.Generator) -> tuple[int, int]:
    """Return how many columns can be promised anything, and the alarms in the days that follow.

    As the detector behind the port has it: the mean of the columns' evidence counts, columns of
    which nothing can be promised are left out, and after an alarm it begins anew.
    """
    days = shares(setting, rng)
    detectors, kept = [], []
    for at in range(setting.columns):
        try:
            detectors.append(e_detector(days[: setting.reference, at], PROMISED, TOLERANCE))
            kept.append(at)
        except PromiseUnsupported:
            continue
    if not kept:
        return 0, 0
    return len(kept), fired(detectors, days[setting.reference :, kept])


def fired(detectors: list[EDetector], values: Any) -> int:
    """Return how often detectors fire together on bounded values, (blocks, columns), all at once.

    Bounds are 0 and 1. What `EDetector.update` does one block after the other.
    """
    means = np.array([one.mean for one in detectors])
    slack = np.array([one.tolerance for one in detectors])
    up = values / np.minimum(means + slack, 1.0)
    down = (1 - values) / np.minimum(1 - means + slack, 1.0)
    gains = np.stack([up, down], axis=2)[..., None] - 1
    factors = 1 + gains * np.array(BETS)  # (blocks, columns, 2, bets)
    sums, alarms = np.zeros(factors.shape[1:]), 0
    for each in factors:
        sums = (1 + sums) * each
        if sums.mean() >= detectors[0].mean_blocks:
            sums, alarms = np.zeros_like(sums), alarms + 1
    return alarms
