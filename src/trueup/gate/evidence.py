"""What some rows say of one metric: estimates, and bounds or why there are none."""

import math
from dataclasses import dataclass, replace

from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.auc import delong_variance
from trueup.gate.blocks import Blocks, single_rows
from trueup.gate.blockwise import Blockwise, areas, estimate, quantity
from trueup.gate.bounds import Area, Bounds, PairedShares, Sample, Share, studentise
from trueup.gate.metrics import Labels, Metric
from trueup.gate.resampling import LEAST_BLOCKS
from trueup.gate.rows import Table

LEAST_DISCORDANT = 10  # rows on which the two models differ, in what the metric sees

_FEW = 2.5  # blocks: by what share of so many the error of a value itself is widened
_FEW_EVENTS = 1.5  # the same for rows of the rarer class
_UNSEEN = 0.5  # standard errors of correlation that are assumed beside what is seen
_TOGETHER = 1.0  # standard errors of a correlation from which neighbouring days are joined


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


def sampled(measured: Blockwise, blocks: Blocks, view: View) -> Sample | str:
    """Return the quantity's estimate and bounds, or the reason why it has none."""
    off = measured.deviations()
    longer, inflated = 1, 1.0
    if blocks.kind in ("time", "two_way"):
        measured, off, longer, inflated = _independent(measured, off)
    count = int((measured.sizes > 0).sum())
    if not np.isfinite(off).all():
        return "undefined"
    squares = float((off**2).sum())
    if count < 3 or squares <= 1e-24 * max(1.0, measured.estimate**2):
        return "constant_resamples"
    se = math.sqrt(squares / (count * (count - 1)) * inflated)
    skew = float((off**3).sum()) / count / (squares / count) ** 1.5
    skew *= math.sqrt(count * (count - 1)) / (
        count - 2
    )  # few blocks look less skewed than they are
    df = _freedom(measured.carried, count) if blocks.kind != "rows" else count - 1.0
    events = events_of(view.table)
    df, se = min(df, max(1.0, events - 1.0)), se * (1 + _FEW_EVENTS / max(events, 1.0))
    studentised, undefined = None, 0
    if count >= LEAST_BLOCKS:
        values, errors = measured.resampled(view.seed, view.resamples)
        studentised, undefined = studentise(values, measured.estimate, errors)
    method = _method(blocks, longer)
    found = Sample(measured.estimate, se, df, skew, count, method, studentised, undefined)
    return replace(found, bias=measured.bias())


def _independent(measured: Blockwise, off: Floats) -> tuple[Blockwise, Floats, int, float]:
    """Join days until neighbours no longer go together; what is left widens the bound."""
    longer = 1
    while True:
        count = len(off)
        squares = float((off**2).sum())
        together = float((off[1:] * off[:-1]).sum()) / squares + 1 / count if squares > 0 else 0.0
        if together <= _TOGETHER / math.sqrt(count) or count < 16:
            left = min(max(together + _UNSEEN / math.sqrt(count), 0.0), 0.9)
            return measured, off, longer, (1 + left) / (1 - left)
        measured, longer = measured.joined(), longer * 2
        off = measured.deviations()


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
    few = 1 + _FEW_EVENTS / events
    if against is None:
        se = math.sqrt(delong_variance(labels.truth, moved)) * few
        return Area(area, se, events - 1.0, "DeLong") if se > 0 else None
    other, others = areas(against)
    off = moved - others
    se = math.sqrt(delong_variance(labels.truth, off)) * few
    if se <= 0:
        return None
    tilt = float((off**3).sum()) / float((off**2).sum()) ** 1.5  # of their sum, so of one block
    return Sample(area - other, se, events - 1.0, tilt, 1, "DeLong")


def _by_blocks(
    metric: Metric, view: View, labels: Labels, against: Labels | None
) -> tuple[Bounds | str, float | None]:
    """Return bounds from blocks, and the design effect: variance over that of single rows."""
    blocks = view.blocks
    first = sampled(quantity(metric, blocks, labels, against), blocks, view)
    if isinstance(first, str):
        return first, None
    if blocks.kind == "rows":
        return _on_scale(metric, first, blocks, against), 1.0
    crossed = [
        sampled(quantity(metric, each, labels, against), each, view) for each in blocks.crossed
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
    if against is None and blocks.kind != "rows":
        # The value itself, unlike a difference, carries all of what few blocks have in common.
        found = replace(found, se=found.se * (1 + _FEW / found.blocks))
    if metric.area and against is None and 0 < found.estimate < 1:
        return Area(found.estimate, found.se, found.df, found.method, found)
    return found


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
    return Sample(time.estimate, math.sqrt(variance), df, skew, fewest, method, None, 0, bias)
