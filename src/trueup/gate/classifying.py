"""Metrics of classes: decisions at a threshold, probabilities, ranks and calibration."""

import re
from collections.abc import Callable, Sequence

from trueup.gate.arrays import Floats, Truths, Whole, np
from trueup.gate.averaging import AVERAGED, averaged
from trueup.gate.metrics import (
    Labels,
    Metric,
    Shares,
    Tally,
    additive,
    mean_of,
    ratio,
    zero_ratio,
)

_AVERAGES = tuple(
    f"{stem}_{average}"
    for stem in ("precision", "recall", "f1")
    for average in ("macro", "micro", "weighted")
)
_EVERY = ("accuracy", "balanced_accuracy", "log_loss", "brier_score_loss")
NAMES: dict[str, tuple[str, ...]] = {
    "binary": (
        *_EVERY,
        *("precision", "recall", "specificity", "f1", "matthews_corrcoef", "roc_auc"),
        *("average_precision", "expected_calibration_error", "precision_top_5%"),
    ),
    "multiclass": (*_EVERY, *_AVERAGES, "roc_auc_ovr", "expected_calibration_error"),
    "multilabel": ("accuracy", "hamming_loss", *_AVERAGES),
}
BINS = 15  # of equal width, for the calibration error
_FINE = 512  # of equal count, for metrics of the ranking; about 1/512 of the rows share a bin


def make(name: str, number: float | None, task: str) -> Metric | None:
    """Return a metric of a task with classes; ``number`` is the threshold (0.5 if not given)."""
    if task != "binary" and name.startswith(AVERAGED):
        return averaged(name, task)
    if task == "binary":
        return _binary(name, 0.5 if number is None else number)
    if task == "multilabel":
        exact = name == "accuracy"
        row = _all_labels_right if exact else _labels_wrong
        return Metric(
            name, exact, additive(row), mean_of, shares=_whole_row if exact else None, fixed=True
        )
    return {
        "accuracy": Metric(name, True, additive(_right), mean_of, shares=_hits, fixed=True),
        "balanced_accuracy": Metric(name, True, _class_hits, _mean_recall, needs_both=True),
        "log_loss": Metric(name, False, additive(_log_losses), mean_of, bounded=False),
        "brier_score_loss": Metric(name, False, additive(_briers), mean_of, bounded=False),
        "roc_auc_ovr": Metric(name, True, _nothing, mean_of, area=True, needs_both=True),
        "expected_calibration_error": Metric(name, False, _top_bins, _calibration_gap),
    }.get(name)


def _binary(name: str, threshold: float) -> Metric | None:
    if top := re.fullmatch(r"precision_top_([0-9.]+)%?", name):
        share = _top_share(float(top[1]) / 100)
        return Metric(name, True, _fine_bins, share, exact=_every_score, needs_both=True)
    if name in _AT_THRESHOLD:
        value, shares, fixed = _AT_THRESHOLD[name]
        return Metric(
            name,
            True,
            lambda rows: _confusion(rows, threshold),
            value,
            shares=None if shares is None else (lambda rows: shares(rows, threshold)),
            fixed=fixed,
            needs_both=name in ("recall", "balanced_accuracy", "specificity"),
        )
    return {
        "log_loss": Metric(name, False, additive(_log_loss), mean_of, bounded=False),
        "brier_score_loss": Metric(name, False, additive(_brier), mean_of),
        "roc_auc": Metric(name, True, _nothing, mean_of, area=True, needs_both=True),
        "average_precision": Metric(
            name, True, _fine_bins, _precision_area, exact=_every_score, needs_both=True
        ),
        "expected_calibration_error": Metric(name, False, _score_bins, _calibration_gap),
    }.get(name)


def _confusion(rows: Labels, threshold: float) -> Sequence[Tally]:
    """Tally true negatives, false positives, false negatives, true positives."""
    return (Tally(place=2 * rows.truth.astype(np.int64) + (rows.predicted >= threshold), width=4),)


