"""Pairs of classifiers of two classes whose true metrics are known.

Scores are normal within each class, shifted for the positives, and rounded down to a grid: every
metric of the population is then a finite sum. A model's quality is its shift.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from studies.settings import Family, Setting, noise
from trueup.gate.rows import Rows
from trueup.gate.verdict import Question

CHAMPION_SHIFT = 1.5
WORSE = 0.15  # by how much less the positives of a candidate on the limit are shifted
LIMITS: dict[str, Question] = {
    "roc_auc": "at_least",
    "accuracy": "at_least",
    "recall": "at_least",
    "precision": "at_least",
    "f1": "at_least",
    "log_loss": "at_most",
    "brier_score_loss": "at_most",
}
AT_THRESHOLD = ("accuracy", "recall", "precision", "f1")


@cache
def _classes(grid: float, shift: float) -> tuple[Any, Any, Any]:
    """Return the scores that there are, and how likely each is in either class."""
    edges = np.arange(-8.0, 8.0 + CHAMPION_SHIFT + 3, grid)
    cdf = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in edges])
    shifted = np.array([0.5 * (1 + math.erf((x - shift) / math.sqrt(2))) for x in edges])
    return edges[:-1], np.diff(cdf), np.diff(shifted)


def population(setting: Setting, shift: float) -> dict[str, float]:
    """Return the true metrics of a model whose positives are shifted by so much."""
    scores, negatives, positives = _classes(setting.grid, shift)
    share = setting.prevalence
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


def named(setting: Setting, metric: str) -> str:
    """Return a metric as a rule names it."""
    return f"{metric}@{threshold(setting)!r}" if metric in AT_THRESHOLD else metric


def draw(setting: Setting, shift: float, rng: np.random.Generator) -> Rows:
    """Return one test set with the predictions of a candidate and of the champion."""
    truth = rng.random(setting.rows) < setting.share
    if setting.events:
        truth = rng.permutation(setting.rows) < setting.events
    drawn = noise(setting, rng)
    scores = [
        probability(setting, np.floor((each + at * truth) / setting.grid) * setting.grid)
        for each, at in ((drawn.candidate, shift), (drawn.champion, CHAMPION_SHIFT))
    ]
    return Rows(
        task="binary", truth=truth, candidate=scores[0], champion=scores[1], **drawn.columns
    )


FAMILY = Family(
    LIMITS,
    population,
    draw,
    (CHAMPION_SHIFT, CHAMPION_SHIFT - WORSE, CHAMPION_SHIFT + 2 * WORSE),
    named,
)
