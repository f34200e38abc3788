"""Streams of a metric whose labels are known, in which nothing moves, and their settings.

A day's metric and its standard error come from that day's rows alone, so that both err together,
as they do in life; a day's effect moves the odds or the scale of errors.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from studies.drift_settings import EACH, PAIRS, YEAR
from studies.stable_streams import following
from trueup.monitoring.calibration.records import Rule
from trueup.monitoring.performance.dropping import WindowValue

SHARE = 0.1  # of the promise, as `trueup monitor` gives it to each kind of drop
LONG = 2190  # six years: what one of one window asks for at a tenth of the promise
WATCHED = 10 * YEAR  # days after each reference, in which one incident is promised in 900


@dataclass(frozen=True)
class Labelled:
    """A metric's stream, the length of its reference, and the rule by which it is watched."""

    stream: str
    reference: int
    rule: Rule
    metric: Literal["accuracy", "mae"] = "accuracy"
    rows: int = 500
    level: float = 0.85  # of accuracy
    effect: float = 0.0  # standard deviation of a day's effect on log odds, or on a log scale
    correlation: float = 0.0
    uneven: bool = False  # whether weekends have a fifth of the rows
    share: float = SHARE
    years: int = 200

    @property
    def higher(self) -> bool:
        """Say whether more is better."""
        return self.metric == "accuracy"

    @property
    def name(self) -> str:
        """Name it as tables do."""
        return f"drop of {self.metric}: {self.stream}"


def values(setting: Labelled, days: int, rng: np.random.Generator) -> list[WindowValue]:
    """Return each day's metric with its standard error."""
    effects = setting.effect * following(setting.correlation, days, 1, rng)[:, 0]
    weekend = np.arange(days) % 7 >= 5
    rows = np.where(weekend & setting.uneven, setting.rows // 5, setting.rows)
    if setting.metric == "accuracy":
        return _accuracies(setting.level, effects, rows, rng)
    return _errors(effects, rows, rng)


def _accuracies(
    level: float, effects: Any, rows: Any, rng: np.random.Generator
) -> list[WindowValue]:
    odds = math.log(level / (1 - level)) + effects
    found = rng.binomial(rows, 1 / (1 + np.exp(-odds))) / rows
    spread = np.sqrt(found * (1 - found) / (rows - 1))
    return _paired(found, spread)


def _errors(effects: Any, rows: Any, rng: np.random.Generator) -> list[WindowValue]:
    """Return means of skewed (lognormal) errors, and what the rows themselves say of theirs."""
    found, spread = [], []
    for effect, many in zip(effects, rows, strict=True):
        off = np.exp(effect) * rng.lognormal(size=many)
        found.append(off.mean())
        spread.append(off.std(ddof=1) / math.sqrt(many))
    return _paired(np.array(found), np.array(spread))


def _paired(found: Any, spread: Any) -> list[WindowValue]:
    pairs = zip(found.tolist(), spread.tolist(), strict=True)
    return [WindowValue(value, se) for value, se in pairs]


LABELLED = (
    Labelled("independent", LONG, EACH),
    Labelled("day effects", LONG, EACH, effect=0.2),
    Labelled("independent", YEAR, PAIRS),
    Labelled("day effects", YEAR, PAIRS, effect=0.2),
    Labelled("autocorrelated 0.5", YEAR, PAIRS, effect=0.2, correlation=0.5),
    Labelled("autocorrelated 0.9", YEAR, PAIRS, effect=0.2, correlation=0.9),
    Labelled("autocorrelated 0.99", YEAR, PAIRS, effect=0.2, correlation=0.99),
    Labelled("few rows, nearly all right", YEAR, PAIRS, rows=50, level=0.98),
    Labelled("uneven days", YEAR, PAIRS, effect=0.2, uneven=True),
    Labelled("heavy tails", YEAR, PAIRS, metric="mae"),
    Labelled("day effects", 120, PAIRS, effect=0.2),
    Labelled("independent", YEAR, EACH),
)
