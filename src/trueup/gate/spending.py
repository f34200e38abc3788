"""How the error is spent over the candidates that are judged on the same rows."""

import math
from typing import Literal

import msgspec


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """Which distinct candidate this is on these rows, counted from 1, and the plan for them."""

    use: int = 1
    reuse: int = 20
    plan: Literal["series", "even"] = "series"

    @property
    def exhausted(self) -> bool:
        """Whether more candidates were judged than planned: only points are left."""
        return self.use > self.reuse

    def alpha(self, confidence: float) -> float:
        """Return the error that this candidate may spend; all shares together are 1 - confidence.

        >>> round(Spending(use=2).alpha(0.95), 6), round(Spending(plan="even").alpha(0.95), 6)
        (0.007599, 0.0025)
        """
        whole = 1 - confidence
        if self.plan == "even":
            return whole / self.reuse
        return whole * (6 / (math.pi**2 * self.use**2))
