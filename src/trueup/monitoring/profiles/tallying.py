"""Count values into a profile: rows that stand together by block, a chunk at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles import exact, floats
from trueup.monitoring.profiles.grids import Grid, NumberTrack, WordTrack
from trueup.monitoring.profiles.profile import ABOVE, BELOW, NANS, NULLS, Profile
from trueup.monitoring.profiles.rest import NONE, merged, rest_of

_CHUNK = 1 << 16  # rows that stay in the processor's cache, and whose sums are exact


class Numbers(msgspec.Struct, frozen=True):
    """Values of a number track; where ``nulls`` says so there is none, and NaN stands there."""

    values: NDArray[np.float64]
    nulls: NDArray[np.bool_] | None = None


class Words(msgspec.Struct, frozen=True):
    """Values of a word track: each row's place in the dictionary, -1 for none."""

    codes: NDArray[np.int64]
    dictionary: Sequence[str]


class Blocks(msgspec.Struct, frozen=True):
    """Which rows belong to which blocks: row ``starts[k]`` begins block ``numbers[k]``."""

    starts: NDArray[np.int64]
    rows: int
    numbers: NDArray[np.int64]

    def sizes(self) -> NDArray[np.int64]:
        """How many rows each block has."""
        return np.diff(np.append(self.starts, self.rows))


def one_block(rows: int, block: int = 0) -> Blocks:
    """Say that all rows belong to one block."""
    any_rows = min(rows, 1)
    return Blocks(np.zeros(any_rows, np.int64), rows, np.full(any_rows, block))


def tally_rows(profile: Profile, blocks: Blocks) -> None:
    """Count the rows themselves; the columns are counted one by one."""
    profile.rows[blocks.numbers] += blocks.sizes()


