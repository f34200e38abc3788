"""An e-detector: a stream of bounded block statistics, and a mean time to false alarm that holds.

After Shin, Ramdas and Rinaldo (2024): a mixture of Shiryaev-Roberts sums of bets against the
reference's mean. Without change, whatever the distribution, the mean time to an alarm is at least
what is declared. The null: given all that went before, the mean of the next block lies within a
tolerance of the reference's. So blocks that remember each other are refused. Its weak point: it
sees means alone, and changes smaller than the tolerance never.
"""

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.errors import TrueupError, WrongUsage
from trueup.gate.distributions import t_quantile
from trueup.monitoring.calibration import memory as remembering

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_BLOCKS = 20  # of a reference
BETS = tuple(0.5**at for at in range(1, 9))  # of the largest bet that cannot go broke
_SURELY = 0.99  # that the reference's mean lies within the tolerance


class PromiseUnsupported(TrueupError):
    """A promise was asked for that a reference cannot support."""


class EDetector(msgspec.Struct, frozen=True):
    """What the detector was told: the reference's mean, the tolerance, and the promise."""

    mean: float
    tolerance: float
    mean_blocks: float  # to a false alarm, at least
    low: float  # bounds of the statistic
    high: float
    format: int = 1

    def begin(self) -> "EState":
        """Return the state before the first block, or after an alarm was dealt with."""
        return EState(tuple([0.0] * (2 * len(BETS))))

    def update(self, state: "EState", value: float) -> "EState":
        """Return the state after one more block; the state before is left as it is."""
        if not self.low <= value <= self.high:
            raise WrongUsage(
                f"a block's statistic of {value:.6g} lies outside {self.low:.6g} to "
                f"{self.high:.6g}",
                remedy="Declare the bounds that the statistic has by its nature, such as 0 and 1.",
            )
        inside = (value - self.low) / (self.high - self.low)
        up = inside / min(self.mean + self.tolerance, 1.0)  # at most 1 on average, by the null
        down = (1 - inside) / min(1 - self.mean + self.tolerance, 1.0)
        bets = [1 + bet * (each - 1) for each in (up, down) for bet in BETS]
        grown = tuple((1 + before) * bet for before, bet in zip(state.sums, bets, strict=True))
        return EState(grown, state.blocks + 1)

    def alarms(self, state: "EState") -> bool:
        """Say whether the evidence is as high as the promise asks for."""
        return state.evidence >= self.mean_blocks


class EState(msgspec.Struct, frozen=True):
    """The evidence so far, a sum for each bet, upwards and downwards."""

    sums: tuple[float, ...]
    blocks: int = 0
    format: int = 1

    @property
    def evidence(self) -> float:
        """The mean over bets: an e-detector is linear, so that their mixture is one as well."""
        return math.fsum(self.sums) / len(self.sums)


class Bounds(msgspec.Struct, frozen=True):
    """Between what a statistic lies by its nature."""

    low: float = 0.0
    high: float = 1.0


SHARE = Bounds()


def e_detector(
    reference: "Floats", mean_blocks: float, tolerance: float, bounds: Bounds = SHARE
) -> EDetector:
    """Return a detector for blocks like those of a reference; ``tolerance`` is in its unit.

    PromiseUnsupported where the promise would not hold: blocks that remember each other, or a
    reference whose own mean is not known within the tolerance.
    """
    values = np.asarray(reference, dtype=np.float64)
    wide = bounds.high - bounds.low
    if len(values) < LEAST_BLOCKS or wide <= 0 or mean_blocks <= 1 or tolerance <= 0:
        raise WrongUsage(
            f"an e-detector of {len(values)} blocks, {mean_blocks:g} blocks to a false alarm and "
            f"a tolerance of {tolerance:g} cannot be made",
            remedy=f"Give at least {LEAST_BLOCKS} blocks, more than one block to a false alarm, "
            "and a tolerance above 0.",
        )
    found = remembering.memories(values[:, None])
    if float(remembering.shown(found)[0]) > 1:
        raise PromiseUnsupported(
            f"blocks remember each other for about {float(found[0]):.0f} blocks, so that the mean "
            "of the next one is not the reference's",
            remedy="Take longer blocks, or what is left after a seasonal or autoregressive "
            "prediction.",
        )
    error = t_quantile((1 + _SURELY) / 2, len(values) - 1) * float(values.std(ddof=1))
    error /= math.sqrt(len(values))
    if error > tolerance:
        blocks = math.ceil(len(values) * (error / tolerance) ** 2)
        raise PromiseUnsupported(
            f"the reference's mean is known to {error:.3g} only, less well than the tolerance of "
            f"{tolerance:.3g}",
            remedy=f"Give about {blocks} blocks, or a larger tolerance.",
        )
    mean = (float(values.mean()) - bounds.low) / wide
    return EDetector(mean, (tolerance + error) / wide, mean_blocks, bounds.low, bounds.high)
