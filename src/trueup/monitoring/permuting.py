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

from trueup.gate.distributions import normal_quantile

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
_AT_ONCE = 250  # draws, to keep memory small
_SHORT = 1.2  # a memory that white noise has
_LEAST_SEEN = 16  # blocks; of fewer no memory can be told
_UNSURE = 2.9  # by how much a memory may be underrated (chi-squared with 8 degrees, 5 %)


class Significance(msgspec.Struct, frozen=True):
    """Which columns differ by more than chance, at one rate over all that are steady."""

    rate: float  # of false alarms, a comparison
    claimed: bool  # whether the blocks that there are support that rate
    why: str
    scores: dict[str, float]  # the highest of each column
    at: float  # above it a column differs
    blocks: tuple[int, int]  # of each table, that were permuted
    unsteady: tuple[str, ...] = ()  # columns that remember too long to be covered by the rate
    unsteady_at: float = 0.0  # above it these differ: a bound that claims nothing

    def is_significant(self, name: str) -> bool:
        """Say whether a column differs by more than chance."""
        return self.scores[name] > (self.unsteady_at if name in self.unsteady else self.at)


def significance(
    reference: Sequence["Cells"], current: Sequence["Cells"], rate: float
) -> Significance:
    """Compare two tables' blocks; without enough of them a conservative bound stands in.

    So it does for a column that remembers too long, such as one that grows from row to row.
    """
    names = [one.name for one in reference]
    if rate >= 1:
        scores = dict.fromkeys(names, 0.0)
        return Significance(rate, False, "no rate was asked for", scores, -1.0, (0, 0))
    pairs = list(zip(reference, current, strict=True))
    both = [_features(*pair) for pair in pairs]
    one, two = (np.stack([made[side] for made in both], axis=1) for side in (0, 1))
    found = _memory(one, two)
    careful, bound = _conservative(one, two, rate, found.each)
    length = int(np.ceil(3 * found.common)) if found.common > _SHORT else 1
    one, two = (_joined(side[:, found.steady], length) for side in (one, two))
    blocks = (len(one), len(two))
    draws = int(np.ceil(LEAST_HITS / rate))
    why = _too_little(blocks, found, draws)
    if why:
        return Significance(rate, False, why, _scores(names, careful), bound, blocks)
    score, drawn = _drawn(one, two, max(draws, 500))
    highest = np.sort(drawn.max(axis=1))
    at = float(highest[int(np.ceil((1 - rate) * len(highest))) - 1])
    why = f"{blocks[0]} and {blocks[1]} stretches of rows, dealt out {len(highest):,} times"
    careful.reshape(-1, _STATISTICS)[found.steady] = score.reshape(-1, _STATISTICS)
    unsteady = tuple(name for name, kept in zip(names, found.steady, strict=True) if not kept)
    scores = _scores(names, careful)
    return Significance(rate, True, why, scores, at, blocks, unsteady, bound)


def _too_little(blocks: tuple[int, int], found: "_Memory", draws: int) -> str:
    """Say why no rate can be claimed; nothing if it can."""
    if not found.steady.any():
        return "no column has stretches of rows that stand for themselves"
    if min(blocks) < LEAST_BLOCKS:
        return (
            f"only {blocks[0]} and {blocks[1]} stretches of rows stand for themselves; "
            f"a rate needs {LEAST_BLOCKS} of each"
        )
    if draws > MOST_DRAWS:
        return f"a rate below {LEAST_HITS / MOST_DRAWS:g} is more than permuting can support"
    return ""


def _scores(names: Sequence[str], found: "Floats") -> dict[str, float]:
    return dict(
        zip(names, found.reshape(len(names), _STATISTICS).max(axis=1).tolist(), strict=True)
    )


def _features(one: "Cells", two: "Cells") -> tuple["Floats", "Floats"]:
    """Return, block by block, the rows of each group of cells, summed ranks, missing rows."""
    pooled = one.counts.sum(axis=0) + two.counts.sum(axis=0)
    if one.is_ordered:
        middle = (np.cumsum(pooled) - pooled / 2) / max(1, int(pooled.sum()))
        group = np.minimum((middle * GROUPS).astype(np.int64), GROUPS - 1)
        return _of_ordered(one, group, middle - 0.5), _of_ordered(two, group, middle - 0.5)
    frequent = np.argsort(-pooled, kind="stable")[: GROUPS - 1]
    return _of_words(one, frequent), _of_words(two, frequent)


def _of_ordered(cells: "Cells", group: "NDArray[np.int64]", rank: "Floats") -> "Floats":
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    found = np.zeros((cells.blocks, _FEATURES))
    found[:, group[starts]] = np.add.reduceat(cells.counts, starts, axis=1)
    found[:, _RANK] = np.einsum("bc,c->b", cells.counts, rank)
    found[:, _MISSING] = cells.missing
    return found