def _cells(sums: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    return sums[..., 0], sums[..., 1], sums[..., 2], sums[..., 3]


def _accuracy(sums: Floats) -> Floats:
    return ratio(sums[..., 0] + sums[..., 3], sums.sum(axis=-1))


def _precision(sums: Floats) -> Floats:
    return zero_ratio(sums[..., 3], sums[..., 1] + sums[..., 3])


def _recall(sums: Floats) -> Floats:
    return ratio(sums[..., 3], sums[..., 2] + sums[..., 3])


def _specificity(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 0] + sums[..., 1])


def _f1(sums: Floats) -> Floats:
    _, fp, fn, tp = _cells(sums)
    return zero_ratio(2 * tp, 2 * tp + fp + fn)


def _balanced(sums: Floats) -> Floats:
    return (_recall(sums) + _specificity(sums)) / 2


def _matthews(sums: Floats) -> Floats:
    tn, fp, fn, tp = _cells(sums)
    spread = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return zero_ratio(tp * tn - fp * fn, np.sqrt(spread))


def _all_shares(rows: Labels, threshold: float) -> Shares:
    right: Truths = (rows.predicted >= threshold) == rows.truth
    return Shares(np.ones(len(right), dtype=np.bool_), right)


def _positive_shares(rows: Labels, threshold: float) -> Shares:
    return Shares(rows.truth, rows.predicted >= threshold)


def _negative_shares(rows: Labels, threshold: float) -> Shares:
    return Shares(~rows.truth, rows.predicted < threshold)


def _claimed_shares(rows: Labels, threshold: float) -> Shares:
    return Shares(rows.predicted >= threshold, rows.truth)


_AT_THRESHOLD: dict[
    str, tuple[Callable[[Floats], Floats], Callable[[Labels, float], Shares] | None, bool]
] = {
    "accuracy": (_accuracy, _all_shares, True),
    "recall": (_recall, _positive_shares, True),
    "specificity": (_specificity, _negative_shares, True),
    "precision": (_precision, _claimed_shares, False),
    "f1": (_f1, None, False),
    "balanced_accuracy": (_balanced, None, False),
    "matthews_corrcoef": (_matthews, None, False),
}


def _clipped(probability: Floats) -> Floats:
    least = float(np.finfo(np.float64).eps)
    clipped: Floats = np.clip(probability, least, 1 - least)
    return clipped


def _log_loss(rows: Labels) -> Floats:
    given = _clipped(rows.predicted)
    lost: Floats = -np.log(np.where(rows.truth, given, 1 - given))
    return lost


def _brier(rows: Labels) -> Floats:
    lost: Floats = (rows.predicted - rows.truth) ** 2
    return lost


def _nothing(rows: Labels) -> Sequence[Tally]:
    return ()


def _top_bins(rows: Labels) -> Sequence[Tally]:
    return _calibration(rows.predicted.max(axis=1), _right(rows))


def _score_bins(rows: Labels) -> Sequence[Tally]:
    return _calibration(rows.predicted, rows.truth.astype(np.float64))


def _calibration(claimed: Floats, came: Floats) -> Sequence[Tally]:
    """Tally, for each bin of claimed probability, what came less what was claimed, and rows."""
    places = np.clip((claimed * BINS).astype(np.int64), 0, BINS - 1)
    return Tally(came - claimed, places, BINS), Tally(None, places, BINS)


def _calibration_gap(sums: Floats) -> Floats:
    return ratio(np.abs(sums[..., :BINS]).sum(axis=-1), sums[..., BINS:].sum(axis=-1))


