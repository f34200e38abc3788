"""A window's performance as one record: realised, estimated, how complete, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from trueup.errors import WrongUsage
from trueup.gate.arrays import Truths, np
from trueup.gate.names import named
from trueup.monitoring.maturity import NEVER, MaturityCurve, maturity_curve, window_maturity
from trueup.monitoring.performance.answers import Answers, cohorts, whole
from trueup.monitoring.performance.dropping import Kind, WindowValue, series
from trueup.monitoring.performance.estimating import Classes, classes_of, estimated
from trueup.monitoring.performance.labelling import (
    coverage,
    explored,
    is_selective,
    weighing,
)
from trueup.monitoring.performance.losses import Losses, estimated_losses, losses_of
from trueup.monitoring.performance.past import PastEstimate
from trueup.monitoring.performance.realised import realised
from trueup.monitoring.performance.records import Estimated, Performance, Realised, Rests

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ALL = 0.99  # of a mature window's rows: so many labels are those of all rows


class Asked(msgspec.Struct, frozen=True):
    """What is to be told of each window: metrics by the gate's names, when labels are complete."""

    metrics: tuple[str, ...]
    window_s: float = 86_400.0
    mature_after_s: float | None = None  # None: told by the maturity curve
    confidence: float = 0.95  # of intervals and bands, two-sided


@dataclass(frozen=True)
class Judged:
    """A reference made ready: rows that the model was not trained on, all of them labelled."""

    asked: Asked
    task: str
    classes: Classes | None = None
    losses: Losses | None = None
    values: tuple[Realised, ...] = ()  # the metrics on all of the reference
    windows: tuple["Performance", ...] = ()  # those of its own windows
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Before:
    """What is known besides a window: how soon labels come, and past estimates by metric."""

    curve: MaturityCurve | None = None
    past: Mapping[str, Sequence[PastEstimate]] = field(default_factory=dict)


