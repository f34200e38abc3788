"""Pairs of classifiers known by eight counts: truth, and how either model decides.

Only metrics of decisions have a meaning here, and 100,000 rows cost no more than eight numbers
drawn at once.
"""

import numpy as np

from studies.settings import Family, Setting
from trueup.gate.rows import Rows
from trueup.gate.verdict import Question

_FOUND = 0.8  # of the positives, by the champion
_ALARMS = 0.1  # of the negatives, by the champion
LIMITS: dict[str, Question] = {
    "accuracy": "at_least",
    "recall": "at_least",
    "specificity": "at_least",
    "precision": "at_least",
    "f1": "at_least",
    "balanced_accuracy": "at_least",
    "matthews_corrcoef": "at_least",
}


def _rates(quality: float) -> tuple[float, float]:
    return _FOUND + quality, _ALARMS - quality / 2


def _of_decisions(setting: Setting, quality: float) -> dict[str, float]:
    found, alarms = _rates(quality)
    p = setting.prevalence
    tp, fp, fn, tn = p * found, (1 - p) * alarms, p * (1 - found), (1 - p) * (1 - alarms)
    spread = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "accuracy": tp + tn,
        "recall": found,
        "specificity": 1 - alarms,
        "precision": tp / (tp + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "balanced_accuracy": (found + 1 - alarms) / 2,
        "matthews_corrcoef": (tp * tn - fp * fn) / spread**0.5,
    }


def _both(mine: float, theirs: float, alike: float) -> list[float]:
    """Return how likely both models, the candidate alone, the champion alone, and neither say yes.

    ``alike`` lies between independent decisions (0) and those that agree wherever they can (1).
    """
    most = min(mine, theirs)
    together = mine * theirs + alike * (most - mine * theirs)
    return [together, mine - together, theirs - together, 1 - mine - theirs + together]


def _draw_decisions(setting: Setting, quality: float, rng: np.random.Generator) -> Rows:
    found, alarms = _rates(quality)
    events = setting.events or int(rng.binomial(setting.rows, setting.share))
    counts = np.concatenate(
        [
            rng.multinomial(events, _both(found, _FOUND, setting.alike)),
            rng.multinomial(setting.rows - events, _both(alarms, _ALARMS, setting.alike)),
        ]
    )
    yes = np.array([[0.75, 0.75], [0.75, 0.25], [0.25, 0.75], [0.25, 0.25]] * 2)
    cell = np.repeat(np.arange(8), counts)
    # The gate deals rows into blocks at random itself, so that their order does not matter.
    return Rows(
        task="binary",
        truth=cell < 4,
        candidate=yes[:, 0].repeat(counts),
        champion=yes[:, 1].repeat(counts),
        classes=(False, True),
    )


DECISIONS = Family(LIMITS, _of_decisions, _draw_decisions, (0.0, -0.03, 0.05))
