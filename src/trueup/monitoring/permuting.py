"""Whether two tables differ by more than blocks that were dealt out to them at random would.

Blocks of both tables are permuted, all columns together, and the highest studentised statistic
over all columns is what counts (Westfall and Young 1993): one declared rate holds over all of
them. What is permuted are stretches long enough that neighbours do not go together any more;
where too few of them are left, or the rate is too small for the draws, no rate is claimed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells

    Floats = NDArray[np.float64]

GROUPS = 16  # of cells: significance is found on these, effects are measured on all
LEAST_BLOCKS = 10  # of each table, on which anything can be claimed
LEAST_HITS = 20  # draws beyond the threshold, so that its own error is small
MOST_DRAWS = 5000
_RANK, _MISSING, _FEATURES = GROUPS, GROUPS + 1, GROUPS + 2
_STATISTICS = 3  # of a column: its groups, its mean rank, what is missing
_SEED = 20261123
_SHORT = 1.2  # a memory that white noise has
_LEAST_SEEN = 16  # blocks; of fewer no memory can be told
_UNSURE = 2.9  # by how much a memory may be underrated (chi-squared with 8 degrees, 5 %)


class Significance(msgspec.Struct, frozen=True):
    """Which columns differ by more than chance, at one rate over all of them."""

    rate: float  # of false alarms, a comparison
    claimed: bool  # whether the blocks that there are support that rate
    why: str
    scores: dict[str, float]  # the highest of each column
    at: float  # above it a column differs
    blocks: tuple[int, int]  # of each table, that were permuted

    def is_significant(self, name: str) -> bool:
        """Say whether a column differs by more than chance."""
        return self.scores[name] > self.at


def significance(
    reference: Sequence["Cells"], current: Sequence["Cells"], rate: float
) -> Significance:
    """Compare two tables' blocks; without enough of them a conservative bound stands in."""
    if rate >= 1:
        scores = {one.name: 0.0 for one in reference}
        return Significance(rate, False, "no rate was asked for", scores, -1.0, (0, 0))
    pairs = list(zip(reference, current, strict=True))
    both = [_features(*pair) for pair in pairs]
    stacked = [np.stack([made[side] for made in both], axis=1) for side in (0, 1)]
    one, two, memory = _untied(*stacked)
    blocks = (len(one), len(two))
    draws = int(np.ceil(LEAST_HITS / rate))
    if min(blocks) < LEAST_BLOCKS:
        why = (
            f"only {blocks[0]} and {blocks[1]} stretches of rows stand for themselves; "
            f"a rate needs {LEAST_BLOCKS} of each"
        )
    elif draws > MOST_DRAWS:
        why = f"a rate below {LEAST_HITS / MOST_DRAWS:g} is more than permuting can support"
    else:
        found, drawn = _drawn(one, two, max(draws, 500))
        highest = np.sort(drawn.max(axis=1))
        at = float(highest[int(np.ceil((1 - rate) * len(highest))) - 1])
        why = f"{blocks[0]} and {blocks[1]} stretches of rows, dealt out {len(highest):,} times"
        return Significance(rate, True, why, _scores(pairs, found), at, blocks)
    found, at = _conservative(stacked[0], stacked[1], rate, memory)
    return Significance(rate, False, why, _scores(pairs, found), at, blocks)


def _scores(pairs: Sequence[tuple["Cells", "Cells"]], found: "Floats") -> dict[str, float]:
    highest = found.reshape(len(pairs), _STATISTICS).max(axis=1)
    return {one.name: float(score) for (one, _), score in zip(pairs, highest, strict=True)}


def _features(one: "Cells", two: "Cells") -> tuple["Floats", "Floats"]:
    """Return, block by block, the rows of each group of cells, summed ranks, missing rows."""
    pooled = one.counts.sum(axis=0) + two.counts.sum(axis=0)
    total = max(1, int(pooled.sum()))
    table = np.zeros((len(pooled), _FEATURES))
    if one.is_ordered:
        middle = (np.cumsum(pooled) - pooled / 2) / total
        group = np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
        table[:, _RANK] = middle - 0.5
    else:
        group = np.empty(len(pooled), np.int64)
        group[np.argsort(-pooled, kind="stable")] = np.arange(len(pooled))
        group = np.minimum(group, GROUPS - 1)
    table[np.arange(len(pooled)), group] = 1.0
    first, second = (each.counts @ table for each in (one, two))
    first[:, _MISSING], second[:, _MISSING] = one.missing, two.missing
    return first, second


def _untied(one: "Floats", two: "Floats") -> tuple["Floats", "Floats", float]:
    """Join neighbours into stretches of thrice their memory; return these and the memory.

    Of stretches so long, no more than a tenth of what their sum varies is shared with neighbours.
    """
    memory = max(_memory(one), _memory(two))
    if memory <= _SHORT:
        return one, two, memory
    length = int(np.ceil(3 * memory))
    return _joined(one, length), _joined(two, length), memory


