"""Counts over cells: all that drift is computed from, however many rows were counted."""

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Role: TypeAlias = Literal["input", "prediction", "missing", "joint"]


class Cells(msgspec.Struct, frozen=True):
    """How many rows of each block fell into each cell of one column.

    ``counts`` is blocks by cells, whole numbers, in the order of time; a window is one block or
    several. Cells of an ordered column ascend, under- and overflow being the first and the last;
    ``edges`` are then the inner bounds between neighbours, one fewer than cells. Nulls are in
    ``missing``, one number a block, and in no cell.
    """

    name: str
    counts: "NDArray[np.int64]"
    missing: "NDArray[np.int64]"
    edges: "NDArray[np.float64] | None" = None  # None: cells without an order
    labels: tuple[str, ...] = ()  # of unordered cells; the last may be "(rest)"
    role: Role = "input"

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return int(self.counts.shape[0])

    @property
    def is_ordered(self) -> bool:
        """Say whether its cells ascend."""
        return self.edges is not None

    def rows(self) -> "NDArray[np.int64]":
        """Return the rows of each block, with those that are missing."""
        found: NDArray[np.int64] = self.counts.sum(axis=1) + self.missing
        return found

    def part(self, blocks: Any) -> "Cells":
        """Return some of its blocks: a slice, or an array of their numbers."""
        return msgspec.structs.replace(
            self, counts=self.counts[blocks], missing=self.missing[blocks]
        )

    def pooled(self) -> "Cells":
        """Return all its blocks as one."""
        return msgspec.structs.replace(
            self,
            counts=self.counts.sum(axis=0, keepdims=True),
            missing=self.missing.sum(keepdims=True),
        )
