"""What some rows say of one metric: estimates, and bounds or why there are none."""

import math
from dataclasses import dataclass, replace

from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.auc import delong_variance
from trueup.gate.blocks import Blocks, single_rows
from trueup.gate.blockwise import Blockwise, areas, estimate, quantity
from trueup.gate.bounds import Area, Bounds, PairedShares, Sample, Share, studentise
from trueup.gate.following import Waves, follow
from trueup.gate.metrics import Labels, Metric
from trueup.gate.noise import by_blocks, too_close
from trueup.gate.resampling import LEAST_BLOCKS
from trueup.gate.rows import Table

LEAST_WORTH = 10  # days on their own that days which visibly go together must be worth
LEAST_WORTH_OF_VALUE = 20  # the same for a value itself, which carries all that days have in common
LEAST_DISCORDANT = 10  # rows on which the two models differ, in what the metric sees

_FEW = 2.5  # blocks: by what share of so many the error of a value itself is widened
_FEW_OF_DIFFERENCE = 1.0  # the same for a difference
_HIDDEN = 2.0  # standard errors of skewness that few blocks may hide from a value
_FEW_EVENTS = 1.5  # the same for rows of the rarer class
_LOSSES = (  # which are never below zero, and whose values are skewed upwards
    "log_loss",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_pinball_loss",
)


@dataclass(frozen=True)
class View:
    """Some rows with their blocks, and how they are resampled."""

    table: Table
    blocks: Blocks
    seed: int
    resamples: int
    effect: bool = True  # whether the design effect is wanted too


@dataclass(frozen=True)
class Evidence:
    """One metric measured. ``reason`` says why there are no bounds."""

    candidate: float
    other: float | None
    bounds: Bounds | None
    reason: str = ""
    blocks: int = 0
    discordant: int | None = None
    design_effect: float | None = None


def events_of(table: Table) -> float:
    """Return how many rows the rarer class has; infinity where there are no two classes."""
    if table.task != "binary":
        return math.inf
    positives = int(table.truth.sum())
    return min(positives, len(table) - positives)


def carrying(metric: Metric, table: Table) -> float:
    """Return the rows of the rarer class, or what several classes with a part each come to.

    A mean over classes has the degrees of freedom that Welch (1947) gives it: a class with few
    rows carries as much of it as any other.
    """
    if table.task != "multiclass" or not metric.needs_both:
        return events_of(table)
    rows = np.bincount(table.truth)
    rows = rows[rows > 0].astype(np.float64)
    freedom = (1 / rows).sum() ** 2 / (1 / (rows**2 * np.maximum(rows - 1, 0.5))).sum()
    return float(freedom) + 1


def sampled(
    measured: Blockwise, blocks: Blocks, view: View, events: float, paired: bool
) -> Sample | str:
    """Return the quantity's estimate and bounds, or the reason why it has none."""
    off = measured.deviations()
    longer, inflated, slow, worth, bias = 1, 1.0, None, math.inf, measured.bias()
    if blocks.kind in ("time", "two_way") and np.isfinite(off).all():
        days = follow(measured, off)
        if days.together and days.worth < (LEAST_WORTH if paired else LEAST_WORTH_OF_VALUE):
            return "few_groups"
        bias *= len(off) / days.worth  # pairs of days that go together are alike too
        measured, off, longer, inflated, slow, _, worth = days
    count = int((measured.sizes > 0).sum())
    if not np.isfinite(off).all():
        return "undefined"
    squares = float((off**2).sum())
    if count < 3 or squares <= 1e-24 * max(1.0, measured.estimate**2):
        return "constant_resamples"
    se = math.sqrt(squares / (count * (count - 1)) * inflated)
    skew = float((off**3).sum()) / count / (squares / count) ** 1.5
    # few blocks look less skewed than they are
    skew *= math.sqrt(count * (count - 1)) / (count - 2)
    skew *= math.sqrt(inflated)  # and so do those that follow each other
    df = _freedom(measured.carried, count) if blocks.kind != "rows" else count - 1.0
    few = 1 + _FEW_EVENTS / max(events, 1.0)
    df, se = min(df, max(1.0, events - 1.0)), se * few
    if slow is not None:
        slow = Waves(slow.se * few, min(slow.df, df))
    studentised, undefined = None, 0
    if count >= LEAST_BLOCKS and view.resamples:
        values, errors = measured.resampled(view.seed, view.resamples)
        studentised, undefined = studentise(values, measured.estimate, errors)
    method = _method(blocks, longer)
    found = Sample(measured.estimate, se, df, skew, count, method, studentised, undefined)
    worth = min(worth, count) if blocks.kind != "rows" else min(events, count)
    return replace(found, bias=bias, slow=slow, worth=worth)


