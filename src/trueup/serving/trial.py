"""A challenger on trial beside a line's live version: whom it answers, and how it is spared."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trueup.captures.ids import new_ids
from trueup.captures.records import Role
from trueup.models.outputs import Outputs
from trueup.serving.beside import Beside
from trueup.serving.capturing import captured, explored_apart
from trueup.serving.limits import Limits
from trueup.serving.refusals import FieldsWrong
from trueup.serving.rereading import fitted, listed, only
from trueup.serving.routing import Routing, chosen
from trueup.serving.rows import Rows
from trueup.serving.served import Served
from trueup.serving.shadows import Pending, Shadows

_FAILURES = 5  # in a row, after which it rests
_REST_S = 10.0
_ROOM = 4  # it has at most this part of the requests under way, and of the time for an answer


class Fell(Exception):
    """The challenger is not asked; ``why`` is busy or resting."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Answered(msgspec.Struct):
    """What a version has answered, and the rows as it has read them."""

    served: Served
    rows: Rows
    outputs: Outputs
    ids: Sequence[str] = ()
    explored: tuple[int, ...] = ()


class Trial:
    """The place beside a live version; there may be nobody in it."""

    def __init__(self, routing: Routing, limits: Limits, beside: Beside, shadows: Shadows) -> None:
        self.routing, self.shadows = routing, shadows
        self._limits, self._beside = limits, beside
        self.challenger: Served | None = None
        self.trouble = ""  # why the version of the alias is not in it
        self._failures, self._rests_until_s = 0, 0.0

    @property
    def on(self) -> bool:
        """Say whether requests must be looked at at all."""
        return self.challenger is not None or self.routing.explore > 0

    def seat(self, new: Served | None, say: Callable[[str], None]) -> None:
        """Put another version in the place, or nobody; the old one goes once nobody asks it."""
        old, self.challenger = self.challenger, new
        self._failures, self._rests_until_s = 0, 0.0
        if old is not None:
            self.shadows.forget(old)
            old.when_free(lambda: say(f"{old.named} is not on trial any more"))

    async def answer(
        self, live: Served, rows: Rows, *, alone: bool, exactly: bool = False
    ) -> Answered:
        """Have rows answered by whoever it is for them, captured, and predicted once more.

        exactly: by the live version, which was asked by its number.
        """
        start = time.perf_counter()
        ids = rows.ids or new_ids(rows.count)
        choice = chosen(self.routing, ids, self._keys(rows))
        challenger, found = self.challenger, None
        if choice.challenger and challenger is not None and not exactly:
            found = await self._by_challenger(challenger, live, rows)
        if found is None:
            outputs = await live.batcher.answer(taken(rows), rows.count, alone=alone)
            found = Answered(live, rows, outputs)
        found.ids, found.explored = ids, choice.explored
        at_ns = self._keep(found, live, time.perf_counter() - start)
        if challenger is not None and challenger is self.challenger:
            self._beside.counts.mixed[self._beside.line] += choice.mixed
            other = live if found.served is challenger else challenger
            self._predict_once_more(other, live, rows, found, at_ns)
        return found

    def _keep(self, found: Answered, live: Served, spent_s: float) -> int:
        """Capture and count an answer, and return when that was."""
        beside = self._beside
        role: Role = "champion" if found.served is live else "challenger"
        whole = captured(found.served, found.rows, found.ids, found.outputs, spent_s)
        whole = msgspec.structs.replace(whole, role=role)
        for part in explored_apart(whole, found.explored, self.routing.explore):
            beside.offer(part)
            beside.counts.in_role(beside.line, part.role, part.rows, spent_s)
        beside.counts.answered(beside.line, found.rows, spent_s)
        at_ns: int = whole.at  # type: ignore[assignment]  # of all rows, in nanoseconds
        return at_ns

    def _predict_once_more(
        self, other: Served, live: Served, rows: Rows, found: Answered, at_ns: int
    ) -> None:
        """Let the other one predict all rows in shadow, else those that are explored."""
        outputs, explored, ids = found.outputs, found.explored, found.ids
        if not self.routing.shadow:
            if not explored:
                return
            if len(explored) < rows.count:
                places = list(explored)
                rows, ids = only(rows, places), [ids[k] for k in places]
                outputs = {name: one[places] for name, one in outputs.items()}
                explored = tuple(range(len(places)))
        share = self.routing.explore if explored else 0.0
        self.shadows.offer(Pending(other, live, rows, ids, at_ns, outputs, explored, share))

    async def _by_challenger(self, challenger: Served, live: Served, rows: Rows) -> Answered | None:
        """Return the challenger's answer; None, and counted, where the live one has to answer."""
        why = ""
        try:
            return await self._ask(challenger, live, rows)
        except FieldsWrong:
            why = "refused"  # strict, and its vocabulary is another: no failure
        except Fell as error:
            why = error.why
        except TimeoutError:
            why = "late"
        except Exception:  # noqa: BLE001 - whatever a challenger raises, the live version answers
            why = "failed"
        if why in ("late", "failed"):
            self._failures += 1
            if self._failures >= _FAILURES:
                self._failures, self._rests_until_s = 0, time.monotonic() + _REST_S
        self._beside.counts.fallbacks[self._beside.line, why] += 1
        return None

    async def _ask(self, challenger: Served, live: Served, rows: Rows) -> Answered:
        if time.monotonic() < self._rests_until_s:
            raise Fell("resting")
        if challenger.open >= max(1, self._limits.concurrency // _ROOM):
            raise Fell("busy")
        challenger.open += 1
        try:
            own = fitted(challenger, live, rows)
            async with asyncio.timeout(self._limits.answer_s / _ROOM):
                outputs = await challenger.batcher.answer(taken(own), own.count, alone=False)
        finally:
            challenger.release()
        self._failures = 0
        return Answered(challenger, own, outputs)

    def _keys(self, rows: Rows) -> Sequence[Any] | None:
        name = self.routing.sticky_by
        if not name:
            return None
        keys = rows.keys if rows.keys is not None else rows.given.get(name)
        return None if keys is None else listed(keys)


def taken(rows: Rows) -> object:
    """Return rows as a form takes them."""
    return rows.given if rows.coded is None else rows.coded
