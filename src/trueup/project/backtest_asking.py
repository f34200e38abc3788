"""Questions answered once: looked up where they were before, by workers side by side elsewhere."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import msgspec

from trueup.loop.backtest.questions import Answer, Looked, Made, Question, Score, Verdict
from trueup.loop.backtest.replaying import Replay, Replayed

_STORED: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Made | Verdict | Looked)


class Worker(Protocol):
    """Answers questions, one at a time."""

    def ask(self, question: "Question | Score") -> bytes:
        """Return an answer as it is kept."""
        ...

    def stop(self) -> None:
        """Let go of what is under way, where that can be ended."""
        ...

    def close(self) -> None:
        """Clear up; nothing is under way any more."""
        ...


class Asking:
    """Workers, and the answers of a backtest in a folder, so that what was killed goes on."""

    def __init__(self, folder: Path, workers: Iterable[Worker]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._workers = list(workers)
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for one in self._workers:
            self._free.put(one)
        self._threads = ThreadPoolExecutor(len(self._workers), "backtest")

    def submit(self, question: "Question | Score") -> "Future[bytes]":
        """Have a question answered, at once where it was before."""
        return self._threads.submit(self._answer, question)

    def close(self) -> None:
        """End the workers; what none of them has begun is left."""
        for one in self._workers:
            one.stop()
        self._threads.shutdown(cancel_futures=True)
        for one in self._workers:
            one.close()

    def _answer(self, question: "Question | Score") -> bytes:
        place = self._folder / _name(question)
        if place.is_file():
            return place.read_bytes()
        worker = self._free.get()
        try:
            body = worker.ask(question)
        finally:
            self._free.put(worker)
        part = place.with_suffix(".part")
        part.write_bytes(body)
        part.replace(place)
        return body


def conducted(
    replays: Mapping[str, Replay], asking: Asking, tell: Callable[[str, Question], None]
) -> dict[str, Replayed]:
    """Take all replays to their end; a question that several ask is answered once.

    ``tell`` hears of each question that a replay waits for.
    """
    done: dict[str, Replayed] = {}
    waiting: dict[Question, list[str]] = {}
    under_way: dict[Future[bytes], Question] = {}

    def advance(name: str, answer: Answer | None) -> None:
        try:
            question = replays[name].send(answer) if answer is not None else next(replays[name])
        except StopIteration as over:
            done[name] = over.value
            return
        tell(name, question)
        if question not in waiting:
            waiting[question] = []
            under_way[asking.submit(question)] = question
        waiting[question].append(name)

    for name in replays:
        advance(name, None)
    while under_way:
        ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ready:
            answer = _STORED.decode(future.result())
            for name in waiting.pop(under_way.pop(future)):
                advance(name, answer)
    return {name: done[name] for name in replays}


def scores(asking: Asking, wanted: Iterable[Score]) -> dict[Score, Any]:
    """Return what models answer to the rows of spans, as arrays."""
    import numpy as np

    submitted = {one: asking.submit(one) for one in dict.fromkeys(wanted)}
    return {one: np.frombuffer(future.result(), "<f8") for one, future in submitted.items()}


def _name(question: "Question | Score") -> str:
    from blake3 import blake3

    kind = type(question).__name__.lower()
    return f"{kind}-{blake3(msgspec.json.encode(question)).hexdigest()[:24]}"
