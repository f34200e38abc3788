"""Scores that somebody else computed, calibrated as our own are: detectors, classifiers, errors."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.errors import WrongUsage
from trueup.monitoring.calibration import memory as remembering
from trueup.monitoring.calibration.calibrating import LEAST_WINDOWS
from trueup.monitoring.calibration.records import Plan, Support
from trueup.monitoring.calibration.scoring import folds
from trueup.monitoring.calibration.supporting import (
    LEAST_WORTH,
    conservative,
    refused,
    supported,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FOLDS = 10
_STILL = 1e-9


class ScoreThreshold(msgspec.Struct, frozen=True):
    """From where on scores alarm: each is studentised, and the highest of them counts."""

    plan: Plan
    support: Support
    at: float
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    format: int = 1

    def score(self, values: "Floats") -> "Floats":
        """Return the highest studentised score of each window; above ``at`` it is significant."""
        away = (values - np.array(self.centre)) / np.array(self.scale)
        found: Floats = away.max(axis=-1)
        return found


def calibrate_scores(values: "Floats", plan: Plan) -> ScoreThreshold:
    """Return the threshold of scores of a reference's windows, (windows, scores) in order of time.

    The larger the farther. A window's scores must be computed as those of a window to come will
    be: by something that was not fitted to it or to its neighbours. Then the promise holds for
    the plan's share whatever it was that scored.
    """
    count = len(values)
    if values.ndim != 2 or count < LEAST_WINDOWS or not np.isfinite(values).all():
        raise WrongUsage(
            f"scores of shape {values.shape} cannot be calibrated",
            remedy=f"Give finite scores of at least {LEAST_WINDOWS} windows, a column each.",
        )
    memory = remembering.alone(values)
    centre, scale = _spread(values)
    highest = _crosswise(values, memory).max(axis=1)
    if memory > count / LEAST_WORTH:
        support = refused(plan, count, memory, "unsteady")
        at = conservative(float(highest.max()), plan, values.shape[1], count / memory)
    else:
        limit = supported(highest, plan, memory, remembering.following(highest))
        support, at = limit.support, limit.at
        if not support.claimed:
            at = conservative(at, plan, values.shape[1], count / memory)
    return ScoreThreshold(plan, support, at, tuple(centre.tolist()), tuple(scale.tolist()))


def _spread(values: "Floats") -> "tuple[Floats, Floats]":
    centre = values.mean(axis=0)
    scale = values.std(axis=0)
    return centre, np.where(scale > _STILL * (1 + np.abs(centre)), scale, 1.0)


def _crosswise(values: "Floats", memory: float) -> "Floats":
    """Return scores studentised by windows that lie apart."""
    count = len(values)
    many = int(min(max(count / (2 * memory), 2), _FOLDS))
    cut = folds(count, many, min(int(np.ceil(memory)), count // 4))
    parts = []
    for fold in cut.bounds:
        kept = np.ones(count, dtype=np.bool_)
        kept[cut.without(fold)] = False
        centre, scale = _spread(values[kept])
        parts.append((values[slice(*fold)] - centre) / scale)
    return np.concatenate(parts)