class Lookup:
    """Finds the cell of numbers through their keys, and by halving where a key has several."""

    def __init__(self, track: NumberTrack) -> None:
        self.track = track
        self.edges = track.edges
        self.below, self.above, self.nan = (track.cells + k for k in range(3))
        self.width = track.cells + 3
        self.by_key = self._by_key()
        self.is_split = self._is_split()
        self.has_split = bool(self.is_split.any())

    def _by_key(self) -> NDArray[np.uint16]:
        begins = floats.ranks(self.edges, self.track.origin)
        cell = np.searchsorted(begins, floats.RANK, side="right")
        cell[floats.RANK == floats.LOWEST] = self.below
        cell[floats.RANK == floats.HIGHEST] = self.above
        cell[floats.IS_NAN] = self.nan
        return cell.astype(np.uint16)

    def _is_split(self) -> NDArray[np.bool_]:
        """Say of which keys not all values are in one cell."""
        if not len(self.edges):
            return np.zeros(floats.KEYS, np.bool_)
        begins = floats.ranks(self.edges, self.track.origin)
        before = floats.ranks(np.nextafter(self.edges, -np.inf), self.track.origin)
        split = begins[begins == before]
        found: NDArray[np.bool_] = np.isin(floats.RANK, split) & ~floats.IS_NAN
        return found

    def cells(self, values: NDArray[np.float64], room: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the cell of each value; beyond the cells: below, above (infinite), NaN."""
        keys = floats.keys(values, self.track.origin, room)
        found = self.by_key.take(keys)
        if self.has_split:
            rows = np.flatnonzero(self.is_split[keys])
            found[rows] = np.searchsorted(self.edges, values[rows], side="right")
        return found


class Place(NamedTuple):
    """Where a column is counted: a track of a profile's grid."""

    profile: Profile
    grid: Grid
    number: int


def tally_numbers(place: Place, given: Numbers, blocks: Blocks, lookup: Lookup) -> None:
    """Count a column of numbers."""
    profile, grid, number = place
    tally = _NumberTally(profile, int(grid.offsets[number]), number, lookup)
    if given.nulls is not None:
        _add_nulls(profile, number, given.nulls, blocks)
    room = np.empty(_CHUNK, np.float32)
    for low in range(0, blocks.rows, _CHUNK):
        high = min(low + _CHUNK, blocks.rows)
        first = int(np.searchsorted(blocks.starts, low, side="right")) - 1
        last = int(np.searchsorted(blocks.starts, high, side="left"))
        starts = np.maximum(blocks.starts[first:last] - low, 0)
        tally.add(given.values[low:high], starts, blocks.numbers[first:last], room)


def tally_words(place: Place, given: Words, blocks: Blocks) -> None:
    """Count a column of words."""
    profile, grid, number = place
    track = grid.tracks[number]
    assert isinstance(track, WordTrack)  # noqa: S101 - the caller chose by the track's type
    places = {word: k for k, word in enumerate(track.words)}
    rest, null = len(track.words), len(track.words) + 1
    table = np.array([*(places.get(word, rest) for word in given.dictionary), null], np.int64)
    found = table[given.codes]
    for k, (low, high) in enumerate(_spans(blocks)):
        counts = np.bincount(found[low:high], minlength=null + 1)
        at = blocks.numbers[k]
        profile.counts[at, grid.offsets[number] : grid.offsets[number + 1]] += counts[:null]
        profile.marks[at, number, NULLS] += counts[null]
    if (table[:-1] == rest).any():
        rows = np.bincount(given.codes[found == rest], minlength=len(given.dictionary)).tolist()
        unknown = {given.dictionary[k]: count for k, count in enumerate(rows) if count}
        known = profile.rest.get(number, NONE)
        profile.rest[number] = merged([known, rest_of(unknown)])


class _NumberTally:
    """Adds chunks of one track's values to a profile."""

    def __init__(self, profile: Profile, offset: int, number: int, lookup: Lookup) -> None:
        self.lookup = lookup
        track = lookup.track
        self.counts = profile.counts[:, offset : offset + track.cells]
        self.marks = profile.marks[:, number]
        self.extremes = profile.extremes[:, number]
        self.sums = profile.sums[:, number]

    def add(
        self,
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        here: NDArray[np.int64],
        room: NDArray[np.float32],
    ) -> None:
        """Count values of which each start begins one of the blocks."""
        lookup, width = self.lookup, self.lookup.width
        found = lookup.cells(values, room)
        many = len(starts)
        if many > 1:
            sizes = np.diff(np.append(starts, len(values)))
            within = np.repeat(np.arange(many, dtype=np.int32) * width, sizes)
            within += found
            counts = np.bincount(within, minlength=many * width).reshape(many, width)
        else:
            counts = np.bincount(found, minlength=width)[None]
        self.counts[here] += counts[:, : lookup.below]
        if counts[:, lookup.below :].any():
            self.marks[here, NANS] += counts[:, lookup.nan]
            self.counts[here, 0] += counts[:, lookup.below]
            self.counts[here, -1] += counts[:, lookup.above]
            values, starts, here = self._finite(values, starts, here)
        if len(starts):
            self._measure(values, starts, here)

    def _finite(
        self, values: NDArray[np.float64], starts: NDArray[np.int64], here: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Count the infinities; return the finite values, and the blocks that have any."""
        infinite = np.isinf(values)
        self.marks[here, BELOW] += np.add.reduceat(infinite & (values < 0), starts, dtype=np.int64)
        self.marks[here, ABOVE] += np.add.reduceat(infinite & (values > 0), starts, dtype=np.int64)
        finite = np.isfinite(values)
        sizes = np.add.reduceat(finite, starts, dtype=np.int64)
        has_any = sizes > 0
        begins = np.cumsum(sizes[has_any]) - sizes[has_any]
        return values[finite], begins, here[has_any]

    def _measure(
        self, values: NDArray[np.float64], starts: NDArray[np.int64], here: NDArray[np.int64]
    ) -> None:
        track = self.lookup.track
        first, second = exact.steps(values, track.origin, track.exponent)
        lowest = np.minimum.reduceat(values, starts)
        highest = np.maximum.reduceat(values, starts)
        self.extremes[here, 0] = np.minimum(self.extremes[here, 0], lowest) + 0.0
        self.extremes[here, 1] = np.maximum(self.extremes[here, 1], highest) + 0.0
        for moment, each in enumerate((first, second)):
            total = exact.limbs(np.add.reduceat(each, starts))
            self.sums[here, moment] = exact.carried(self.sums[here, moment] + total)


def _spans(blocks: Blocks) -> list[tuple[int, int]]:
    starts = blocks.starts.tolist()
    return list(zip(starts, [*starts[1:], blocks.rows][: len(starts)], strict=True))


def _add_nulls(profile: Profile, number: int, nulls: NDArray[np.bool_], blocks: Blocks) -> None:
    """Count nulls as such, and no more as the NaN that stands in their places."""
    if blocks.rows:
        found = np.add.reduceat(nulls, blocks.starts, dtype=np.int64)
        profile.marks[blocks.numbers, number, NULLS] += found
        profile.marks[blocks.numbers, number, NANS] -= found
