"""What days have in common whatever is measured, and whether they are too close to judge by."""

import math

from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.following import LEAST_TOGETHER, neighbours, worth_of
from trueup.gate.metrics import Labels

LEAST_OWN = 8  # days on their own, as few as there may be groups
MOST_OWN = 20  # more than so many are never asked for
_SHARE = 0.25  # of the days, that they must be worth on their own to judge a value by


def by_blocks(labels: Labels, against: Labels | None, codes: Whole) -> Floats:
    """Return by block what predictions of rows that are alike in truth have in common.

    A metric may hide it: a ROC area hardly moves with a whole day, and yet rests on how few
    different days there were. Of two models it is what they do not share.
    """
    off = _apart(labels) if against is None else _apart(labels) - _apart(against)
    there = np.bincount(codes) > 0
    sums = np.bincount(codes, off)[there]
    common: Floats = sums - sums.mean()
    return common


def too_close(noise: Floats, paired: bool) -> bool:
    """Say whether days visibly go together and are worth too few on their own.

    The closer they are the less is known of how close. So a value, which carries all of it, asks
    for a quarter of the days too, which neighbours with a correlation of 0.6 are worth.
    """
    days = len(noise)
    if days < LEAST_TOGETHER or neighbours(noise) <= 1 / math.sqrt(days):
        return False
    least = LEAST_OWN if paired else min(MOST_OWN, max(LEAST_OWN, _SHARE * days))
    return worth_of(noise) < least


def _apart(labels: Labels) -> Floats:
    """Return each row's prediction less what rows of the same truth have on average."""
    truth, predicted = labels.truth, labels.predicted
    if truth.dtype.kind == "f":
        off: Floats = predicted - truth
        return off
    if truth.ndim > 1:
        signed = np.where(truth, predicted, -predicted).mean(axis=1)
        centred: Floats = signed - signed.mean()
        return centred
    classes = truth.astype(np.int64)
    if classes.size and truth.dtype.kind != "b":  # of several classes the one that is true
        alone = predicted.ndim == 1
        predicted = (
            (predicted == classes).astype(np.float64)
            if alone
            else predicted[np.arange(len(classes)), classes]
        )
    rows = np.maximum(np.bincount(classes), 1)
    within: Floats = predicted - (np.bincount(classes, predicted) / rows)[classes]
    return within
