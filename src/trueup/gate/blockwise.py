"""A metric by blocks of rows, which can be left out or drawn again."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.auc import influence, left_out
from trueup.gate.blocks import Blocks
from trueup.gate.metrics import Labels, Metric, block_sums
from trueup.gate.resampling import weighted, weights

_FEW_SUMS = 64  # with more, resamples are of the linear part
_MOST_CALLS = 100  # of a function of whole tables


@dataclass(frozen=True)
class Blockwise:
    """A quantity by blocks: its estimate, its values with each block left out, its resamples."""

    estimate: float
    sums: Floats  # (blocks, places); one place, the influence, where linear
    value: Callable[[Floats], Floats] | None  # None: linear in the sums
    sizes: Floats  # rows by block; empty blocks are not counted
    carried: Floats  # rows by block that carry the metric: the rarer class's, where one must occur
    without: Floats | None = None  # its values with each block left out, where linear is not all

    def joined(self) -> "Blockwise":
        """Return the same with each two neighbouring blocks joined."""
        starts = np.arange(0, len(self.sums), 2)
        sums = np.add.reduceat(self.sums, starts, axis=0)
        sizes, carried = (np.add.reduceat(each, starts) for each in (self.sizes, self.carried))
        return replace(self, sums=sums, sizes=sizes, carried=carried, without=None)

    def deviations(self) -> Floats:
        """Return the pseudo-values' deviations from their mean; zero for empty blocks."""
        there = self.sizes > 0
        count = int(there.sum())
        linear = self.value is None and self.without is None
        moved = count * self.sums[:, 0] if linear else -(count - 1) * self._left_out()
        deviations: Floats = np.where(there, moved - moved[there].mean(), 0.0)
        return deviations

    def bias(self) -> float:
        """Return by how much the estimate is too high on average (Quenouille's jackknife)."""
        if self.value is None and self.without is None:
            return 0.0
        there = self.sizes > 0
        return float((self._left_out()[there].mean() - self.estimate) * (there.sum() - 1))

    def _left_out(self) -> Floats:
        if self.without is not None:
            return self.without
        if self.value is None:
            return self.estimate - self.sums[:, 0]
        return self.value(self.sums.sum(axis=0) - self.sums)

    def resampled(self, seed: int, resamples: int) -> tuple[Floats, Floats]:
        """Return resampled estimates and their standard errors."""
        drawn = weights(seed, len(self.sums), resamples)
        off = self.deviations()
        three = np.stack([off, off**2, (self.sizes > 0).astype(np.float64)], axis=1)
        value = self.value if self.sums.shape[1] <= _FEW_SUMS else None
        places = three if value is None else np.concatenate([three, self.sums], axis=1)
        found = weighted(drawn, places)  # at once: the drawing is what takes long to read
        total, squares, count = found[:, :3].T
        with np.errstate(invalid="ignore", divide="ignore"):
            errors: Floats = np.sqrt((squares / count - (total / count) ** 2) / (count - 1))
            linear: Floats = self.estimate + total / count
        return (linear if value is None else value(found[:, 3:])), errors


def estimate(metric: Metric, labels: Labels) -> float:
    """Return a metric over all rows; nan where it is undefined."""
    if metric.name not in labels.measured:
        labels.measured[metric.name] = _estimate(metric, labels)
    value: float = labels.measured[metric.name]
    return value


