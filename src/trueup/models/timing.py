"""How long a call takes for one row and for many, on this machine and at this moment."""

import time
from collections.abc import Callable
from typing import Any

from trueup.models.conversions import Cost

MANY = 64
_ROUNDS = 5
_LONGEST_S = 0.25  # of all rounds of one size


def cost_of(ask: Callable[[Any], Any], one: Any, many: Any) -> Cost:
    """Return what a row costs alone and among 64; each is asked first, to be warm."""
    return Cost(best_s(ask, one) * 1e6, best_s(ask, many) * 1e6 / MANY)


def best_s(ask: Callable[[Any], Any], given: Any) -> float:
    """Return the shortest of a few calls: what disturbs them only makes them longer."""
    best, began_s = float("inf"), time.perf_counter()
    for _ in range(_ROUNDS + 1):
        start_s = time.perf_counter()
        ask(given)
        end_s = time.perf_counter()
        best = min(best, end_s - start_s)
        if end_s - began_s > _LONGEST_S:
            break
    return best
