"""A drop of performance: when it alarms, how often that may be wrong, and what makes it material.

Windows of the reference are scored as windows to come will be; the threshold that their scores
support for a share of the promise is found by the same rules as that of drift
(calibration/supporting.py), and like there nothing is claimed where the reference is too short.
"""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, np
from trueup.gate.distributions import normal_quantile
from trueup.monitoring.calibration import memory as remembering
from trueup.monitoring.calibration.incidents import alarms
from trueup.monitoring.calibration.records import Plan, Support
from trueup.monitoring.calibration.scoring import folds
from trueup.monitoring.calibration.supporting import LEAST_WORTH, conservative, refused, supported
from trueup.monitoring.performance.past import Trust
from trueup.monitoring.performance.records import Performance

Kind: TypeAlias = Literal["realised", "estimated"]
_LEAST_WINDOWS = 10
_FOLDS = 5, 20
_SURELY = 0.95  # one-sided, of the drop that is at least there
_UNTESTED = Trust(True, "")


class WindowValue(msgspec.Struct, frozen=True):
    """One window's metric, with its standard error where its blocks gave one."""

    value: float
    se: float | None


class DropPlan(msgspec.Struct, frozen=True):
    """What is declared of drops: in the metric's own unit, less than ``material`` never alarms.

    ``against`` is the value of the reference, or of the champion when it was evaluated; None:
    the mean of the reference's windows. ``plan.promise`` is the share that this check may use.
    """

    metric: str
    higher: bool  # whether more of it is better
    material: float
    against: float | None = None
    plan: Plan = Plan()


class DropThreshold(msgspec.Struct, frozen=True):
    """What a reference was calibrated to for one metric."""

    declared: DropPlan
    usual: float  # the mean of the reference's windows
    se: float  # of that mean
    between: float  # what windows have beyond their own standard errors
    typical: float  # standard error of a window, for one whose blocks give none
    at: float  # a larger score is significant
    support: Support
    format: int = 1


class Drop(msgspec.Struct, frozen=True):
    """What came of one window's metric; ``least`` is the drop that is at least there (95 %)."""

    kind: Kind
    dropped: bool
    alarmed: bool
    score: float | None = None
    drop: float | None = None
    least: float | None = None
    significant: bool = False
    material: bool = False
    claimed: bool = False
    reasons: tuple[str, ...] = ()


def series(windows: Sequence[Performance], metric: str, kind: Kind) -> list[WindowValue | None]:
    """Return a metric of windows in the order of their time; None where one cannot be judged.

    A realised value is judged once its window's labels are mature, never before: those that
    come early need not be like those that come late.
    """
    ordered = sorted(windows, key=lambda one: one.begin)
    return [value_of(one, metric, kind) for one in ordered]


def value_of(window: Performance, metric: str, kind: Kind) -> WindowValue | None:
    """Return a window's metric, realised or estimated."""
    if kind == "estimated":
        made = window.estimate(metric)
        if made is None or made.value is None:
            return None
        return WindowValue(made.value, math.hypot(made.noise or 0.0, made.past_error or 0.0))
    found = window.headline(metric)
    if found is None or found.value is None or not window.maturity.mature:
        return None
    return WindowValue(found.value, found.se)