def _joined(blocks: "Floats", length: int) -> "Floats":
    count = max(1, len(blocks) // length)
    starts = -(-np.arange(count) * len(blocks) // count)
    found: Floats = np.add.reduceat(blocks, starts, axis=0)
    return found


def _memory(blocks: "Floats") -> float:
    """Return of how many blocks one would say as much: what columns share, or the longest seen."""
    from trueup.monitoring.calibration.memory import common, memories, shown

    if len(blocks) < _LEAST_SEEN:
        return 1.0
    present = np.maximum(blocks[..., :GROUPS].sum(axis=-1, keepdims=True), 1.0)
    series = (blocks / present).reshape(len(blocks), -1)
    found = memories(series[:, series.std(axis=0) > 1e-9])
    return max(common(found), float(shown(found).max(initial=1.0)))


def _drawn(one: "Floats", two: "Floats", draws: int) -> tuple["Floats", "Floats"]:
    """Return the columns' statistics, as found and in each draw, studentised by the draws."""
    rng = np.random.default_rng(_SEED)
    every = np.concatenate([one, two])
    flat = every.reshape(len(every), -1)
    member = np.zeros((draws + 1, len(every)))
    member[0, : len(one)] = 1.0
    keys = rng.random((draws, len(every)))
    chosen = np.argpartition(keys, len(one) - 1, axis=1)[:, : len(one)]
    np.put_along_axis(member[1:], chosen, 1.0, axis=1)
    mine = (member @ flat).reshape(draws + 1, *every.shape[1:])
    raw = _statistics(mine, every.sum(axis=0) - mine)
    drawn = raw[1:]
    centre, spread = drawn.mean(axis=0), drawn.std(axis=0)
    is_still = spread <= 1e-12 * (1 + np.abs(centre))
    spread[is_still] = 1.0
    scored: Floats = (raw - centre) / spread
    scored[:, is_still] = 0.0
    return scored[0], scored[1:]


def _statistics(one: "Floats", two: "Floats") -> "Floats":
    """Return draws by three a column; each grows as the two go apart."""
    rows = [np.maximum(each[..., :GROUPS].sum(axis=-1, keepdims=True), 1.0) for each in (one, two)]
    shares = [each[..., :GROUPS] / count for each, count in zip((one, two), rows, strict=True)]
    usual = (one + two)[..., :GROUPS] / (rows[0] + rows[1])
    scale = rows[0] * rows[1] / (rows[0] + rows[1])
    square = (shares[0] - shares[1]) ** 2 / np.maximum(usual, 1e-12) * scale
    groups = np.cbrt(square.sum(axis=-1))  # nearly normal (Wilson and Hilferty 1931)
    rank = np.abs(one[..., _RANK] / rows[0][..., 0] - two[..., _RANK] / rows[1][..., 0])
    every = [
        count[..., 0] + each[..., _MISSING] for count, each in zip(rows, (one, two), strict=True)
    ]
    missing = np.abs(one[..., _MISSING] / every[0] - two[..., _MISSING] / every[1])
    found: Floats = np.stack([groups, rank, missing], axis=-1).reshape(*one.shape[:-2], -1)
    return found


def _conservative(
    one: "Floats", two: "Floats", rate: float, memory: float
) -> tuple["Floats", float]:
    """Return z-scores and Bonferroni's bound on them, from rows that are taken as independent.

    Where blocks vary more than such rows would, and remember, z-scores are that much lower.
    """
    from scipy.special import ndtri  # type: ignore[import-untyped] # SciPy ships no types

    totals = one.sum(axis=0), two.sum(axis=0)
    rows = [np.maximum(each[:, :GROUPS].sum(axis=1), 1.0) for each in totals]
    every = [count + each[:, _MISSING] for count, each in zip(rows, totals, strict=True)]
    chance = 1 / rows[0] + 1 / rows[1]
    usual = (totals[0] + totals[1])[:, :GROUPS] / (rows[0] + rows[1])[:, None]
    apart = totals[0] / rows[0][:, None] - totals[1] / rows[1][:, None]
    free = np.maximum((usual > 0).sum(axis=1) - 1, 1)
    square = (apart[:, :GROUPS] ** 2 / np.maximum(usual, 1e-12)).sum(axis=1) / chance
    groups = (np.cbrt(square / free) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))
    rank = np.abs(apart[:, _RANK]) / np.sqrt(chance / 12)
    gone = [each[:, _MISSING] / count for each, count in zip(totals, every, strict=True)]
    share = (totals[0] + totals[1])[:, _MISSING] / (every[0] + every[1])
    missing = np.abs(gone[0] - gone[1]) / np.sqrt(
        np.maximum(share * (1 - share) * (1 / every[0] + 1 / every[1]), 1e-12)
    )
    found = np.stack([groups, rank, missing], axis=1).ravel()
    unsure = _UNSURE if memory > _SHORT else 1.0
    wider = (max(_wider(one), _wider(two), 1.0) * memory * unsure) ** 0.5
    return found / wider, float(-ndtri(rate / max(1, 2 * len(found))))


def _wider(blocks: "Floats") -> float:
    """Return by how much the mean ranks of blocks vary more than those of independent rows."""
    if len(blocks) < 2:
        return 1.0
    rows = np.maximum(blocks[..., :GROUPS].sum(axis=-1), 1.0)
    variance = (blocks[..., _RANK] / rows).var(axis=0, ddof=1) * rows.mean(axis=0) * 12
    return float(variance.max(initial=1.0))
