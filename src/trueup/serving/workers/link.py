"""A worker's end of the line: it asks its parent, and does what the parent says."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from itertools import count
from typing import Any

from trueup.errors import NotProven, TrueupError
from trueup.serving.plane import Line, Plane
from trueup.serving.served import Served
from trueup.serving.swap import Follower, Following
from trueup.serving.workers import words

_PUBLISHED_S = 1.0


class NotAgreed(NotProven):
    """Another worker could not load what this one has loaded."""


class Link:
    """What a worker and its parent do together; used on the event loop, agreed() in a thread."""

    def __init__(self, end: socket.socket) -> None:
        self._line = words.Line(end, words.ToWorker)
        self.newest: dict[str, int] = {}
        self._troubles: dict[str, str] = {}  # what the parent has said
        self.page: Callable[[], str] = str
        self.reload: Callable[[], None] = lambda: None
        self._asked: dict[int, asyncio.Future[str]] = {}
        self._numbers = count(1)
        self._agreed: dict[tuple[str, int], Future[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def look(self) -> None:
        """Have the parent look at the aliases, without waiting for it."""
        self._start(self._ask_to_look())

    async def ask(self, what: str, text: str = "") -> str:
        """Ask the parent and return its answer."""
        number = next(self._numbers)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._line.say(words.Asked(number, what, text))
        try:
            return await answer
        finally:
            del self._asked[number]

    async def follow(self, plane: Plane, follower: Follower, says: tuple[str, ...]) -> None:
        """Do what the parent says until it is gone; then this process ends as if it were told to.

        The worker is ready once the parent says that all are.
        """
        self._loop = asyncio.get_running_loop()
        await self._line.open()
        self._line.say(words.Up(says))
        publishing = self._loop.create_task(self._publish())
        try:
            async for word in self._line.words():
                self._hear(word, plane, follower)
        finally:
            publishing.cancel()
            for waiting in self._agreed.values():
                waiting.set_result("the parent process has ended")
        os.kill(os.getpid(), signal.SIGTERM)

    def agreed(self, line: str, version: int, why_not: str = "") -> str:
        """Say that a version is loaded; return why not to use it, once all have loaded it."""
        assert self._loop is not None  # noqa: S101 - nothing is loaded before it follows
        waiting: Future[str] = Future()
        self._agreed[line, version] = waiting
        self._loop.call_soon_threadsafe(self._line.say, words.Loaded(line, version, why_not))
        if why_not:
            del self._agreed[line, version]
            return why_not
        return waiting.result()

    def _hear(self, word: words.ToWorker, plane: Plane, follower: Follower) -> None:
        match word:
            case words.Newest(versions):
                self.newest.update(versions)
                self._start(self._take(plane, follower))
            case words.Go(line, version, why_not):
                waiting = self._agreed.pop((line, version), None)
                if waiting is not None:
                    waiting.set_result(why_not)
            case words.Trouble(line, why):
                plane.lines[line].trouble = self._troubles[line] = why
            case words.Ready():
                plane.ready = True
            case words.Count():
                self._line.say(words.Counted(self.page()))
            case words.Reload():
                self.reload()
            case words.Answered(question, text):
                if question in self._asked:
                    self._asked[question].set_result(text)
            case words.Begin():
                pass  # read before the loop began

    async def _take(self, plane: Plane, follower: Follower) -> None:
        await follower.look()
        lines = plane.lines.values()
        self.newest = {one.name: one.live.named.version for one in lines}
        self._line.say(words.At(dict(self.newest), {one.name: one.trouble for one in lines}))
        for one in lines:
            one.trouble = one.trouble or self._troubles.get(one.name, "")

    async def _ask_to_look(self) -> None:
        await self.ask("look")

    async def _publish(self) -> None:
        """Say every second what was counted, so that little is lost with this process."""
        while True:
            await asyncio.sleep(_PUBLISHED_S)
            self._line.say(words.Counted(self.page()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Agreed:
    """Follows what the parent says is newest; a version is used when every worker has loaded it."""

    def __init__(self, inner: Following, link: Link) -> None:
        self._inner, self._link = inner, link

    def newest(self, line: Line) -> int:
        """Return the version that the parent has resolved."""
        return self._link.newest[line.name]

    def load(self, line: Line, version: int) -> Served:
        """Load a version, and wait until all have; NotAgreed where another could not."""
        try:
            found = self._inner.load(line, version)
        except TrueupError as error:
            self._link.agreed(line.name, version, error.problem)
            raise
        except Exception as error:
            self._link.agreed(line.name, version, f"a bug of the server: {type(error).__name__}")
            raise
        why_not = self._link.agreed(line.name, version)
        if why_not:
            raise NotAgreed(why_not, remedy="The live version answers on, in every worker")
        return found