def _estimate(metric: Metric, labels: Labels) -> float:
    if metric.area:
        return areas(labels)[0]
    if metric.call is not None:
        return float(metric.call(labels.truth, labels.predicted))
    tallies = (metric.exact or metric.tallies)(labels)
    everything = np.zeros(len(labels.truth), dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = metric.value(block_sums(tallies, everything, 1))
    return float(values[0])


def areas(labels: Labels) -> tuple[float, Floats]:
    """Return the area and its influences; the mean over classes, each against the rest."""
    if "areas" not in labels.measured:
        labels.measured["areas"] = _areas(labels)
    found: tuple[float, Floats] = labels.measured["areas"]
    return found


def _areas(labels: Labels) -> tuple[float, Floats]:
    if labels.predicted.ndim == 1:
        if labels.truth.all() or not labels.truth.any():
            return math.nan, np.zeros(len(labels.truth))
        return influence(labels.truth, labels.predicted)
    if labels.truth.ndim > 1:
        return _areas_of_labels(labels)
    there = [c for c in range(labels.classes) if (labels.truth == c).any()]
    if len(there) < 2:
        return math.nan, np.zeros(len(labels.truth))
    each = [influence(labels.truth == c, labels.predicted[:, c]) for c in there]
    mean: Floats = np.mean([moved for _, moved in each], axis=0)
    return float(np.mean([area for area, _ in each])), mean


def _areas_of_labels(labels: Labels) -> tuple[float, Floats]:
    """Return the mean over the labels that some rows have and others lack."""
    both = [c for c, one in enumerate(labels.truth.T) if one.any() and not one.all()]
    if not both:
        return math.nan, np.zeros(len(labels.truth))
    each = [influence(labels.truth[:, c], labels.predicted[:, c]) for c in both]
    mean: Floats = np.mean([moved for _, moved in each], axis=0)
    return float(np.mean([area for area, _ in each])), mean


def _areas_without(labels: Labels, blocks: Blocks) -> Floats | None:
    """Return the area with each block left out; None where the influences say as much.

    Pairs within a block are too alike, which the influences alone do not see.
    """
    if blocks.kind == "rows" or labels.predicted.ndim != 1:
        return None
    return left_out(labels.truth, labels.predicted, blocks.codes, blocks.count)


def quantity(metric: Metric, blocks: Blocks, labels: Labels, against: Labels | None) -> Blockwise:
    """Return the metric, or the difference of two, by blocks; more is better in a difference."""
    sign = 1.0 if metric.higher or against is None else -1.0
    sizes, carried = _sizes(metric, blocks, labels)
    if metric.area:
        area, moved = areas(labels)
        without = _areas_without(labels, blocks)
        if against is not None:
            other, others = areas(against)
            theirs = _areas_without(against, blocks)
            area, moved = area - other, moved - others
            without = None if without is None or theirs is None else without - theirs
        sums = np.bincount(blocks.codes, moved, minlength=blocks.count).astype(np.float64)
        return Blockwise(area, sums[:, None], None, sizes, carried, without)
    if metric.call is not None:
        return _left_out(metric, blocks, labels, against)
    mine = block_sums(metric.tallies(labels), blocks.codes, blocks.count)
    here = estimate(metric, labels)
    if against is None:
        return Blockwise(here, mine, _shifted(metric.value, mine, here), sizes, carried)
    theirs = block_sums(metric.tallies(against), blocks.codes, blocks.count)
    width = mine.shape[1]

    def value(sums: Floats) -> Floats:
        return sign * (metric.value(sums[..., :width]) - metric.value(sums[..., width:]))

    both = np.concatenate([mine, theirs], axis=1)
    apart = sign * (here - estimate(metric, against))
    return Blockwise(apart, both, _shifted(value, both, apart), sizes, carried)


def _left_out(metric: Metric, blocks: Blocks, labels: Labels, against: Labels | None) -> Blockwise:
    """Return a function of whole tables by its values with each block left out: a jackknife.

    Blocks beyond _MOST_CALLS are joined: each costs a call of the function.
    """
    joined = -(-blocks.count // _MOST_CALLS)
    codes, count = blocks.codes // joined, -(-blocks.count // joined)
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    sign = -1.0 if against is not None and not metric.higher else 1.0

    def value(kept: Truths) -> float:
        here = estimate(metric, _kept(labels, kept))
        return here if against is None else sign * (here - estimate(metric, _kept(against, kept)))

    everything = value(np.ones(len(codes), dtype=np.bool_))
    values = [value(codes != block) if sizes[block] else everything for block in range(count)]
    there = sizes > 0
    moved = np.where(there, np.mean(np.array(values)[there]) - np.array(values), 0.0)
    scaled = moved * (there.sum() - 1) / there.sum()
    return Blockwise(everything, scaled[:, None], None, sizes, sizes)


def _kept(labels: Labels, kept: Truths) -> Labels:
    return Labels(labels.truth[kept], labels.predicted[kept], labels.classes)


def _shifted(
    value: Callable[[Floats], Floats], sums: Floats, exact: float
) -> Callable[[Floats], Floats]:
    """Return the function of sums, moved so that it gives the exact estimate on all of them."""
    off = exact - float(value(sums.sum(axis=0)))
    return value if abs(off) <= 1e-12 else (lambda each: value(each) + off)


def _sizes(metric: Metric, blocks: Blocks, labels: Labels) -> tuple[Floats, Floats]:
    """Return how many rows each block has, and how many of those that carry the metric."""
    counted = np.bincount(blocks.codes, minlength=blocks.count).astype(np.float64)
    if not metric.needs_both or labels.predicted.ndim != 1 or labels.classes != 2:
        return counted, counted
    rarer = labels.truth if labels.truth.mean() < 0.5 else ~labels.truth
    return counted, np.bincount(blocks.codes, rarer, minlength=blocks.count).astype(np.float64)
