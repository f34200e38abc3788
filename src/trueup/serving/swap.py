"""Follow mode: another version takes the live one's place without a lost request.

Loaded beside, compared, switched to, and only then is the old one let go, once nobody asks it any
more. Whatever goes wrong, the live version stays and the trouble is shown.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

import msgspec

from trueup.errors import TrueupError
from trueup.models.signature import Field, Signature
from trueup.serving.plane import Line, Plane
from trueup.serving.served import Served

_LOG = logging.getLogger("trueup.serving")
_JITTER = 0.2


class Following(Protocol):
    """Where a line's versions come from; called in a thread, so it may take its time."""

    def newest(self, line: Line) -> int:
        """Return the number of the version that the line's name stands for now."""
        ...

    def load(self, line: Line, version: int) -> Served:
        """Return that version in memory; TrueupError where it may not be served, or cannot be."""
        ...


class Change(msgspec.Struct, frozen=True):
    """What is to be done about a line."""

    load: int = 0  # the version to load; 0: nothing is to be done


def decided(live: int, newest: int, refused: int) -> Change:
    """Say whether a version is to be loaded; one that was refused is not tried over and over.

    >>> decided(live=3, newest=4, refused=0)
    Change(load=4)
    >>> decided(live=3, newest=4, refused=4), decided(live=3, newest=3, refused=4)
    (Change(load=0), Change(load=0))
    """
    return Change(newest if newest not in (live, refused) else 0)


def incompatible(live: Signature, new: Signature) -> str:
    """Say why requests that fit the live version would not fit the new one; empty: they would."""
    known = {one.name: one for one in live.inputs}
    for field in new.inputs:
        if field.name not in known:
            return f"it takes {field.name!r}, which the live version does not"
        if not _takes(field, known[field.name]):
            return (
                f"it takes {field.name!r} as {field.type}, the live version as"
                f" {known[field.name].type}"
            )
    return ""


def other_answers(live: tuple[Field, ...], new: tuple[Field, ...]) -> str:
    """Say which output of the live version the new one does not give alike; empty: none."""
    given = {one.name: one.type for one in new}
    for field in live:
        if field.name not in given:
            return f"it gives no {field.name!r}, which the live version does"
        if given[field.name] != field.type:
            return f"it gives {field.name!r} as {given[field.name]}, the live one as {field.type}"
    return ""


class Follower:
    """Watches the aliases of all lines, and swaps versions; of one process there is one."""

    def __init__(self, plane: Plane, source: Following, poll_s: float) -> None:
        self._plane, self._source, self._poll_s = plane, source, poll_s
        self._refused: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()
        self._now = asyncio.Event()
        self.tell: Callable[[str], None] = _LOG.info

    async def watch(self) -> None:
        """Look every poll interval, jittered, and at once when told to; until cancelled."""
        while True:
            wait_s = self._poll_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not secret
            try:
                await asyncio.wait_for(self._now.wait(), wait_s)
                self._refused.clear()
            except TimeoutError:
                pass
            self._now.clear()
            await self._look()

    def soon(self) -> None:
        """Look as soon as the loop comes to it; what was refused is tried again."""
        self._now.set()

    async def look(self) -> None:
        """Look now, and return when every line answers with what it should, or shows why not."""
        self._refused.clear()
        await self._look()

    async def _look(self) -> None:
        async with self._one_at_a_time:
            for line in self._plane.lines.values():
                await self._look_at(line)

    async def _look_at(self, line: Line) -> None:
        version = 0
        try:
            newest = await asyncio.to_thread(self._source.newest, line)
            refused = self._refused.get(line.name, 0)
            version = decided(line.live.named.version, newest, refused).load
            if not version:
                if newest == line.live.named.version:
                    line.trouble = ""
                    self._refused.pop(line.name, None)  # it moved away; once back, it is new
                return
            new = await asyncio.to_thread(self._source.load, line, version)
            self._switch(line, new)
        except TrueupError as error:
            self._stays(line, version, error.problem)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the live version answers on
            _LOG.exception("version %d of %s cannot be loaded", version, line.name)
            self._stays(line, version, f"a bug of the server: {type(error).__name__}")

    def _switch(self, line: Line, new: Served) -> None:
        old = line.live
        why = incompatible(old.signature, new.signature) or other_answers(old.outputs, new.outputs)
        if why:
            self._stays(line, new.named.version, why)
            return
        new.batcher.on_batch = self._plane.counts.batch
        line.live, line.trouble = new, ""
        self._refused.pop(line.name, None)
        self._plane.counts.swapped(line.name, "swapped")
        self.tell(f"{new.named} has taken the place of {old.named}")
        old.when_free(lambda: self.tell(f"{old.named} is not asked any more"))

    def _stays(self, line: Line, version: int, why: str) -> None:
        if version:
            self._refused[line.name] = version
            self._plane.counts.swapped(line.name, "refused")
            why = f"version {version} is not served: {why}"
        if line.trouble != why:
            line.trouble = why
            self.tell(f"{line.live.named} stays: {why}")


def _takes(new: Field, live: Field) -> bool:
    wider = {"number": ("integer", "boolean"), "integer": ("boolean",), "other": ()}
    return new.type in (live.type, "other") or live.type in wider.get(new.type, ())