def drop_threshold(reference: Sequence[WindowValue], declared: DropPlan) -> DropThreshold:
    """Return the threshold for windows that follow a reference of such values, in order of time.

    Each window of the reference is compared with those that lie apart from it, as windows to come
    will be, so that the reference's own error is in its score.
    """
    if len(reference) < _LEAST_WINDOWS:
        raise WrongUsage(
            f"the reference holds {len(reference)} windows of {declared.metric}, too few to see "
            "how they differ",
            remedy=f"Give at least {_LEAST_WINDOWS} windows with labels, or shorter windows.",
        )
    values = np.array([one.value for one in reference])
    scatter = float(values.std(ddof=1))
    known = [one.se for one in reference if one.se is not None]
    typical = float(np.sqrt(np.mean(np.square(known)))) if known else scatter
    errors = np.array([typical if one.se is None else one.se for one in reference])
    count, sign = len(values), 1.0 if declared.higher else -1.0
    between = math.sqrt(max(float(values.var(ddof=1) - (errors**2).mean()), 0.0))
    spread = np.sqrt(errors**2 + between**2)
    floor = scatter * 0.1 or 1e-12
    spread = np.maximum(spread, floor)
    memory = remembering.alone((values.mean() - values) / spread)
    others, windows = _apart(values, memory)
    scores: Floats = sign * (others - values) / np.sqrt(spread**2 * (1 + 1 / windows))
    at, support = _supported(scores, declared.plan, memory)
    se = float(np.sqrt((spread**2).mean() / count))
    usual, between = float(values.mean()), max(between, floor)
    return DropThreshold(declared, usual, se, between, typical, at, support)


def _apart(values: Floats, memory: float) -> tuple[Floats, Floats]:
    """Return the mean of the windows that lie apart from each, and how many these are."""
    count = len(values)
    many = int(min(max(count / (2 * memory), _FOLDS[0]), _FOLDS[1]))
    cut = folds(count, many, min(math.ceil(memory), count // 4))
    others, windows = np.empty(count), np.empty(count)
    for fold in cut.bounds:
        near = values[cut.without(fold)]
        windows[slice(*fold)] = count - len(near)
        others[slice(*fold)] = (values.sum() - near.sum()) / (count - len(near))
    return others, windows


def _supported(scores: Floats, plan: Plan, memory: float) -> tuple[float, Support]:
    count = len(scores)
    if count / memory >= LEAST_WORTH:
        found = supported(scores, plan, memory, remembering.following(scores))
        if found.support.claimed:
            return found.at, found.support
        support = found.support
    else:
        support = refused(plan, count, memory, "unsteady" if count >= LEAST_WORTH else "too_short")
    return conservative(float(scores.max()), plan, 1, count / memory), support


def dropped(
    threshold: DropThreshold,
    window: WindowValue | None,
    kind: Kind = "realised",
    before: Sequence[bool] = (),
    trusted: Trust = _UNTESTED,
) -> Drop:
    """Return whether a window's metric is significantly and materially worse.

    ``before`` are the windows before, the latest last: whether each was down. An estimate that is
    not trusted never alarms by itself, whatever it says.
    """
    if window is None:
        why = "labels are not mature yet" if kind == "realised" else "nothing was estimated"
        return Drop(kind, False, False, reasons=(why,))
    declared = threshold.declared
    sign = 1.0 if declared.higher else -1.0
    own = threshold.typical if window.se is None else window.se
    spread = math.sqrt(own**2 + threshold.between**2 + threshold.se**2)
    score = sign * (threshold.usual - window.value) / spread
    base = threshold.usual if declared.against is None else declared.against
    error = math.hypot(own, threshold.se if declared.against is None else 0.0)
    drop = sign * (base - window.value)
    least = drop - normal_quantile(_SURELY) * error
    significant, material = score > threshold.at, least >= declared.material
    down = significant and material
    rule = declared.plan.rule
    by_rule = bool(alarms(np.array([*before, down]), rule)[-1])
    reasons = [
        f"{declared.metric} is {window.value:.4g}, {abs(drop):.3g} "
        f"{'worse' if drop > 0 else 'better'} than {base:.4g}; at least {least:.3g} worse (95 %), "
        f"and {declared.material:.3g} matters; score {score:.3g}, significant above "
        f"{threshold.at:.3g}"
    ]
    if kind == "estimated" and by_rule and not trusted.may_trigger:
        reasons.append(trusted.why)
        by_rule = False
    return Drop(
        kind,
        down,
        by_rule,
        score,
        drop,
        least,
        significant,
        material,
        threshold.support.claimed,
        tuple(reasons),
    )
