"""Did a retrain help: the paired difference to the old champion, with an interval by blocks."""

import math

import msgspec

from trueup.gate.arrays import Floats, np
from trueup.gate.blocks import blocks_of
from trueup.gate.evidence import Evidence, View, measure
from trueup.gate.metrics import Labels, Metric, additive, mean_of
from trueup.gate.resampling import resamples_for
from trueup.gate.rows import Table, days, numbered
from trueup.loop.aftermath.records import Judged, Levels, Losses, Plan, Question
from trueup.loop.events import Effect

LEAST_ROWS = 30
_SEED = 20130101  # resamples of equal rows are equal

_WHY = {
    "few_groups": "the rows are of too few days or groups that stand for themselves",
    "few_discordant": "the two versions differ on too few rows",
    "constant_resamples": "all blocks are alike",
    "undefined": "the losses are not all numbers",
}


def judge(losses: Losses, question: Question, plan: Plan) -> Judged:
    """Return whether the retrain helped, once its windows are there.

    Within the margin on both sides is no effect, however sure; else above zero helped, below
    harmed. Before all windows are mature nothing is said: looked at each day, chance would be
    right on one of them.
    """
    begun = Judged(
        question, plan, "undecided", "", losses.basis, recovered=recovery(question.levels)
    )
    waiting = plan.windows - len(question.windows)
    if waiting > 0:
        return _said(begun, "undecided", f"{waiting} more windows with mature labels are awaited")
    if plan.influences and losses.basis != "live split":
        says = (
            "predictions are declared to influence outcomes, so that what would have come of the "
            f"old champion's cannot be known by {losses.basis}: only a live split can tell"
        )
        return _said(begun, "cannot be known", says)
    rows = losses.of_both()
    new, old = _mean(rows.new), _mean(rows.old)
    begun = msgspec.structs.replace(begun, rows=len(rows.new), new=new, old=old)
    if len(rows.new) < LEAST_ROWS or new is None or old is None:
        says = f"{len(rows.new):,} rows have a truth and both losses, and {LEAST_ROWS} are needed"
        return _said(begun, "undecided", says)
    begun = msgspec.structs.replace(begun, difference=old - new)
    if losses.basis != "live split" and np.array_equal(rows.new, rows.old):
        begun = msgspec.structs.replace(begun, lower=0.0, upper=0.0, method="equal on every row")
        return _said(begun, "no effect", "the two versions have the same loss on every row")
    return _by_interval(begun, _measured(rows, plan), plan)


def recovery(levels: Levels) -> float | None:
    """Return how much of the way back to the usual level was gone; None where one is not known.

    >>> recovery(Levels(usual=0.70, trigger=0.60, after=0.68))
    0.8
    """
    if levels.usual is None or levels.trigger is None or levels.after is None:
        return None
    lost = levels.trigger - levels.usual
    return None if lost == 0 else round((levels.trigger - levels.after) / lost, 6)


def _by_interval(begun: Judged, found: Evidence, plan: Plan) -> Judged:
    if found.bounds is None:
        return _said(begun, "undecided", _WHY.get(found.reason, found.reason))
    lower, upper, method = found.bounds.between((1 - plan.confidence) / 2)
    if not math.isfinite(lower) or not math.isfinite(upper):
        return _said(begun, "undecided", "the blocks give no interval")
    begun = msgspec.structs.replace(
        begun, lower=lower, upper=upper, method=method, blocks=found.blocks
    )
    effect = effect_of(lower, upper, plan.margin)
    return _said(begun, effect, _words(begun, effect))


def effect_of(lower: float, upper: float, margin: float | None) -> Effect:
    """Return what an interval of the difference says; more is better.

    >>> effect_of(0.01, 0.03, 0.005), effect_of(-0.002, 0.004, 0.005)
    ('helped', 'no effect')
    >>> effect_of(-0.002, 0.004, None)
    'undecided'
    """
    if margin is not None and -margin <= lower and upper <= margin:
        return "no effect"
    if lower > 0:
        return "helped"
    return "harmed" if upper < 0 else "undecided"


def _words(found: Judged, effect: Effect) -> str:
    span = f"{found.difference:+.4g} [{found.lower:+.4g}, {found.upper:+.4g}]"
    told = f"{found.question.metric}: the old champion's loss less the new one's is {span}"
    margin = found.plan.margin
    if effect == "no effect":
        return f"{told}, within the margin of {margin:g}"
    if effect == "undecided":
        wide = "" if margin is None else f", nor surely within the margin of {margin:g}"
        return f"{told}: neither above nor below zero{wide}"
    return told


def _measured(rows: Losses, plan: Plan) -> Evidence:
    """Hand the rows to the gate: mean losses as a metric, the new version as the candidate."""
    new, old = _linearised(rows) if rows.basis == "live split" else (rows.new, rows.old)
    table = Table(
        "regression",
        np.zeros(len(new)),
        {"candidate": new, "champion": old},
        2,
        days=None if rows.time is None else days(rows.time),
        group=None if rows.group is None else numbered(rows.group)[0],
    )
    resamples = resamples_for((1 - plan.confidence) / 2)
    view = View(table, blocks_of(table, _SEED), _SEED, resamples, effect=False)
    return measure(_LOSS, view, "candidate", "champion")


def _linearised(rows: Losses) -> tuple[Floats, Floats]:
    """Return a difference of two means as a mean over all rows, which blocks can resample.

    Each row's influence on the difference (Taylor), so that the blocks' scatter is that of the
    difference, the chance in who answered what included.
    """
    by_new = np.isfinite(rows.new)
    share = by_new.mean()
    new, old = _mean(rows.new) or 0.0, _mean(rows.old) or 0.0
    moved = np.where(by_new, (rows.new - new) / share, -(rows.old - old) / (1 - share))
    return moved + (new - old), np.zeros(len(moved))


def _per_row(rows: Labels) -> Floats:
    found: Floats = rows.predicted
    return found


_LOSS = Metric("loss", higher=False, tallies=additive(_per_row), value=mean_of)


def _mean(each: Floats) -> float | None:
    there = each[np.isfinite(each)]
    return float(there.mean()) if len(there) else None


def _said(found: Judged, effect: Effect, says: str) -> Judged:
    return msgspec.structs.replace(found, effect=effect, says=says)
