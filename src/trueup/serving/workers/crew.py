"""The parent of several workers: resolves the aliases for all, and keeps them alive and counted.

It answers no request. A version is taken by no worker before each has loaded and proven it; then
they take it one by one.
"""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Coroutine
from itertools import product
from typing import Any, Protocol

import msgspec

from trueup.errors import TrueupError, WrongUsage
from trueup.serving.swap import decided
from trueup.serving.workers import merging, words
from trueup.serving.workers.worker import Start, Worker

_JITTER = 0.2
_COUNT_S = 1.0  # until a worker that is asked for its counts is taken at its last word
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_WELL_S = 60.0  # one that has lived so long is started again without a pause
SWAPS = "trueup_swaps_total"


class Aliases(Protocol):
    """What the names of lines stand for; called in a thread."""

    def newest(self, line: str) -> int:
        """Return the number of the version that a line's name stands for now."""
        ...


class Orders(msgspec.Struct, frozen=True):
    """How many workers, how they are started, and what each is told."""

    count: int
    start: Start
    wanted: bytes  # JSON that a worker understands
    versions: dict[str, int]  # by line
    poll_s: float
    tell: Callable[[str], None]
    started: Callable[[], None]
    observed: Callable[[], str] = str  # what the parent shows for all, beside their counts


