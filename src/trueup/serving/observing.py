"""Reads what others have written of the served models, in the background and never for a request.

The last record of monitoring, the grid that it counts on, and the loop's signs of life. Where the
bucket is away the last values stay, and their age is shown.
"""

import random
import time
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import TYPE_CHECKING

from trueup.errors import TrueupError
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    from trueup.monitoring.profiles.served import Scheme
    from trueup.serving.watched import Seen, WatchedModel
    from trueup.store.heartbeats import Heartbeat

MOST_S = 30.0
_POLLS = 6.0  # it looks so many times more rarely than for aliases
_JITTER = 0.2
LOOP = ""  # stands for the loop among what was read


class Observer:
    """Looks every thirty seconds, or every six polls if that is sooner, once it has begun."""

    def __init__(
        self,
        bucket: Bucket,
        models: Mapping[str, str],  # full names, by line
        environment: str,
        *,
        poll_s: float,
        tell: Callable[[str], None],
    ) -> None:
        self._bucket, self._models, self._environment = bucket, dict(models), environment
        self._every_s, self._tell = min(MOST_S, _POLLS * poll_s), tell
        self._watched: dict[str, WatchedModel] = {}
        self._read_s: dict[str, float] = {}  # by line, or the loop: when it was read
        self._failing: dict[str, str] = {}
        self.heartbeats: dict[str, Heartbeat] = {}
        self._enough = Event()

    def begin(self) -> None:
        """Look for the first time, in a thread, and then again and again."""
        Thread(target=self._run, name="trueup-observing", daemon=True).start()

    def end(self) -> None:
        """Look no more."""
        self._enough.set()

    def scheme(self, model: str) -> "Scheme | None":
        """Return how monitoring counts a model, as far as that is known yet."""
        line = next((line for line, name in self._models.items() if name == model), None)
        found = self._watched.get(line) if line is not None else None
        return found.scheme if found else None

    def seen(self) -> "dict[str, Seen]":
        """Return what was last read of each line, however much that is."""
        return {line: one.seen for line, one in self._watched.items()}

    def ages_s(self) -> dict[str, float]:
        """Return how long ago each line's records, and the loop's, were read."""
        now = time.monotonic()
        return {what: now - at for what, at in self._read_s.items()}

    def look(self) -> None:
        """Read everything once."""
        from trueup.serving.watched import WatchedModel
        from trueup.store.heartbeats import heartbeats

        for line, model in self._models.items():
            if line not in self._watched:
                self._watched[line] = WatchedModel(self._bucket, model, self._environment)
            self._try(line, self._watched[line].look)

        def beats() -> None:
            self.heartbeats = heartbeats(self._bucket, frozenset(self._models.values()))

        if not self._failing or LOOP in self._failing:  # what is away has no signs of life
            self._try(LOOP, beats)

    def _run(self) -> None:
        while True:
            self.look()
            jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not secret
            if self._enough.wait(self._every_s * jitter):
                return

    def _try(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except (TrueupError, OSError) as error:
            why = getattr(error, "problem", str(error))
        except Exception as error:  # noqa: BLE001 - the edge of a thread, which must go on
            why = f"{type(error).__name__}: {error}"
        else:
            self._read_s[what] = time.monotonic()
            self._failing.pop(what, None)
            return
        if what not in self._failing:
            of = f"monitoring {what}" if what != LOOP else "the loop"
            self._tell(f"the records of {of} are not read: {why}")
        self._failing[what] = why