def _freedom(sizes: Floats, count: int) -> float:
    """Return degrees of freedom for blocks of unequal sizes (Satterthwaite's, at most n - 1)."""
    fourth = float((sizes**4).sum())
    effective = float((sizes**2).sum()) ** 2 / fourth if fourth > 0 else 1.0
    return max(1.0, min(count, effective) - 1)


def _method(blocks: Blocks, longer: int) -> str:
    if blocks.kind == "rows":
        return "rows taken as independent"
    if blocks.kind == "time":
        return "blocks of a day" if longer == 1 else f"blocks of {longer} days"
    return "blocks by group" if blocks.kind == "group" else "two-way blocks, time and group"


def measure(metric: Metric, view: View, model: str, other: str | None) -> Evidence:
    """Return what the view's rows say of a model, alone or less another, more being better."""
    labels = view.table.labels(model)
    against = None if other is None else view.table.labels(other)
    value = estimate(metric, labels)
    beside = None if against is None else estimate(metric, against)
    if not math.isfinite(value) or (beside is not None and not math.isfinite(beside)):
        return Evidence(value, beside, None, "undefined")
    count = int((np.bincount(view.blocks.codes, minlength=view.blocks.count) > 0).sum())
    apart = None if against is None else discordant(metric, labels, against)
    if apart is not None and apart < LEAST_DISCORDANT:
        return Evidence(value, beside, None, "few_discordant", count, apart)
    if view.blocks.kind == "rows" and (exact := _exact(metric, labels, against)) is not None:
        return Evidence(value, beside, exact, "", len(labels.truth), apart, 1.0)
    bounds, effect = _by_blocks(metric, view, labels, against)
    if isinstance(bounds, str):
        return Evidence(value, beside, None, bounds, count, apart)
    blocks = bounds.blocks if isinstance(bounds, Sample) else count
    return Evidence(value, beside, bounds, "", blocks, apart, effect)


def discordant(metric: Metric, labels: Labels, against: Labels) -> int:
    """Return on how many rows that matter the two models differ in what the metric sees."""
    if metric.shares is not None:
        one, two = metric.shares(labels), metric.shares(against)
        differs: Truths = (one.counts | two.counts) & (
            (one.right != two.right) | (one.counts != two.counts)
        )
        return int(differs.sum())
    unequal: Truths = labels.predicted != against.predicted
    return int((unequal if unequal.ndim == 1 else unequal.any(axis=1)).sum())


def _exact(metric: Metric, labels: Labels, against: Labels | None) -> Bounds | None:
    """Return the exact or quick bounds of independent rows, where the metric has them."""
    if metric.area and labels.predicted.ndim == 1:
        return _delong(labels, against)
    if metric.shares is None or (against is not None and not metric.fixed):
        return None
    mine = metric.shares(labels)
    rows = int(mine.counts.sum())
    right = mine.right & mine.counts
    if against is None:
        return Share(int(right.sum()), rows)
    theirs = metric.shares(against)
    others = theirs.right & theirs.counts
    return PairedShares(int((right & ~others).sum()), int((others & ~right).sum()), rows)


def _delong(labels: Labels, against: Labels | None) -> Bounds | None:
    area, moved = areas(labels)
    events = int(min(labels.truth.sum(), (~labels.truth).sum()))
    if events < 2:
        return None
    wider = 1 + _FEW_EVENTS / events
    if against is None:
        se = math.sqrt(delong_variance(labels.truth, moved)) * wider
        if se <= 0:
            return None
        plain = Sample(area, se, events - 1.0, _tilt(moved), 1, "DeLong, logit scale")
        few = (events, len(labels.truth) - events) if events < LEAST_BLOCKS else None
        return Area(area, se, events - 1.0, "DeLong", plain, few)
    other, others = areas(against)
    off = moved - others
    se = math.sqrt(delong_variance(labels.truth, off)) * wider
    if se <= 0:
        return None
    return Sample(area - other, se, events - 1.0, _tilt(off), 1, "DeLong")


