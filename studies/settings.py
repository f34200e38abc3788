"""A kind of test set: how many rows, what they depend on, how rare the rarer class is.

A share of each row's noise is common to all rows of its block. That leaves the distribution of a
single row as it is, and with it the true metrics, and makes rows depend on each other.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from trueup.gate.rows import Rows
from trueup.gate.verdict import Question

_PROPORTIONS = ("accuracy", "recall", "specificity", "precision")


@dataclass(frozen=True)
class Setting:
    """One kind of test set. ``rows`` are queries where the family is a ranking."""

    name: str
    rows: int
    family: str = "binary"
    pairs: int = 2000
    metrics: tuple[str, ...] = ()  # all of the family's, if none are named
    exact: bool = False  # whether limits of proportions of independent rows are all that is asked
    share: float = 0.3  # of positives
    blocks: int = 0  # 0: rows are independent
    by: Literal["time", "group", "both"] = "time"
    groups: int = 0  # the other way's, where blocks are of both
    common: float = 0.3  # the block's share of the noise's variance
    follow: float = 0.0  # correlation of neighbouring blocks' effects
    unequal: bool = False
    grid: float = 1e-3
    alike: float = 0.8  # correlation of the two models' noise
    events: int = 0  # so many positives exactly, in place of the share

    @property
    def prevalence(self) -> float:
        return self.events / self.rows if self.events else self.share

    def asks(self, metric: str, outright: bool) -> bool:
        """Say whether a question is asked: those with exact bounds have settings of their own."""
        exact = outright and not self.blocks and metric in _PROPORTIONS
        return exact == self.exact and (not self.metrics or metric in self.metrics)


@dataclass(frozen=True)
class Family:
    """Pairs of models of one task, each of them known by one number, its quality.

    ``limits``: metrics and the question that asks for a value. ``truths`` returns the true
    metrics of a quality, ``draw`` a test set with a candidate of that quality. ``levels`` are the
    champion's quality, that of a candidate exactly on the limit, and that of a better one.
    """

    limits: Mapping[str, Question]
    truths: Callable[[Setting, float], dict[str, float]]
    draw: Callable[[Setting, float, np.random.Generator], Rows]
    levels: tuple[float, float, float]
    named: Callable[[Setting, str], str] = lambda setting, metric: metric


@dataclass(frozen=True)
class Noise:
    """Standard normal noise of two models, and the columns that tell what a row depends on."""

    candidate: Any
    champion: Any
    columns: dict[str, Any]


def noise(setting: Setting, rng: np.random.Generator) -> Noise:
    """Return noise that the two models share in part, and the rows of a block in part."""
    own = pair(setting, rng.normal(size=(3, setting.rows)))
    if not setting.blocks:
        return Noise(own[0], own[1], {})
    first = _codes(setting, setting.blocks, rng)
    ways = [(first, _effects(setting, setting.blocks, setting.follow, rng))]
    if setting.by == "both":
        second = rng.integers(0, setting.groups, setting.rows)
        ways.append((second, _effects(setting, setting.groups, 0.0, rng)))
    both = [math.sqrt(1 - setting.common) * each for each in own]
    for codes, effects in ways:
        for each, effect in zip(both, effects, strict=True):
            each += math.sqrt(setting.common / len(ways)) * effect[codes]
    names = {"time": ("time",), "group": ("group",), "both": ("time", "group")}[setting.by]
    columns = {
        name: codes * 86400.0 if name == "time" else codes
        for name, (codes, _) in zip(names, ways, strict=True)
    }
    return Noise(both[0], both[1], columns)


def _codes(setting: Setting, blocks: int, rng: np.random.Generator) -> Any:
    if not setting.unequal:
        return np.arange(setting.rows) * blocks // setting.rows
    weights = np.exp(0.7 * rng.normal(size=blocks))
    return np.sort(rng.choice(blocks, setting.rows, p=weights / weights.sum()))


def _effects(setting: Setting, blocks: int, follow: float, rng: np.random.Generator) -> list[Any]:
    steps = rng.normal(size=(3, blocks))
    for at in range(1, blocks if follow else 0):
        steps[:, at] *= math.sqrt(1 - follow**2)
        steps[:, at] += follow * steps[:, at - 1]
    return pair(setting, steps)


def pair(setting: Setting, three: Any) -> list[Any]:
    """Return two of something standard normal, correlated as the two models' noise is."""
    both, one, two = three
    alike = math.sqrt(setting.alike)
    return [alike * both + math.sqrt(1 - setting.alike) * each for each in (one, two)]
