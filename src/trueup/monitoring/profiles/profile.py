"""A profile: what was counted of one window, or of blocks that follow each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.cells import Cells
from trueup.monitoring.profiles import exact
from trueup.monitoring.profiles.grids import (
    FORMAT,
    Grid,
    GridsDiffer,
    NumberTrack,
    Track,
    decoded,
)
from trueup.monitoring.profiles.rest import NONE, Rest, merged

NULLS, NANS, BELOW, ABOVE = range(4)  # of marks: missing, not a number, the two infinities
_WIDTHS = ("<u1", "<u2", "<u4", "<i8")  # the last joins with the sums of others as it is
_TOGETHER = 64  # profiles are added up at once: so many stay in the processor's cache


class Profile(msgspec.Struct, frozen=True):
    """Counts of blocks on a grid; one block is a window. What is not counted is not kept.

    Its size depends on the grid alone: of one block at most 8 bytes a cell, 80 a track, and 20 kB
    for words that the grid does not have. ``rest`` is that of all blocks together.
    """

    grid: str  # the digest
    rows: NDArray[np.int64]  # of each block
    counts: NDArray[Any]  # blocks by the cells of all tracks
    marks: NDArray[np.int64]  # blocks by tracks by four
    extremes: NDArray[np.float64]  # blocks by tracks by two: the finite values'; inf, -inf: none
    sums: NDArray[np.int64]  # blocks by tracks by two moments by two limbs
    rest: dict[int, Rest] = {}  # by track

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.rows)

    def chosen(self, blocks: slice | NDArray[np.int64]) -> "Profile":
        """Return some of its blocks; the words outside the grid stay those of all."""
        if isinstance(blocks, np.ndarray) and len(blocks) == self.blocks:
            return self
        return msgspec.structs.replace(
            self,
            rows=self.rows[blocks],
            counts=self.counts[blocks],
            marks=self.marks[blocks],
            extremes=self.extremes[blocks],
            sums=self.sums[blocks],
        )


class Summary(msgspec.Struct, frozen=True):
    """What a profile says of one track, all its blocks together."""

    name: str
    rows: int
    nulls: int
    nans: int
    below: int  # minus infinity
    above: int  # infinity
    lowest: float | None  # of the finite ones; None: there is none, or these are words
    highest: float | None
    mean: float | None  # to a three-millionth of the reference's spread
    deviation: float | None  # to a ten-thousandth of it
    rest: int = 0  # rows whose word the grid does not have
    rest_distinct: float = 0.0
    rest_frequent: tuple[tuple[str, int], ...] = ()  # exact counts, of a sample of the words


def empty_profile(grid: Grid, blocks: int = 1) -> Profile:
    """Return a profile in which nothing has been counted yet."""
    tracks = len(grid.tracks)
    extremes = np.empty((blocks, tracks, 2))
    extremes[...] = (np.inf, -np.inf)
    return Profile(
        grid.digest,
        np.zeros(blocks, np.int64),
        np.zeros((blocks, int(grid.offsets[-1])), np.int64),
        np.zeros((blocks, tracks, 4), np.int64),
        extremes,
        np.zeros((blocks, tracks, 2, 2), np.int64),
    )


def merge(profiles: Sequence[Profile]) -> Profile:
    """Return all blocks of all profiles as one; in whatever order, it is the same.

    Raises GridsDiffer where they were not counted on one grid.
    """
    digests = {one.grid for one in profiles}
    if len(digests) != 1:
        raise GridsDiffer(digests)
    parts = [
        pooled(in_order([pooled(one) for one in profiles[low : low + _TOGETHER]]))
        for low in range(0, len(profiles), _TOGETHER)
    ]
    return parts[0] if len(parts) == 1 else merge(parts)


def pooled(profile: Profile) -> Profile:
    """Return all its blocks as one."""
    if profile.blocks < 2:
        return profile
    lowest = profile.extremes[..., 0].min(axis=0, keepdims=True)
    highest = profile.extremes[..., 1].max(axis=0, keepdims=True)
    return msgspec.structs.replace(
        profile,
        rows=profile.rows.sum(keepdims=True),
        counts=profile.counts.sum(axis=0, keepdims=True, dtype=np.int64),
        marks=profile.marks.sum(axis=0, keepdims=True),
        extremes=np.stack([lowest, highest], axis=-1),
        sums=exact.carried(exact.carried(profile.sums).sum(axis=0, keepdims=True)),
    )


def joined_blocks(profile: Profile, starts: NDArray[Any]) -> Profile:
    """Return a profile in which each start begins a block that reaches to the next start."""
    lowest = np.minimum.reduceat(profile.extremes[..., 0], starts, axis=0)
    highest = np.maximum.reduceat(profile.extremes[..., 1], starts, axis=0)
    sums = [exact.carried(profile.sums[low:high]) for low, high in _pairs(starts, profile.blocks)]
    return msgspec.structs.replace(
        profile,
        rows=np.add.reduceat(profile.rows, starts),
        counts=np.add.reduceat(profile.counts, starts, axis=0, dtype=np.int64),
        marks=np.add.reduceat(profile.marks, starts, axis=0),
        extremes=np.stack([lowest, highest], axis=-1),
        sums=np.stack([exact.carried(one.sum(axis=0)) for one in sums]),
    )


def in_order(profiles: Sequence[Profile]) -> Profile:
    """Return the blocks of all profiles one behind the other."""
    digests = {one.grid for one in profiles}
    if len(digests) != 1:
        raise GridsDiffer(digests)
    return Profile(
        profiles[0].grid,
        np.concatenate([one.rows for one in profiles]),
        np.concatenate([one.counts for one in profiles]),
        np.concatenate([one.marks for one in profiles]),
        np.concatenate([one.extremes for one in profiles]),
        np.concatenate([one.sums for one in profiles]),
        _rests([one.rest for one in profiles]),
    )


def side_by_side(grid: Grid, parts: Sequence[Profile]) -> Profile:
    """Return profiles of the grid's columns, each on a grid of its own, as one of them all."""
    rest: dict[int, Rest] = {}
    first = 0
    for one in parts:
        rest |= {first + track: found for track, found in one.rest.items()}
        first += one.marks.shape[1]
    return Profile(
        grid.digest,
        parts[0].rows,
        np.concatenate([narrowed(one.counts) for one in parts], axis=1),
        np.concatenate([one.marks for one in parts], axis=1),
        np.concatenate([one.extremes for one in parts], axis=1),
        np.concatenate([one.sums for one in parts], axis=1),
        rest,
    )


