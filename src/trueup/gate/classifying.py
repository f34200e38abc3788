"""Metrics of classes: decisions at a threshold, probabilities, ranks and calibration."""

from collections.abc import Callable, Sequence

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, Truths, Whole, np
from trueup.gate.averaging import averaged, correlation, is_average, of_classes
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

_ROUNDED = 1e-6  # how far beyond 0 and 1 a probability is still one
BINS = 15  # of equal width, for the calibration error
_FINE = 512  # of equal count, for metrics of the ranking; about 1/512 of the rows share a bin


def make(name: str, number: float | None, task: str) -> Metric:
    """Return a metric of a task with classes; ``number`` is the threshold (0.5 if not given)."""
    if is_average(name):
        return averaged(name, task)
    if task == "binary":
        return _binary(name, 0.5 if number is None else number)
    if task == "multilabel":
        return _of_labels(name)
    return {
        "accuracy": Metric(name, True, additive(_right), mean_of, shares=_hits, fixed=True),
        "balanced_accuracy": Metric(name, True, _class_hits, _mean_recall, needs_both=True),
        "matthews_corrcoef": Metric(name, True, of_classes, correlation),
        "log_loss": Metric(name, False, additive(_log_losses), mean_of),
        "brier_score_loss": Metric(name, False, additive(_briers), mean_of),
        "roc_auc_ovr": Metric(name, True, _nothing, mean_of, area=True, needs_both=True),
        "expected_calibration_error": Metric(name, False, _top_bins, _calibration_gap),
    }[name]


def _of_labels(name: str) -> Metric:
    return {
        "accuracy": Metric(
            name, True, additive(_all_labels_right), mean_of, shares=_whole_row, fixed=True
        ),
        "hamming_loss": Metric(name, False, additive(_labels_wrong), mean_of),
        "roc_auc_macro": Metric(name, True, _nothing, mean_of, area=True, needs_both=True),
    }[name]


def _binary(name: str, threshold: float) -> Metric:
    if name.startswith("precision_top_"):
        share = _top_share(float(name.removeprefix("precision_top_").removesuffix("%")) / 100)
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
        "log_loss": Metric(name, False, additive(_log_loss), mean_of),
        "brier_score_loss": Metric(name, False, additive(_brier), mean_of),
        "roc_auc": Metric(name, True, _nothing, mean_of, area=True, needs_both=True),
        "average_precision": Metric(
            name, True, _fine_bins, _precision_area, exact=_every_score, needs_both=True
        ),
        "expected_calibration_error": Metric(name, False, _score_bins, _calibration_gap),
    }[name]


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


def _probabilities(rows: Labels) -> Floats:
    """Return the predictions of a metric that takes probabilities; WrongUsage for other scores."""
    given: Floats = rows.predicted
    if len(given) and not (given.min() >= -_ROUNDED and given.max() <= 1 + _ROUNDED):
        raise WrongUsage(
            f"the predictions go from {given.min():.4g} to {given.max():.4g} and are no "
            "probabilities, which log loss, Brier's score and the calibration error take",
            remedy="Predict probabilities, or ask for a metric of the ranking, such as roc_auc.",
        )
    return given


def _of_each_class(rows: Labels) -> Floats:
    if rows.predicted.ndim == 1:
        raise WrongUsage(
            "the predictions are labels, and this metric takes a probability of each class",
            remedy="Predict columns probability_CLASS, or ask for accuracy or f1_macro.",
        )
    return _probabilities(rows)


def _clipped(probability: Floats) -> Floats:
    least = float(np.finfo(np.float64).eps)
    clipped: Floats = np.clip(probability, least, 1 - least)
    return clipped


def _log_loss(rows: Labels) -> Floats:
    given = _clipped(_probabilities(rows))
    lost: Floats = -np.log(np.where(rows.truth, given, 1 - given))
    return lost


def _brier(rows: Labels) -> Floats:
    lost: Floats = (_probabilities(rows) - rows.truth) ** 2
    return lost


def _nothing(rows: Labels) -> Sequence[Tally]:
    return ()


def _top_bins(rows: Labels) -> Sequence[Tally]:
    return _calibration(_of_each_class(rows).max(axis=1), _right(rows))


def _score_bins(rows: Labels) -> Sequence[Tally]:
    return _calibration(_probabilities(rows), rows.truth.astype(np.float64))


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
    given = _of_each_class(rows)
    given = given / given.sum(axis=1, keepdims=True)
    lost: Floats = -np.log(_clipped(given[np.arange(len(rows.truth)), rows.truth]))
    return lost


def _briers(rows: Labels) -> Floats:
    given = _of_each_class(rows)
    right = given[np.arange(len(rows.truth)), rows.truth]
    lost: Floats = (given**2).sum(axis=1) - 2 * right + 1
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
