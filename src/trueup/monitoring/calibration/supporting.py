"""How high a threshold must be for a promise, and whether a reference is long enough to say so.

A threshold lies where the reference itself has been, never beyond. Of a stationary process the
incidents above a threshold are counted in the reference, or in futures drawn from its stretches;
so few are spared that a process which breaks the promise would show as few in one of ten
references only (order statistics: Wilks 1941). Where even none is not few enough, nothing is
claimed.
"""

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.gate.distributions import t_quantile
from trueup.monitoring.calibration import incidents
from trueup.monitoring.calibration.records import DAY_S, Basis, Plan, Support

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_WORTH = 20.0  # windows on their own that a reference must be worth
LEAST_SPAN_S = 21 * DAY_S  # three weeks: what has a rhythm has this one more often than not


class Found(msgspec.Struct, frozen=True):
    """A threshold, and what supports it. Without support ``at`` is where the reference ends."""

    at: float
    support: Support


def supported(scores: "Floats", plan: Plan, memory: float, following: float = 0.0) -> Found:
    """Return the threshold that keeps the promise for the scores of a reference's windows.

    ``following`` is how those next to each other correlate, of one series alone.
    """
    rate = plan.promise.expected(plan.pace.check_s)
    count, needed = len(scores), _needed(plan, rate, memory)
    if count * plan.pace.check_s < LEAST_SPAN_S:
        return Found(float(scores.max()), _refused(plan, count, memory, needed, "too_short"))
    if plan.rule.of > 1:
        length = _length(plan, memory)
        cut = incidents.stretches(scores, length)
        spared, at = _resampled(cut, plan, rate, following)
        if spared >= 0:
            says = _says_resampled(plan, count, length, spared)
            return Found(at, Support(True, says, "resampled", count, memory, spared, needed))
    spared = incidents.spared(rate * count, plan.promise.confidence)
    if spared >= 0:
        at = incidents.lowest(scores[None], plan.rule, spared)
        says = _says_played(plan, count, spared)
        return Found(at, Support(True, says, "played", count, memory, spared, needed))
    return Found(float(scores.max()), _refused(plan, count, memory, needed, "too_short"))


def refused(plan: Plan, count: int, memory: float, basis: Basis) -> Support:
    """Return that nothing is claimed, and what would do."""
    needed = _needed(plan, plan.promise.expected(plan.pace.check_s), memory)
    return _refused(plan, count, memory, needed, basis)


def conservative(highest: float, plan: Plan, statistics: int, worth: float) -> float:
    """Return a threshold that claims nothing: all that was seen, and Student's t by Bonferroni.

    Were statistics normal, and as many windows on their own as the reference is worth, it would
    keep the promise. That they are normal so far out nobody can know from so few.
    """
    rate = min(plan.promise.expected(plan.pace.check_s), 0.5)
    alone = t_quantile(1 - rate / (2 * max(statistics, 1)), max(worth - 1, 2.0))
    return max(highest, alone * math.sqrt(1 + 1 / max(worth, 1.0)))


def _resampled(cut: "Floats", plan: Plan, rate: float, following: float) -> tuple[int, float]:
    """Return how many stretches may exceed, and the threshold; -1 where that is not supported."""
    if len(cut) < 2:
        return -1, math.inf
    drawn = incidents.futures(cut, plan.rule)
    even = incidents.lowest(drawn, plan.rule, rate * drawn.shape[1])
    highest = np.sort(cut.max(axis=1))[::-1]
    most = incidents.share_of_stretches(rate, plan.rule, cut.shape[1], following)
    share = min(float((highest > even).mean()), most)
    spared = incidents.spared_of(len(cut), share, plan.promise.confidence)
    return spared, float(highest[max(spared, 0)])


def _length(plan: Plan, memory: float) -> int:
    return max(plan.rule.of, math.ceil(2 * memory), plan.pace.overlap)


def _needed(plan: Plan, rate: float, memory: float) -> int:
    """Return how many windows would do."""
    silent = incidents.expected_before_silence_counts(plan.promise.confidence)
    checks = silent / rate
    if plan.rule.of > 1:
        length = _length(plan, memory)
        share = incidents.share_of_stretches(rate, plan.rule, length, 0.0)
        checks = min(checks, silent / -math.log(1 - share) * length)
    return math.ceil(max(checks, LEAST_WORTH * memory, LEAST_SPAN_S / plan.pace.check_s))


def _days(windows: float, plan: Plan) -> str:
    days = windows * plan.pace.check_s / DAY_S
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"


def _promised(plan: Plan) -> str:
    promise = plan.promise
    asked = promise.incidents * promise.share
    return f"{asked:.3g} false incidents per {promise.per_s / DAY_S:.0f} days"


def _says_played(plan: Plan, count: int, spared: int) -> str:
    return (
        f"At most {_promised(plan)}: the reference's own {_days(count, plan)} show {spared} above "
        f"the threshold, as few as one reference in {_one_in(plan)} would if there were more."
    )


def _says_resampled(plan: Plan, count: int, length: int, spared: int) -> str:
    return (
        f"At most {_promised(plan)} for {plan.rule.hits} of {plan.rule.of} windows, from futures "
        f"drawn of stretches of {length} windows; of {count // length} of them {spared} exceed, "
        f"as few as in one reference in {_one_in(plan)} if there were more."
    )


def _one_in(plan: Plan) -> str:
    return f"{1 / (1 - plan.promise.confidence):.0f}"


def _refused(plan: Plan, count: int, memory: float, needed: int, basis: Basis) -> Support:
    reasons = {
        "too_short": f"a reference of {_days(count, plan)} cannot support {_promised(plan)}",
        "unsteady": (
            f"windows go together for about {_days(memory, plan)} or longer, so that a reference "
            f"of {_days(count, plan)} is worth {count / max(memory, 1.0):.0f} windows on their own"
        ),
        "out_of_season": (
            f"a reference of {_days(count, plan)} holds fewer than three cycles of the season "
            "declared, and cannot tell season from drift"
        ),
    }
    says = (
        f"No rate is claimed: {reasons.get(basis, basis)}. At least {_days(needed, plan)} would "
        "do. Until then a window counts that is farther off than all of the reference, and than "
        "Student's t allows"
    )
    if basis == "too_short" and plan.rule.of == 1:
        pairs = msgspec.structs.replace(plan, rule=msgspec.structs.replace(plan.rule, hits=2, of=3))
        fewer = _needed(pairs, plan.promise.expected(plan.pace.check_s), memory)
        says += f"; an alarm of 2 of 3 windows needs {_days(fewer, plan)}"
    return Support(False, says + ".", basis, count, memory, -1, needed)