def _tilt(moved: Floats) -> float:
    """Return the skewness of a sum of independent influences, as that of one block."""
    return float((moved**3).sum() / (moved**2).sum() ** 1.5)


def _by_blocks(
    metric: Metric, view: View, labels: Labels, against: Labels | None
) -> tuple[Bounds | str, float | None]:
    """Return bounds from blocks, and the design effect: variance over that of single rows."""
    blocks = view.blocks
    if blocks.crossed:
        view = replace(view, resamples=0)  # which have no form for two ways at once
    paired, events = against is not None, carrying(metric, view.table)
    first = sampled(quantity(metric, blocks, labels, against), blocks, view, events, paired)
    if isinstance(first, str):
        return first, None
    dated = blocks.kind in ("time", "two_way")
    if dated and too_close(by_blocks(labels, against, blocks.codes), paired):
        return "few_groups", None
    if blocks.kind == "rows":
        return _on_scale(metric, first, blocks, against), 1.0
    crossed = [
        sampled(quantity(metric, each, labels, against), each, view, events, paired)
        for each in blocks.crossed
    ]
    bounds = _two_way(first, crossed) if crossed else first
    if isinstance(bounds, str):
        return bounds, None
    if not view.effect:
        return _on_scale(metric, bounds, blocks, against), None
    alone = single_rows(len(labels.truth), view.seed)
    plain = quantity(metric, alone, labels, against).deviations()
    variance = float((plain**2).sum()) / (len(plain) * (len(plain) - 1.0))
    effect = bounds.se**2 / variance if variance > 0 else None
    return _on_scale(metric, bounds, blocks, against), effect


def _on_scale(metric: Metric, found: Sample, blocks: Blocks, against: Labels | None) -> Bounds:
    if blocks.kind != "rows":
        more = 1 + (_FEW if against is None else _FEW_OF_DIFFERENCE) / found.worth
        slow = None if found.slow is None else Waves(found.slow.se * more, found.slow.df)
        found = replace(found, se=found.se * more, slow=slow)
    if against is None and (blocks.kind != "rows" or metric.needs_both):
        # A value, unlike a difference, carries all of what few blocks or events have in common.
        hidden = _HIDDEN * math.sqrt(6 / found.worth) * (-1 if metric.higher else 1)
        found = replace(found, hidden=hidden)
    if against is None:
        found = replace(found, room=_room(metric, found.estimate))
    if metric.area and against is None and 0 < found.estimate < 1:
        return Area(found.estimate, found.se, found.df, found.method, found)
    return found


def _room(metric: Metric, value: float) -> float:
    """Return how far a value is from what cannot be better; below zero where less is better."""
    if metric.name == "r2":
        return 1.0 - value
    return -value if metric.name in _LOSSES else 0.0


def _two_way(time: Sample, crossed: list[Sample | str]) -> Sample | str:
    """Return the sample with the variance of both ways (Cameron, Gelbach and Miller 2011)."""
    group, both = crossed
    if isinstance(group, str) or isinstance(both, str):
        return group if isinstance(group, str) else str(both)
    most = max(time.se**2, group.se**2)
    variance = max(most, time.se**2 + group.se**2 - both.se**2)
    skew = max(time.skew, group.skew, key=abs)
    fewest = min(time.blocks, group.blocks)
    df = min(time.df, group.df)
    bias = max(time.bias, group.bias, key=abs)
    method = "two-way blocks, time and group"
    found = Sample(time.estimate, math.sqrt(variance), df, skew, fewest, method, None, 0, bias)
    found = replace(found, worth=min(time.worth, group.worth))
    if time.slow is None:
        return found
    slow = max(time.slow.se**2, group.se**2, time.slow.se**2 + group.se**2 - both.se**2)
    return replace(found, slow=Waves(math.sqrt(slow), min(time.slow.df, group.df)))
