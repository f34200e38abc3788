"""Pairs of models whose true metrics are known, so that a wrong pass can be counted.

Scores are normal within each class, shifted for the positives, and rounded down to a grid: every
metric of the population is then a finite sum. A share of each score's noise is common to all rows
of a block, which leaves the population as it is and makes rows depend on each other.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from trueup.gate.rows import Rows

CHAMPION_SHIFT = 1.5
METRICS = ("roc_auc", "accuracy", "recall", "precision", "f1", "log_loss", "brier_score_loss")
HIGHER = {name: name not in ("log_loss", "brier_score_loss", "mse", "mae") for name in METRICS}


@dataclass(frozen=True)
class Setting:
    """One kind of test set."""

    name: str
    rows: int
    share: float = 0.3  # of positives
    blocks: int = 0  # 0: rows are independent
    common: float = 0.3  # the block's share of the noise's variance
    follow: float = 0.0  # correlation of neighbouring blocks' effects
    unequal: bool = False
    grid: float = 1e-3
    alike: float = 0.8  # correlation of the two models' noise
    events: int = 0  # so many positives exactly, in place of the share

    @property
    def prevalence(self) -> float:
        return self.events / self.rows if self.events else self.share


def population(setting: Setting, shift: float) -> dict[str, float]:
    """Return the true metrics of a model whose positives are shifted by so much."""
    from math import erf

    edges = np.arange(-8.0, 8.0 + CHAMPION_SHIFT + 3, setting.grid)
    cdf = np.array([0.5 * (1 + erf(x / math.sqrt(2))) for x in edges])
    shifted = np.array([0.5 * (1 + erf((x - shift) / math.sqrt(2))) for x in edges])
    negatives, positives = np.diff(cdf), np.diff(shifted)
    share, scores = setting.prevalence, edges[:-1]
    below = np.cumsum(negatives) - negatives
    claimed = probability(setting, scores)
    chosen = claimed >= threshold(setting)
    found, alarms = positives[chosen].sum(), negatives[chosen].sum()
    precision = share * found / (share * found + (1 - share) * alarms)
    return {
        "roc_auc": float((positives * (below + 0.5 * negatives)).sum()),
        "accuracy": share * found + (1 - share) * (1 - alarms),
        "recall": found,
        "precision": precision,
        "f1": 2 * precision * found / (precision + found),
        "log_loss": -float(
            share * (positives * np.log(claimed)).sum()
            + (1 - share) * (negatives * np.log1p(-claimed)).sum()
        ),
        "brier_score_loss": float(
            share * (positives * (1 - claimed) ** 2).sum()
            + (1 - share) * (negatives * claimed**2).sum()
        ),
    }


def probability(setting: Setting, score: Any) -> Any:
    """Return what a model that believes in the champion's shift makes of a score."""
    share = setting.prevalence
    logit = CHAMPION_SHIFT * score - CHAMPION_SHIFT**2 / 2 + math.log(share / (1 - share))
    return 1 / (1 + np.exp(-logit))


def threshold(setting: Setting) -> float:
    """Return where decisions are made: a score between the classes' means."""
    return float(probability(setting, np.array(CHAMPION_SHIFT / 2)))


def draw(setting: Setting, shift: float, rng: np.random.Generator) -> Rows:
    """Return one test set with the predictions of a candidate and of the champion."""
    truth = rng.random(setting.rows) < setting.share
    if setting.events:
        truth = rng.permutation(setting.rows) < setting.events
    block = _blocks(setting, rng)
    both = _noise(setting, block, rng)
    scores = [
        probability(setting, np.floor((noise + at * truth) / setting.grid) * setting.grid)
        for noise, at in zip(both, (shift, CHAMPION_SHIFT), strict=True)
    ]
    time = None if block is None else block * 86400.0
    return Rows(task="binary", truth=truth, candidate=scores[0], champion=scores[1], time=time)


def _blocks(setting: Setting, rng: np.random.Generator) -> Any:
    if not setting.blocks:
        return None
    if not setting.unequal:
        return np.arange(setting.rows) * setting.blocks // setting.rows
    weights = np.exp(0.7 * rng.normal(size=setting.blocks))
    return np.sort(rng.choice(setting.blocks, setting.rows, p=weights / weights.sum()))


def _noise(setting: Setting, block: Any, rng: np.random.Generator) -> list[Any]:
    """Return standard normal noise for each model, correlated between models and in blocks."""
    own = _pair(setting, rng.normal(size=(3, setting.rows)))
    if block is None:
        return own
    steps = rng.normal(size=(3, setting.blocks))
    for at in range(1, setting.blocks):
        steps[:, at] *= math.sqrt(1 - setting.follow**2)
        steps[:, at] += setting.follow * steps[:, at - 1]
    shared = _pair(setting, steps)
    return [
        math.sqrt(setting.common) * effect[block] + math.sqrt(1 - setting.common) * noise
        for effect, noise in zip(shared, own, strict=True)
    ]


def _pair(setting: Setting, three: Any) -> list[Any]:
    both, one, two = three
    alike = math.sqrt(setting.alike)
    return [alike * both + math.sqrt(1 - setting.alike) * each for each in (one, two)]
