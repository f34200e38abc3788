"""A reference: profiles of blocks in the order of time, which windows are compared with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.profiles.grids import FORMAT, Grid, decoded
from trueup.monitoring.profiles.profile import (
    Profile,
    cells,
    decode_profile,
    encode_profile,
    in_order,
    joined_blocks,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.cells import Cells
    from trueup.monitoring.samples import RowSample

MOST_BLOCKS = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reference(msgspec.Struct, frozen=True):
    """Blocks in order on one grid, when (or at which row) each begins, and a sample of rows."""

    grid: Grid
    profile: Profile
    begins: "NDArray[np.int64]"  # microseconds since 1970, or numbers of rows
    width: int  # of a block, in the same unit
    is_timed: bool
    sample: "RowSample | None" = None

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self.profile.blocks

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.profile.rows.sum())

    @property
    def block_s(self) -> float:
        """How long a block is; 0 where its rows have no time."""
        return self.width / 1e6 if self.is_timed else 0.0

    def moments(self) -> tuple[datetime, ...]:
        """Return when each block begins; of rows without times, nothing."""
        if not self.is_timed:
            return ()
        return tuple(_EPOCH + timedelta(microseconds=each) for each in self.begins.tolist())

    def cells(self) -> "tuple[Cells, ...]":
        """Return the counts of each track, block by block: what drift is computed from."""
        return cells(self.profile, self.grid)


def bounded(reference: Reference, most: int = MOST_BLOCKS) -> Reference:
    """Return a reference of at most so many blocks: neighbours are merged, two by two.

    Where time has gaps, neighbours are those of the same double span, not the next that has rows.
    """
    while reference.blocks > most:
        width = 2 * reference.width
        span = reference.begins // width if reference.is_timed else np.arange(reference.blocks) // 2
        starts = np.flatnonzero(np.append(True, span[1:] != span[:-1]))
        begins = span[starts] * width if reference.is_timed else reference.begins[starts]
        reference = msgspec.structs.replace(
            reference,
            profile=joined_blocks(reference.profile, starts),
            begins=begins,
            width=width,
        )
    return reference


def continued(parts: Sequence[Reference]) -> Reference:
    """Return references that follow each other, on one grid and of one width, as one."""
    from trueup.monitoring.samples import merged_samples

    together = msgspec.structs.replace(
        parts[0],
        profile=in_order([one.profile for one in parts]),
        begins=np.concatenate([one.begins for one in parts]),
        sample=merged_samples([one.sample for one in parts if one.sample]),
    )
    return bounded(together)


class _Stored(msgspec.Struct, frozen=True):
    grid: Grid
    profile: bytes
    begins: bytes
    width: int
    is_timed: bool
    sample: bytes
    format: int


def encode_reference(reference: Reference) -> bytes:
    """Return a reference, its grid and its sample as bytes."""
    from trueup.monitoring.samples import encode_sample

    return msgspec.msgpack.encode(
        _Stored(
            reference.grid,
            encode_profile(reference.profile),
            reference.begins.astype("<i8").tobytes(),
            reference.width,
            reference.is_timed,
            encode_sample(reference.sample) if reference.sample else b"",
            FORMAT,
        )
    )


def decode_reference(body: bytes) -> Reference:
    """Read what encode_reference wrote; NotProven if it is damaged or of a newer trueup."""
    from trueup.monitoring.samples import decode_sample

    found = decoded(body, _Stored, "reference")
    return Reference(
        found.grid,
        decode_profile(found.profile),
        np.frombuffer(found.begins, "<i8"),
        found.width,
        found.is_timed,
        decode_sample(found.sample) if found.sample else None,
    )