def narrowed(counts: NDArray[Any]) -> NDArray[Any]:
    """Return counts in the fewest bytes that hold them."""
    most = int(counts.max(initial=0))
    width = next(one for one in _WIDTHS if most < 1 << 8 * np.dtype(one).itemsize)
    return counts.astype(width, copy=False)


def cells(profile: Profile, grid: Grid) -> tuple[Cells, ...]:
    """Return what drift is computed from: for each track the counts of each block.

    Rows without a value, and those that are not a number, are missing; infinities are in the
    first and the last cell.
    """
    if profile.grid != grid.digest:
        raise GridsDiffer((profile.grid, grid.digest))
    return tuple(_cells(profile, track, k, grid.offsets) for k, track in enumerate(grid.tracks))


def summaries(profile: Profile, grid: Grid) -> tuple[Summary, ...]:
    """Return what the profile says of each track beside its cells."""
    if profile.grid != grid.digest:
        raise GridsDiffer((profile.grid, grid.digest))
    one = pooled(profile)
    return tuple(_summary(one, track, k, grid.offsets) for k, track in enumerate(grid.tracks))


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    grid: str
    blocks: int
    cells: int
    width: str
    rows: memoryview  # of the bytes that are read: nothing is copied
    counts: memoryview
    marks: memoryview
    extremes: memoryview
    sums: memoryview
    rest: dict[str, Rest] = {}
    format: int = FORMAT


class _Written(_Stored, frozen=True, kw_only=True):
    format: int


def encode_profile(profile: Profile) -> bytes:
    """Return a profile as bytes; equal profiles are equal bytes, whatever was merged into them."""
    counts = narrowed(profile.counts)
    return msgspec.msgpack.encode(
        _Written(
            profile.grid,
            profile.blocks,
            profile.counts.shape[1],
            counts.dtype.str.replace("|", "<"),
            _bytes(profile.rows, "<i8"),
            _bytes(counts, counts.dtype),
            _bytes(profile.marks, "<i8"),
            _bytes(profile.extremes, "<f8"),
            _bytes(profile.sums, "<i8"),
            {str(track): rest for track, rest in sorted(profile.rest.items()) if rest.kept},
            format=FORMAT,
        )
    )


def _bytes(values: NDArray[Any], dtype: Any) -> memoryview:
    return memoryview(values.astype(dtype, copy=False).tobytes())


def decode_profile(body: bytes) -> Profile:
    """Read what encode_profile wrote; NotProven if it is damaged or of a newer trueup."""
    found = decoded(body, _Stored, "profile")
    blocks = found.blocks
    return Profile(
        found.grid,
        np.frombuffer(found.rows, "<i8"),
        np.frombuffer(found.counts, found.width).reshape(blocks, found.cells),
        np.frombuffer(found.marks, "<i8").reshape(blocks, -1, 4),
        np.frombuffer(found.extremes, "<f8").reshape(blocks, -1, 2),
        np.frombuffer(found.sums, "<i8").reshape(blocks, -1, 2, 2),
        {int(track): rest for track, rest in found.rest.items()},
    )


def _pairs(starts: NDArray[Any], end: int) -> list[tuple[int, int]]:
    return list(zip(starts.tolist(), [*starts[1:].tolist(), end], strict=True))


def _rests(rests: Sequence[Mapping[int, Rest]]) -> dict[int, Rest]:
    tracks = sorted({track for rest in rests for track in rest})
    return {
        track: merged(rest.get(track, NONE) for rest in rests if track in rest) for track in tracks
    }


def _cells(profile: Profile, track: Track, k: int, offsets: NDArray[np.int64]) -> Cells:
    marks = profile.marks[:, k]
    return Cells(
        track.name,
        profile.counts[:, offsets[k] : offsets[k + 1]].astype(np.int64),
        marks[:, NULLS] + marks[:, NANS],
        track.edges if isinstance(track, NumberTrack) else None,
        () if isinstance(track, NumberTrack) else track.labels,
        track.role,
    )


def _summary(profile: Profile, track: Track, k: int, offsets: NDArray[np.int64]) -> Summary:
    nulls, nans, below, above = profile.marks[0, k].tolist()
    rows = int(profile.rows[0])
    if not isinstance(track, NumberTrack):
        rest = profile.rest.get(k, NONE)
        others = int(profile.counts[0, offsets[k + 1] - 1])
        return Summary(
            track.name, rows, nulls, nans, below, above, None, None, None, None,
            others, rest.distinct(), rest.most_frequent(),
        )  # fmt: skip
    finite = rows - nulls - nans - below - above
    if not finite:
        return Summary(track.name, rows, nulls, nans, below, above, None, None, None, None)
    lowest, highest = profile.extremes[0, k].tolist()
    mean, deviation = exact.moments(profile.sums[0, k], finite, track.origin, track.exponent)
    return Summary(track.name, rows, nulls, nans, below, above, lowest, highest, mean, deviation)