def _fine_bins(rows: Labels) -> Sequence[Tally]:
    """Tally positives and rows in fine bins of the ranking, the highest scores first.

    The cuts are quantiles of all scores and of the positives', which may all lie at one end.
    """
    if len(np.unique(rows.predicted)) <= _FINE:
        return _every_score(rows)
    shares = np.linspace(0, 1, _FINE // 2 + 1)[1:-1]
    mine = rows.predicted[rows.truth]
    cuts = [np.quantile(rows.predicted, shares), np.quantile(mine, shares) if len(mine) else []]
    return _cut(rows, np.unique(np.concatenate(cuts)))


def _every_score(rows: Labels) -> Sequence[Tally]:
    """Tally positives and rows at each score that there is: the exact ranking."""
    distinct, places = np.unique(rows.predicted, return_inverse=True)
    return _placed(rows, len(distinct) - 1 - places, len(distinct))


def _cut(rows: Labels, cuts: Floats) -> Sequence[Tally]:
    places = len(cuts) - np.searchsorted(cuts, rows.predicted, side="right")
    return _placed(rows, places, len(cuts) + 1)


def _placed(rows: Labels, places: Whole, width: int) -> Sequence[Tally]:
    return Tally(rows.truth.astype(np.float64), places, width), Tally(None, places, width)


def _precision_area(sums: Floats) -> Floats:
    hits, seen = _ranked(sums)
    gained = np.diff(hits, axis=-1, prepend=0.0)
    return ratio((zero_ratio(hits, seen) * gained).sum(axis=-1), hits[..., -1])


def _ranked(sums: Floats) -> tuple[Floats, Floats]:
    half = sums.shape[-1] // 2
    return np.cumsum(sums[..., :half], axis=-1), np.cumsum(sums[..., half:], axis=-1)


def _top_share(share: float) -> Callable[[Floats], Floats]:
    """Return the precision among the highest share; the bin it ends in counts in part."""

    def value(sums: Floats) -> Floats:
        _, seen = _ranked(sums)
        half = sums.shape[-1] // 2
        wanted = share * seen[..., -1:]
        rows = sums[..., half:]
        part = np.clip(ratio(wanted - (seen - rows), rows), 0.0, 1.0)
        found = np.where(rows > 0, part * sums[..., :half], 0.0).sum(axis=-1)
        return ratio(found, wanted[..., 0])

    return value


def _decided(rows: Labels) -> Floats:
    decided: Floats = rows.predicted if rows.predicted.ndim == 1 else rows.predicted.argmax(axis=1)
    return decided


def _right(rows: Labels) -> Floats:
    right: Floats = (_decided(rows) == rows.truth).astype(np.float64)
    return right


def _hits(rows: Labels) -> Shares:
    return Shares(np.ones(len(rows.truth), dtype=np.bool_), _decided(rows) == rows.truth)


def _class_hits(rows: Labels) -> Sequence[Tally]:
    return Tally(_right(rows), rows.truth, rows.classes), Tally(None, rows.truth, rows.classes)


def _mean_recall(sums: Floats) -> Floats:
    half = sums.shape[-1] // 2
    each = ratio(sums[..., :half], sums[..., half:])
    there = ~np.isnan(each)
    return ratio(np.where(there, each, 0.0).sum(axis=-1), there.sum(axis=-1).astype(np.float64))


def _log_losses(rows: Labels) -> Floats:
    given = rows.predicted / rows.predicted.sum(axis=1, keepdims=True)
    lost: Floats = -np.log(_clipped(given[np.arange(len(rows.truth)), rows.truth]))
    return lost


def _briers(rows: Labels) -> Floats:
    right = rows.predicted[np.arange(len(rows.truth)), rows.truth]
    lost: Floats = (rows.predicted**2).sum(axis=1) - 2 * right + 1
    return lost


def _all_labels_right(rows: Labels) -> Floats:
    right: Floats = ((rows.predicted >= 0.5) == rows.truth).all(axis=1).astype(np.float64)
    return right


def _whole_row(rows: Labels) -> Shares:
    right: Truths = ((rows.predicted >= 0.5) == rows.truth).all(axis=1)
    return Shares(np.ones(len(right), dtype=np.bool_), right)


def _labels_wrong(rows: Labels) -> Floats:
    wrong: Floats = ((rows.predicted >= 0.5) != rows.truth).mean(axis=1)
    return wrong
