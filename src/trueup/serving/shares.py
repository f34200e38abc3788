"""How much of the server one bearer may take: so many requests a second, so many at once.

It is counted in each process by itself, so that a request pays well below a microsecond for it.
"""

import math
import time

from trueup.serving.refusals import BeyondShare


class Share:
    """A bucket that fills with the rate, up to a second's worth, and a count of what is open."""

    __slots__ = ("_at_s", "_level", "concurrency", "is_bounded", "open", "rate")

    def __init__(self, rate: float = 0.0, concurrency: int = 0) -> None:
        self.rate, self.concurrency, self.open = rate, concurrency, 0
        self.is_bounded = rate > 0 or concurrency > 0
        self._level, self._at_s = max(rate, 1.0), -math.inf

    def enter(self, now_s: float | None = None) -> None:
        """Count a request in; BeyondShare where its bearer has too many, or too often.

        >>> share = Share(rate=2)
        >>> share.enter(0.0), share.enter(0.1)
        (None, None)
        >>> share.enter(0.2)
        Traceback (most recent call last):
        ...
        trueup.serving.refusals.BeyondShare: this token may ask 2 times a second
          Ask again after the time that Retry-After gives
        """
        if self.concurrency and self.open >= self.concurrency:
            raise BeyondShare(f"this token may have {self.concurrency} requests under way", 1)
        if self.rate:
            now_s = time.monotonic() if now_s is None else now_s
            most = max(self.rate, 1.0)
            level = min(most, self._level + (now_s - self._at_s) * self.rate)
            self._at_s = now_s
            self._level = level
            if level < 1.0:
                wait_s = math.ceil((1.0 - level) / self.rate)
                raise BeyondShare(f"this token may ask {self.rate:g} times a second", wait_s)
            self._level = level - 1.0
        self.open += 1

    def leave(self) -> None:
        """Count a request out."""
        self.open -= 1