def _of_words(cells: "Cells", frequent: "NDArray[np.int64]") -> "Floats":
    """Give each frequent word a group, and all others the last one."""
    found = np.zeros((cells.blocks, _FEATURES))
    found[:, : len(frequent)] = cells.counts[:, frequent]
    found[:, GROUPS - 1] = cells.counts.sum(axis=1) - found[:, : len(frequent)].sum(axis=1)
    found[:, _MISSING] = cells.missing
    return found


class _Memory(msgspec.Struct, frozen=True):
    """Of how many blocks one would say as much: of each column, and what steady ones share."""

    each: "Floats"
    steady: "NDArray[np.bool_]"  # columns of which enough stretches stand for themselves
    common: float


def _memory(one: "Floats", two: "Floats") -> _Memory:
    """Return how long columns remember.

    Stretches are thrice that long: they share at most a tenth of how they vary with neighbours.
    """
    seen = [_memories(side) for side in (one, two)]
    each = np.maximum(*(told for told, _ in seen))
    longest = min(len(one), len(two)) / (3 * LEAST_BLOCKS)
    usual = max(1.0, *(float(np.median(mean)) for _, mean in seen))
    steady = (each <= max(_SHORT, longest)) & (usual <= max(_SHORT, longest))
    return _Memory(each, steady, max(usual, float(each[steady].max(initial=1.0))))


def _joined(blocks: "Floats", length: int) -> "Floats":
    count = max(1, len(blocks) // length)
    starts = -(-np.arange(count) * len(blocks) // count)
    found: Floats = np.add.reduceat(blocks, starts, axis=0)
    return found


def _memories(blocks: "Floats") -> tuple["Floats", "Floats"]:
    """Return each column's memory as far as it can be told from chance, and as it is on average."""
    from trueup.monitoring.calibration.memory import memories, shown

    found = np.ones((blocks.shape[1], _FEATURES))
    if len(blocks) < _LEAST_SEEN:
        return found[:, 0], found[:, 0]
    present = np.maximum(blocks[..., :GROUPS].sum(axis=-1, keepdims=True), 1.0)
    series = blocks / present
    moves = series.std(axis=0) > 1e-9
    found[moves] = memories(series[:, moves])
    told = np.ones(found.shape)
    told[moves] = shown(found[moves])
    mean = np.where(moves, found, 0.0).sum(axis=1) / np.maximum(moves.sum(axis=1), 1)
    return told.max(axis=1), mean


def _drawn(one: "Floats", two: "Floats", draws: int) -> tuple["Floats", "Floats"]:
    """Return the columns' statistics, as found and in each draw, studentised by the draws."""
    rng = np.random.default_rng(_SEED)
    every = np.concatenate([one, two])
    flat, total = every.reshape(len(every), -1), every.sum(axis=0)
    found = _statistics(one.sum(axis=0)[None], two.sum(axis=0)[None])
    parts = []
    for low in range(0, draws, _AT_ONCE):
        many = min(_AT_ONCE, draws - low)
        chosen = np.argpartition(rng.random((many, len(every))), len(one) - 1, axis=1)
        member = np.zeros((many, len(every)))
        np.put_along_axis(member, chosen[:, : len(one)], 1.0, axis=1)
        mine = (member @ flat).reshape(many, *every.shape[1:])
        parts.append(_statistics(mine, total - mine))
    drawn = np.concatenate(parts)
    centre, spread = drawn.mean(axis=0), drawn.std(axis=0)
    is_still = spread <= 1e-12 * (1 + np.abs(centre))
    spread[is_still] = 1.0
    scored = [(each - centre) / spread for each in (found, drawn)]
    for each in scored:
        each[:, is_still] = 0.0
    return scored[0][0], scored[1]


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
    one: "Floats", two: "Floats", rate: float, memory: "Floats"
) -> tuple["Floats", float]:
    """Return z-scores and Bonferroni's bound on them, from rows that are taken as independent.

    Where blocks vary more than such rows would, and remember, z-scores are that much lower.
    """
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
    unsure = np.where(memory > _SHORT, memory * _UNSURE, 1.0)
    wider = np.repeat(np.sqrt(np.maximum(_wider(one), _wider(two)) * unsure), _STATISTICS)
    return found / wider, -normal_quantile(rate / max(1, 2 * len(found)))


def _wider(blocks: "Floats") -> "Floats":
    """Return by how much blocks' mean ranks vary more than those of independent rows."""
    if len(blocks) < 2:
        return np.ones(blocks.shape[1])
    rows = np.maximum(blocks[..., :GROUPS].sum(axis=-1), 1.0)
    variance = (blocks[..., _RANK] / rows).var(axis=0, ddof=1) * rows.mean(axis=0) * 12
    found: Floats = np.maximum(variance, 1.0)
    return found
