"""A bounded sample of rows, for what looks at several columns together: those of least hash.

Which rows are kept depends on the rows (or their ids) alone, not on their order or on what was
read first; the sample of a whole is that of its parts' samples.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles.grids import FORMAT, GridsDiffer, decoded

KEPT = 4096  # rows


class RowSample(msgspec.Struct, frozen=True):
    """Rows by tracks: numbers as they are, words as their cell's place, NaN for none."""

    grid: str  # the digest
    hashes: NDArray[np.uint64]  # ascending
    begins: NDArray[np.int64]  # of each row's block
    values: NDArray[np.float64]  # rows by tracks

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.hashes)


def merged_samples(samples: Sequence[RowSample], most: int = KEPT) -> RowSample | None:
    """Return the rows of least hash of all samples; a row that is in two of them stays twice."""
    if not samples:
        return None
    digests = {one.grid for one in samples}
    if len(digests) != 1:
        raise GridsDiffer(digests)
    hashes = np.concatenate([one.hashes for one in samples])
    begins = np.concatenate([one.begins for one in samples])
    values = np.concatenate([one.values for one in samples])
    keys = [values[:, k] for k in reversed(range(values.shape[1]))]
    order = np.lexsort([*keys, begins, hashes])[:most]
    return RowSample(samples[0].grid, hashes[order], begins[order], values[order])


class _Stored(msgspec.Struct, frozen=True):
    grid: str
    hashes: bytes
    begins: bytes
    values: bytes
    format: int


def encode_sample(sample: RowSample) -> bytes:
    """Return a sample as bytes: at most 4,096 rows of 8 bytes a track."""
    return msgspec.msgpack.encode(
        _Stored(
            sample.grid,
            sample.hashes.astype("<u8").tobytes(),
            sample.begins.astype("<i8").tobytes(),
            sample.values.astype("<f8").tobytes(),
            FORMAT,
        )
    )


def decode_sample(body: bytes) -> RowSample:
    """Read what encode_sample wrote; NotProven if it is damaged or of a newer trueup."""
    found = decoded(body, _Stored, "sample of rows")
    hashes = np.frombuffer(found.hashes, "<u8")
    values = np.frombuffer(found.values, "<f8")
    return RowSample(
        found.grid,
        hashes,
        np.frombuffer(found.begins, "<i8"),
        values.reshape(len(hashes), -1) if len(hashes) else values.reshape(0, 0),
    )
