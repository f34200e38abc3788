"""Resamples of blocks: how often each block is drawn, the same for every metric and slice."""

import math
from functools import lru_cache

from trueup.gate.arrays import Floats, NDArray, np

MOST = 2000
BEYOND = 100  # resamples that must lie beyond the bound which is read from them
LEAST_BLOCKS = 30  # with fewer, Student's t takes over


def resamples_for(alpha: float) -> int:
    """Return how many resamples a bound at alpha is given."""
    return min(MOST, math.ceil(BEYOND / alpha - 1e-9))


@lru_cache(maxsize=8)
def weights(seed: int, blocks: int, resamples: int) -> NDArray[np.float32]:
    """Return how often each block is drawn in each resample, (resamples, blocks)."""
    drawn = np.random.default_rng([seed, blocks, resamples]).integers(
        0, blocks, size=(resamples, blocks), dtype=np.int32
    )
    drawn += np.arange(resamples, dtype=np.int32)[:, None] * np.int32(blocks)
    counts = np.bincount(drawn.reshape(-1), minlength=resamples * blocks)
    return counts.reshape(resamples, blocks).astype(np.float32)


def weighted(drawn: NDArray[np.float32], sums: Floats) -> Floats:
    """Return the sums of each resample, (resamples, places), in double precision."""
    centre = sums.mean(axis=0)  # single precision then carries deviations only
    spread = (drawn @ (sums - centre).astype(np.float32)).astype(np.float64)
    total: Floats = spread + drawn.shape[1] * centre  # every resample draws so many blocks
    return total
