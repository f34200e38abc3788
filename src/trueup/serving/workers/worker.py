"""One worker as its parent sees it: a process, and what it has said."""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from trueup.serving.workers import merging, words

Start: TypeAlias = Callable[[int], subprocess.Popen[bytes]]  # with the worker's end of the line

_ENDED = "ended while it loaded it"
_LONGEST_LOAD_S = 600.0


class Worker:
    """A process of the crew, which may be another one after it has died."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.up = False
        self.versions: dict[str, int] = {}
        self.troubles: dict[str, str] = {}
        self.page: Mapping[str, merging.Family] = {}
        self.failed: words.Failed | None = None
        self._line: words.Line | None = None
        self._awaited = ("", 0)  # what it is loading because it was asked to
        self._why_not = ""
        self._loaded: asyncio.Future[str] | None = None
        self._settled: asyncio.Future[None] | None = None
        self._counted: asyncio.Future[None] | None = None

    async def begin(self, start: Start, wanted: bytes, versions: dict[str, int]) -> words.Line:
        """Start the process and return the line to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = start(theirs.fileno())
        self._line = words.Line(ours, words.ToParent)
        await self._line.open()
        self.versions, self.troubles, self.failed = dict(versions), {}, None
        self.say(words.Begin(self.number, msgspec.Raw(wanted), versions))
        return self._line

    def say(self, word: words.ToWorker) -> None:
        """Tell it something."""
        if self._line is not None:
            self._line.say(word)

    async def load(self, line: str, version: int) -> str:
        """Have it load a version beside its live one; return why it could not."""
        self._loaded = asyncio.get_running_loop().create_future()
        self._awaited, self._why_not = (line, version), ""
        self.say(words.Newest({line: version}))
        try:
            return await asyncio.wait_for(self._loaded, _LONGEST_LOAD_S)
        except TimeoutError:
            return f"worker {self.number} has not loaded it in {_LONGEST_LOAD_S:.0f} s"
        finally:
            self._loaded, self._awaited = None, ("", 0)

    async def settle(self, line: str, version: int, why_not: str = "") -> None:
        """Have it take, or leave, what it has loaded; return when it has, or is gone."""
        self._settled = asyncio.get_running_loop().create_future()
        self.say(words.Go(line, version, why_not))
        await self._settled
        self._settled = None

    async def count(self, timeout_s: float) -> None:
        """Have it say what it has counted; one that is too busy for that has said it before."""
        if self._counted is None:
            self._counted = asyncio.get_running_loop().create_future()
            self.say(words.Count())
        await asyncio.wait((self._counted,), timeout=timeout_s)

    def heard(self, word: words.Loaded | words.At | words.Counted) -> None:
        """Take what it says of itself."""
        match word:
            case words.Loaded(line, version, why_not):
                if self.is_asked_for(line, version):
                    self._why_not = why_not
                    if not why_not:
                        _done(self._loaded, "")
            case words.At(versions, troubles):
                self.versions, self.troubles = dict(versions), dict(troubles)
                line, _ = self._awaited
                _done(self._loaded, self._why_not or troubles.get(line) or "it was not loaded")
                _done(self._settled, None)
            case words.Counted(text):
                self.page = merging.read(text)
                _done(self._counted, None)
                self._counted = None

    def is_asked_for(self, line: str, version: int) -> bool:
        """Say whether it loads a version because all do, not because it lags behind."""
        return self._awaited == (line, version)

    async def ended(self) -> int:
        """Return the exit code of a process that has hung up; one that will not end is killed."""
        self.up = False
        _done(self._loaded, f"worker {self.number} {_ENDED}")
        _done(self._settled, None)
        _done(self._counted, None)
        self._counted = None
        assert self.process is not None  # noqa: S101 - it was begun
        try:
            return await asyncio.to_thread(self.process.wait, 60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return await asyncio.to_thread(self.process.wait)


def _done(future: "asyncio.Future[str] | asyncio.Future[None] | None", value: object) -> None:
    if future is not None and not future.done():
        future.set_result(value)  # type: ignore[arg-type]  # each has its own