class Crew:
    """All workers of one port, until a signal says that it is enough."""

    def __init__(self, aliases: Aliases, orders: Orders) -> None:
        self._aliases, self._orders = aliases, orders
        self._workers = [Worker(k) for k in range(orders.count)]
        self._live = dict(orders.versions)
        self._refused: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self._past: dict[str, merging.Family] = {}  # what dead workers have counted
        self._restarts = [0] * orders.count
        self._swaps: dict[tuple[str, str], int] = {}
        self._one_at_a_time = asyncio.Lock()
        self._now, self._enough = asyncio.Event(), asyncio.Event()
        self._all_up = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; WrongUsage where a worker cannot even begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._enough.set)
        loop.add_signal_handler(signal.SIGHUP, self._refresh)
        watching = loop.create_task(self._watch())
        tending = [loop.create_task(self._tend(one)) for one in self._workers]
        stopping = loop.create_task(self._stop())
        try:
            await asyncio.gather(*tending)
        finally:
            self._enough.set()
            watching.cancel()
            await stopping
            await asyncio.gather(*tending, watching, return_exceptions=True)

    async def _stop(self) -> None:
        await self._enough.wait()
        for one in self._workers:
            if one.process is not None and one.process.poll() is None:
                one.process.terminate()

    async def _tend(self, worker: Worker) -> None:
        """Keep one worker alive, with pauses that grow while it does not live long."""
        pause_s = _PAUSE_S
        while not self._enough.is_set():
            began = time.monotonic()
            code = await self._life(worker)
            if self._enough.is_set():
                return
            if not self._all_up and worker.failed is not None:
                raise WrongUsage(worker.failed.problem, remedy=worker.failed.remedy)
            if not self._all_up:
                raise WrongUsage(
                    f"worker {worker.number} ended with {code} before it could answer",
                    remedy="What it has said before says more; try one: --workers 1",
                )
            self._restarts[worker.number] += 1
            pause_s = _PAUSE_S if time.monotonic() - began > _WELL_S else pause_s
            why = worker.failed.problem if worker.failed else f"ended with {code}"
            self._orders.tell(f"worker {worker.number} {why}; it is started again")
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _pause(self, pause_s: float) -> None:
        try:
            await asyncio.wait_for(self._enough.wait(), pause_s)
        except TimeoutError:
            return

    async def _life(self, worker: Worker) -> int:
        """Start a worker, do what it asks for, and return its exit code once it is gone."""
        try:
            line = await worker.begin(self._orders.start, self._orders.wanted, self._live)
        except OSError as error:
            remedy = "Give the machine more room for processes, or serve with fewer workers"
            worker.failed = words.Failed(f"cannot be started: {error.strerror}", remedy)
            return -1
        async for word in line.words():
            match word:
                case words.Up(says):
                    self._welcome(worker, says)
                case words.Failed():
                    worker.failed = word
                case words.Asked(question, "look"):
                    self._start(self._answer_look(worker, question))
                case words.Asked(question, _, text):
                    worker.page = merging.read(text)
                    self._start(self._answer_counts(worker, question))
                case _:
                    self._bring_up_to_date(worker, word)
                    worker.heard(word)
        code = await worker.ended()
        self._past = merging.merged((self._past, merging.lasting(worker.page)))
        worker.page = {}
        return code

    def _welcome(self, worker: Worker, says: tuple[str, ...]) -> None:
        worker.up = True
        for line, why in self._troubles.items():
            worker.say(words.Trouble(line, why))
        if self._all_up:
            worker.say(words.Ready())
            if worker.versions != self._live:  # they have moved on while it began
                worker.say(words.Newest(self._live))
            return
        if all(one.up for one in self._workers):
            self._all_up = True
            for text in says:
                self._orders.tell(text)
            for one in self._workers:
                one.say(words.Ready())
            self._orders.started()

    def _bring_up_to_date(self, worker: Worker, word: words.ToParent) -> None:
        """Let one that lags behind take at once what is live in all others."""
        if not isinstance(word, words.Loaded) or word.why_not:
            return
        if not worker.is_asked_for(word.line, word.version):
            live = self._live.get(word.line)
            late = "" if live == word.version else "another version is live by now"
            worker.say(words.Go(word.line, word.version, late))

    def _refresh(self) -> None:
        for one in self._workers:
            one.say(words.Reload())
        self._now.set()

    async def _watch(self) -> None:
        while True:
            wait_s = self._orders.poll_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not secret
            try:
                await asyncio.wait_for(self._now.wait(), wait_s)
                self._refused.clear()
            except TimeoutError:
                pass
            self._now.clear()
            if self._all_up:
                await self._look()

    async def _look(self) -> None:
        async with self._one_at_a_time:
            for line in self._live:
                await self._look_at(line)
        for one in self._workers:  # begun while the others switched
            if one.up and one.versions != self._live:
                one.say(words.Newest(self._live))

    async def _look_at(self, line: str) -> None:
        try:
            newest = await asyncio.to_thread(self._aliases.newest, line)
        except TrueupError as error:
            self._trouble(line, error.problem)
            return
        version = decided(self._live[line], newest, self._refused.get(line, 0)).load
        if not version:
            if newest == self._live[line]:
                self._trouble(line, "")
            return
        why_not = await self._switch(line, version)
        how = "refused" if why_not else "swapped"
        self._swaps[line, how] = self._swaps.get((line, how), 0) + 1
        if why_not:
            self._refused[line] = version
            says = f"version {version} is not served: "
            why_not = says + why_not.removeprefix(says)
        self._trouble(line, why_not)

    async def _switch(self, line: str, version: int) -> str:
        """Have all workers load a version, then take it one by one; return why none has."""
        loaded, why_not = list[Worker](), ""
        for one in self._workers:
            if not one.up or one.versions.get(line) == version:
                continue
            why_not = await one.load(line, version)
            if why_not:
                break
            loaded.append(one)
        before = self._live[line]
        if not why_not:
            self._live[line] = version  # for a worker that is started from now on
        for nth, one in enumerate(loaded):
            await one.settle(line, version, why_not)
            if nth == 0 and not why_not and one.up and one.versions[line] != version:
                why_not = one.troubles.get(line) or "it was not taken"
                self._live[line] = before
        return why_not

    def _trouble(self, line: str, why: str) -> None:
        if self._troubles.get(line, "") == why:
            return
        self._troubles[line] = why
        if why:
            self._orders.tell(f"{line} stays at version {self._live[line]}: {why}")
        for one in self._workers:
            one.say(words.Trouble(line, why))

    async def _answer_look(self, worker: Worker, question: int) -> None:
        self._refused.clear()
        await self._look()
        worker.say(words.Answered(question))

    async def _answer_counts(self, worker: Worker, question: int) -> None:
        others = [one.count(_COUNT_S) for one in self._workers if one.up and one is not worker]
        await asyncio.gather(*others)
        worker.say(words.Answered(question, self.page()))

    def page(self) -> str:
        """Return what all have counted until now, as Prometheus reads it."""
        pages = [self._past, *(one.page for one in self._workers)]
        page = merging.without(merging.merged(pages), (SWAPS,))
        own = merging.read(self._own() + self._orders.observed())
        return merging.written({**page, **own})

    def _own(self) -> str:
        lines = [
            "# HELP trueup_workers Processes that answer.",
            "# TYPE trueup_workers gauge",
            f"trueup_workers {sum(one.up for one in self._workers)}",
            "# HELP trueup_worker_restarts_total Processes that were started again.",
            "# TYPE trueup_worker_restarts_total counter",
            *(
                f'trueup_worker_restarts_total{{worker="{k}"}} {count}'
                for k, count in enumerate(self._restarts)
            ),
        ]
        lines += [
            f"# HELP {SWAPS} Versions that took another's place, or were not let to.",
            f"# TYPE {SWAPS} counter",
        ]
        for line, how in product(sorted(self._live), ("refused", "swapped")):
            count = self._swaps.get((line, how), 0)
            lines.append(f'{SWAPS}{{model="{line}",result="{how}"}} {count}')
        return "\n".join(lines) + "\n"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
