"""The alias challenger is followed as the live one's: put on trial, replaced, let go.

Whatever goes wrong with a challenger is shown, and never touches the version that is live.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

from trueup.errors import TrueupError
from trueup.serving.batching import HERE_S
from trueup.serving.forms import Timing
from trueup.serving.plane import Line, Plane
from trueup.serving.served import Served
from trueup.serving.swap import incompatible, other_answers
from trueup.serving.trial import Trial

_LOG = logging.getLogger("trueup.serving")
_JITTER = 0.2


class Challenging(Protocol):
    """Where challengers come from; called in a thread, so it may take its time."""

    def challenger(self, line: Line) -> int:
        """Return the number of the version that is challenger now; 0 where none is."""
        ...

    def load_challenger(self, line: Line, version: int) -> Served:
        """Return that version in memory; TrueupError where it may not be served, or cannot be."""
        ...


class Challengers:
    """Watches the aliases of all lines that may have a challenger; of one process there is one."""

    def __init__(self, plane: Plane, source: Challenging, poll_s: float) -> None:
        self._plane, self._source, self._poll_s = plane, source, poll_s
        self._refused: dict[str, tuple[int, int]] = {}  # line: challenger and live version
        self._one_at_a_time = asyncio.Lock()
        self._now = asyncio.Event()
        self.tell: Callable[[str], None] = _LOG.info

    async def watch(self) -> None:
        """Look at once, then every poll interval, jittered, and when told to; until cancelled."""
        if all(one.trial is None for one in self._plane.lines.values()):
            return
        while True:
            await self._look()
            wait_s = self._poll_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not secret
            try:
                await asyncio.wait_for(self._now.wait(), wait_s)
                self._refused.clear()
            except TimeoutError:
                pass
            self._now.clear()

    def soon(self) -> None:
        """Look as soon as the loop comes to it; what was refused is tried again."""
        self._now.set()

    async def look(self) -> None:
        """Look now, and return when every trial is as it should be, or shows why not."""
        self._refused.clear()
        await self._look()

    async def _look(self) -> None:
        async with self._one_at_a_time:
            for line in self._plane.lines.values():
                if line.trial is not None:
                    await self._look_at(line, line.trial)

    async def _look_at(self, line: Line, trial: Trial) -> None:
        wanted = 0
        try:
            wanted = await asyncio.to_thread(self._source.challenger, line)
            live = line.live.named.version
            if wanted in (0, live):  # nobody, or it has won
                trial.trouble = ""
                self._seat(line, trial, None)
                return
            if self._refused.get(line.name) == (wanted, live):
                return
            new = trial.challenger
            if new is None or new.named.version != wanted:
                new = await asyncio.to_thread(self._source.load_challenger, line, wanted)
            self._consider(line, trial, new)
        except TrueupError as error:
            self._refuse(line, trial, wanted, error.problem)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - requests are answered on
            _LOG.exception("challenger %d of %s cannot be loaded", wanted, line.name)
            self._refuse(line, trial, wanted, f"a bug of the server: {type(error).__name__}")

    def _consider(self, line: Line, trial: Trial, new: Served) -> None:
        live = line.live
        why = incompatible(live.signature, new.signature) or other_answers(
            live.outputs, new.outputs
        )
        if why:
            self._refuse(line, trial, new.named.version, why)
            return
        trial.trouble = ""
        self._refused.pop(line.name, None)
        self._seat(line, trial, new)

    def _seat(self, line: Line, trial: Trial, new: Served | None) -> None:
        if new is trial.challenger:
            return
        if new is not None:
            new.batcher.on_batch = self._plane.counts.batch
            if not new.form.coded:
                new.batcher.timing = never_here(new.timing)
            self._plane.counts.swapped(line.name, "challenger")
            self.tell(f"{new.named} is on trial beside {line.live.named}")
        trial.seat(new, self.tell)

    def _refuse(self, line: Line, trial: Trial, version: int, why: str) -> None:
        """Leave the place empty: the alias names no longer whoever was in it."""
        if version:
            self._refused[line.name] = (version, line.live.named.version)
            self._plane.counts.swapped(line.name, "challenger_refused")
            self._seat(line, trial, None)
            why = f"version {version} is not on trial: {why}"
        if trial.trouble != why:
            trial.trouble = why
            self.tell(f"{line.live.named} answers alone: {why}" if version else why)


def never_here(timing: Timing) -> Timing:
    """Return a timing by which a form runs in threads: what Python code takes can change.

    >>> never_here(Timing(1e-5, 1e-6)).of(1) > HERE_S
    True
    """
    return Timing(max(timing.fixed_s, 1.01 * HERE_S), timing.row_s)
