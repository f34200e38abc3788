"""Which rows stand or fall together: blocks of time, groups, both, or single rows."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from trueup.gate.arrays import Whole, np
from trueup.gate.rows import Table, numbered

Kind = Literal["rows", "time", "group", "two_way"]
MOST = 500  # blocks; more units than that are dealt into so many at random


@dataclass(frozen=True)
class Blocks:
    """Each row's block. ``crossed`` are groups and intersections where time alone is not all."""

    kind: Kind
    codes: Whole
    count: int
    units: Whole  # each row's day, group or own number, before any dealing
    crossed: tuple["Blocks", ...] = ()

    def only(self, kept: Whole) -> "Blocks":
        """Return the blocks of some rows, with the same numbers."""
        crossed = tuple(each.only(kept) for each in self.crossed)
        return Blocks(self.kind, self.codes[kept], self.count, self.units[kept], crossed)


def blocks_of(table: Table, seed: int) -> Blocks:
    """Return the blocks that the table's declared time and group ask for.

    The coarser of the two where one lies within the other, else two-way.
    """
    if table.group is None:
        return single_rows(len(table), seed) if table.days is None else _of_time(table.days)
    if table.days is None or _within(table.days, table.group):
        return _dealt("group", table.group, seed)
    if _within(table.group, table.days):
        return _of_time(table.days)
    time = _of_time(table.days)
    groups = _dealt("group", table.group, seed)
    pairs, _ = numbered(time.codes * (int(table.group.max()) + 1) + table.group)
    both = _dealt("rows", pairs, seed)
    return Blocks("two_way", time.codes, time.count, time.units, (groups, both))


@lru_cache(maxsize=1)
def single_rows(count: int, seed: int) -> Blocks:
    """Return blocks of rows as if they were independent, for the design effect."""
    return _dealt("rows", np.arange(count), seed)


def _dealt(kind: Kind, units: Whole, seed: int) -> Blocks:
    """Deal units at random into blocks of about the same number of units, if there are many."""
    codes, count = numbered(units) if kind != "rows" else (units, int(units.max(initial=-1)) + 1)
    if count <= MOST:
        return Blocks(kind, codes, count, codes)
    hands = np.random.default_rng([seed, count]).permutation(count) % MOST
    return Blocks(kind, hands[codes], MOST, codes)


def _of_time(days: Whole) -> Blocks:
    """Number days in their order; past MOST, neighbouring days share a block."""
    codes, count = numbered(days)
    joined = -(-count // MOST)
    return Blocks("time", codes // joined, -(-count // joined), codes // joined)


def _within(fine: Whole, coarse: Whole) -> bool:
    """Say whether every value of the one occurs with one value of the other only."""
    pairs = len(np.unique(np.stack([fine, coarse]), axis=1).T)
    return pairs == len(np.unique(fine))
