"""Requests answered together under load: what goes into one batch, and where it runs.

Nobody waits for company. A request that is alone is answered at once; those that arrive while
others are read or answered are taken together, as many as keep the wait for all of them short.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import msgspec

from trueup.errors import TrueupError
from trueup.models.outputs import Outputs
from trueup.serving.forms import Form, Taken, Timing, failure, joined

HERE_S = 0.002  # what takes less is not worth a thread
LONGEST_S = 0.02  # a batch of several requests should not take more


def runs_here(timing: Timing, rows: int) -> bool:
    """Say whether rows are answered sooner where they are than by way of a thread.

    >>> runs_here(Timing(1e-4, 1e-6), 10), runs_here(Timing(5e-3, 1e-6), 10)
    (True, False)
    """
    return timing.of(rows) <= HERE_S


def taken_together(waiting: Sequence[int], timing: Timing, most_rows: int, workers: int = 1) -> int:
    """Return how many of the waiting requests, in order and given by their rows, go together.

    At least one does, however large. More go with it as long as that takes little time, or, where
    a call costs much whatever its rows are, no longer than the first would take with another call
    behind it. Where several threads are free, what costs by the row is shared out among them.

    >>> taken_together([1, 1, 1], Timing(1e-4, 1e-6), 1024)
    3
    >>> taken_together([1, 1, 1, 1], Timing(0.0, 0.015), 1024)
    1
    >>> taken_together([1, 1, 1, 1], Timing(0.05, 0.001), 1024)
    4
    """
    rows, fair = 0, _fair(waiting, timing, workers)
    longest_s = max(LONGEST_S, timing.of(waiting[0]) + timing.fixed_s)
    for taken, more in enumerate(waiting):
        rows += more
        if taken and (rows > most_rows or timing.of(rows) > longest_s or taken >= fair):
            return taken
    return len(waiting)


def _fair(waiting: Sequence[int], timing: Timing, workers: int) -> int:
    worth_sharing = timing.row_s * sum(waiting) > timing.fixed_s
    return -(-len(waiting) // workers) if worth_sharing else len(waiting)


class _Waiting(msgspec.Struct, eq=False):
    taken: Taken
    rows: int
    answer: "asyncio.Future[Outputs]"


class Batcher:
    """Runs one form for all its requests; everything but the form itself happens on the loop."""

    def __init__(
        self, form: Form, timing: Timing, pool: ThreadPoolExecutor, workers: int, most_rows: int
    ) -> None:
        self.form, self.timing = form, timing
        self._pool, self._workers, self._most_rows = pool, workers, most_rows
        self._waiting: deque[_Waiting] = deque()
        self._running = 0
        self._called = False
        self.on_batch: Callable[[int], None] = lambda requests: None

    async def answer(self, taken: Taken, rows: int, *, alone: bool) -> Outputs:
        """Return the answer for these rows; alone: no other request is under way."""
        if alone and not self._waiting and runs_here(self.timing, rows):
            self.on_batch(1)
            return self._run(taken)
        loop = asyncio.get_running_loop()
        one = _Waiting(taken, rows, loop.create_future())
        self._waiting.append(one)
        if not self._called:
            self._called = True
            loop.call_soon(self._next, loop)
        return await one.answer

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run what waits: here where that is short, else in a thread if one is free."""
        self._called = False
        while self._waiting and self._running < self._workers:
            batch = self._take()
            if not batch:
                continue
            self.on_batch(len(batch))
            if runs_here(self.timing, sum(one.rows for one in batch)):
                _give(batch, self._attempt(batch))
            else:
                self._running += 1
                future = self._pool.submit(self._attempt, batch)
                future.add_done_callback(_told(loop, self._done, batch))

    def _take(self) -> list[_Waiting]:
        free = max(1, self._workers - self._running)
        rows = [one.rows for one in self._waiting]
        count = taken_together(rows, self.timing, self._most_rows, free)
        batch = [self._waiting.popleft() for _ in range(count)]
        return [one for one in batch if not one.answer.done()]  # who has given up is left out

    def _done(self, batch: list[_Waiting], future: "Future[list[Any]]") -> None:
        self._running -= 1
        _give(batch, future.result())
        self._next(asyncio.get_running_loop())

    def _attempt(self, batch: list[_Waiting]) -> list[Any]:
        """Return the outputs of each, or the error of each: one's rows fail no other's."""
        try:
            if len(batch) == 1:
                return [self._run(batch[0].taken)]
            outputs = self._run(joined(self.form, [one.taken for one in batch]))
            return _shared_out(outputs, [one.rows for one in batch])
        except Exception as error:  # noqa: BLE001 - a model's code raises what it likes
            if len(batch) == 1:
                return [error]
            return [self._attempt([one])[0] for one in batch]

    def _run(self, taken: Taken) -> Outputs:
        try:
            return self.form.predict(taken)
        except TrueupError:
            raise
        except Exception as error:
            raise failure(self.form, error) from error


def _told(
    loop: asyncio.AbstractEventLoop,
    done: Callable[[list[_Waiting], "Future[list[Any]]"], None],
    batch: list[_Waiting],
) -> Callable[["Future[list[Any]]"], None]:
    return lambda future: _safely(loop, lambda: done(batch, future))


def _safely(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _give(batch: list[_Waiting], answers: list[Any]) -> None:
    for one, answer in zip(batch, answers, strict=True):
        if one.answer.done():
            continue
        if isinstance(answer, Exception):
            one.answer.set_exception(answer)
        else:
            one.answer.set_result(answer)


def _shared_out(outputs: Outputs, rows: Sequence[int]) -> list[Outputs]:
    found, start = [], 0
    for count in rows:
        found.append({name: one[start : start + count] for name, one in outputs.items()})
        start += count
    return found