def judged(reference: Answers, asked: Asked) -> Judged:
    """Return a reference made ready. Rows without a label are left out.

    Estimates are made where the task has them: classes with scores, and numbers.
    """
    for name in asked.metrics:
        named(name, reference.task)  # refuses what is no metric of the task
    known = reference if reference.truth is None else reference.only(_has_label(reference))
    known = whole(known)
    if known.truth is None or not len(known):
        raise WrongUsage(
            "the reference has no labelled rows",
            remedy="Give rows with labels that the model was not trained on.",
        )
    known = known.only(np.argsort(known.at, kind="stable"))
    width = _microseconds(asked.window_s)
    parts = list(cohorts(known, width))
    rows = max(1, len(known) // len(parts))
    values = tuple(realised(name, known, "all rows", asked.confidence) for name in asked.metrics)
    own = tuple(_own(begin, part, asked) for begin, part in parts)
    if reference.task in ("binary", "multiclass") and _has_scores(known):
        classes = classes_of(known, asked.metrics, rows)
        return Judged(asked, known.task, classes, None, values, own)
    if reference.task == "regression":
        losses = losses_of(known, asked.metrics, rows)
        return Judged(asked, known.task, None, losses, values, own)
    why = f"nothing is estimated for {reference.task} without scores of classes"
    return Judged(asked, known.task, None, None, values, own, (why,))


def _has_label(reference: Answers) -> Truths:
    if reference.labelled_at is None:
        return np.ones(len(reference), dtype=np.bool_)
    there: Truths = reference.labelled_at < NEVER
    return there


def _has_scores(answers: Answers) -> bool:
    predicted = np.asarray(answers.predicted)
    if answers.task == "multiclass":
        return predicted.ndim == 2
    inside = bool(((predicted >= 0) & (predicted <= 1)).all())
    return predicted.dtype.kind == "f" and (inside or predicted.ndim == 1)


def _own(begin: int, part: Answers, asked: Asked) -> Performance:
    """Return the record of one of the reference's windows, whose labels are all there."""
    labelled = np.ones(len(part), dtype=np.bool_)
    end = begin + _microseconds(asked.window_s)
    later = max(end, int(part.at.max())) + _microseconds(asked.mature_after_s or 0.0)
    curve = maturity_curve(part.at, part.at, later)
    return Performance(
        begin=_moment(begin),
        end=_moment(end),
        now=_moment(later),
        rows=len(part),
        realised=tuple(
            realised(name, part, "all rows", asked.confidence) for name in asked.metrics
        ),
        estimated=(),
        maturity=window_maturity(part.at, end, later, 0.0, curve),
        coverage=coverage(part, labelled, None),
    )


def performance(
    window: Answers, begin: datetime, reference: Judged, now: datetime, before: Before | None = None
) -> Performance:
    """Return what is known at a moment of the rows captured from ``begin`` on, for one window.

    Labels that came later are not looked at: the same call at the same moment says the same for
    ever, whatever has come since. Rows of other windows are left out.
    """
    known, asked = before or Before(), reference.asked
    start, at = _since(begin), _since(now)
    end = start + _microseconds(asked.window_s)
    rows = whole(window.only((window.at >= start) & (window.at < end) & (window.at <= at)))
    labelled = rows.labelled(at)
    curve = known.curve or _curve(window, at)
    ripe = window_maturity(rows.at, end, at, asked.mature_after_s, curve)
    weighed = weighing(rows, labelled) if is_selective(rows) else None
    found = [one for name in asked.metrics for one in _realised(name, rows, labelled, reference)]
    return Performance(
        begin=begin,
        end=begin + timedelta(seconds=asked.window_s),
        now=now,
        rows=len(rows),
        realised=tuple(found),
        estimated=_estimated(rows, reference, known),
        maturity=ripe,
        coverage=coverage(rows, labelled, weighed),
        reasons=tuple(_reasons(rows, weighed.reason if weighed else "", reference)),
    )


def _realised(name: str, rows: Answers, labelled: Truths, reference: Judged) -> "list[Realised]":
    """Return a metric on the labelled rows, weighted where that is declared, and where explored."""
    confidence, share = reference.asked.confidence, float(labelled.mean()) if len(rows) else 0.0
    selective = is_selective(rows)
    rests: Rests = "labelled rows" if selective or share < _ALL else "all rows"
    found = [realised(name, rows.only(labelled), rests, confidence)]
    weighed = weighing(rows, labelled) if selective else None
    if weighed is not None and weighed.weights is not None:
        chosen = rows.only(weighed.rows)
        found.append(realised(name, chosen, "weighted rows", confidence, weighed.weights))
    drawn = explored(rows) & labelled
    if drawn.any() and rows.explored is not None:
        shares = rows.explored[drawn]
        even = bool((shares == shares[0]).all())
        weights = None if even else shares.max() / shares
        found.append(realised(name, rows.only(drawn), "explored rows", confidence, weights))
    return found


def _estimated(rows: Answers, reference: Judged, known: Before) -> tuple[Estimated, ...]:
    asked = reference.asked
    if reference.classes is not None:
        return estimated(reference.classes, rows, asked.metrics, known.past, asked.confidence)
    if reference.losses is not None:
        return estimated_losses(reference.losses, rows, asked.metrics, known.past, asked.confidence)
    return ()


def _reasons(rows: Answers, why: str, reference: Judged) -> "list[str]":
    found = list(reference.reasons)
    if why:
        found.append(f"no weighted metrics: {why}")
    if not len(rows):
        found.append("no row was captured in this window")
    return found


def _curve(window: Answers, now: int) -> MaturityCurve:
    came = np.full(len(window), NEVER) if window.labelled_at is None else window.labelled_at
    if window.labelled_at is None and window.truth is not None:
        came = window.at
    return maturity_curve(window.at, came, now)


def reference_values(reference: Judged, metric: str, kind: Kind) -> list[WindowValue]:
    """Return a metric of the reference's own windows, which a drop is calibrated on.

    Estimates there are by calibrations, or models, that do not know the window.
    """
    if kind == "realised":
        return [one for one in series(reference.windows, metric, kind) if one is not None]
    made = reference.classes or reference.losses
    tested = () if made is None else made.tested.get(metric, ())
    return [WindowValue(one.estimated, one.noise) for one in tested]


def followed(
    estimates: Sequence[Performance], truths: Sequence[Performance]
) -> dict[str, tuple[PastEstimate, ...]]:
    """Return past estimates by metric: the first made of each window, and what was then realised.

    Only of windows whose labels are mature in ``truths``; of several records of one window the
    first estimate counts and the last truth.
    """
    first: dict[datetime, Performance] = {}
    for one in sorted(estimates, key=lambda each: each.now):
        if any(each.value is not None for each in one.estimated):
            first.setdefault(one.begin, one)
    last = {one.begin: one for one in sorted(truths, key=lambda each: each.now)}
    past: dict[str, list[PastEstimate]] = {}
    for begin in sorted(first.keys() & last.keys()):
        if not last[begin].maturity.mature:
            continue
        for made in first[begin].estimated:
            came = last[begin].headline(made.metric)
            if made.value is None or came is None or came.value is None:
                continue
            past.setdefault(made.metric, []).append(
                PastEstimate(made.value, made.noise or 0.0, came.value, made.lower, made.upper)
            )
    return {name: tuple(each) for name, each in past.items()}


def _since(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
