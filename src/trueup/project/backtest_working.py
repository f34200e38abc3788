"""The workers of a backtest: in this process, or each in one of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree
from typing import IO, Any

import msgspec

from trueup import errors
from trueup.errors import TrueupError
from trueup.loop.backtest.questions import Judge, Look, Make, Question, Score
from trueup.project.backtest_bench import Bench, Place, copy_of
from trueup.project.backtest_watching import looked
from trueup.project.workspace import Workspace

_ASKED: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Make | Judge | Look | Score)
_SIZE = 8  # bytes before each message that say how long it is


class Begun(msgspec.Struct, frozen=True):
    """What a worker is told first."""

    root: str
    start: str
    env: dict[str, str]
    home: str
    store: str
    model: str
    environment: str
    slot: int


class Said(msgspec.Struct, frozen=True):
    """An answer; or an error, of a kind that a user can meet."""

    body: bytes = b""
    error: str = ""  # its class
    problem: str = ""
    remedy: str = ""
    place: str | None = None


class Here:
    """Answers in this process."""

    def __init__(self, source: Workspace, place: Place, slot: int) -> None:
        self._bench = Bench(source, place, slot)

    def ask(self, question: "Question | Score") -> bytes:
        """Return an answer as it is kept."""
        return answered(self._bench, question)

    def stop(self) -> None:
        """Do nothing: what this process does, it ends."""

    def close(self) -> None:
        """Remove the copy of the project."""
        self._bench.checkout.remove()


class Process:
    """Answers in a process of its own, which ends when this one does."""

    def __init__(self, source: Workspace, place: Place, slot: int, threads: int) -> None:
        self._begun = Begun(
            str(source.root), str(source.start), dict(source.env), str(place.home),
            str(place.store), place.model, place.environment, slot,
        )  # fmt: skip
        self._env, self._copy = _bounded(source.env, threads), copy_of(place, slot)
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: "Question | Score") -> bytes:
        """Return an answer as it is kept; raises what the worker raised."""
        pipe = self._started()
        assert pipe.stdin is not None  # noqa: S101 - it is a pipe
        assert pipe.stdout is not None  # noqa: S101 - likewise
        try:
            send(pipe.stdin, msgspec.msgpack.encode(question))
            said = msgspec.msgpack.decode(receive(pipe.stdout), type=Said)
        except (BrokenPipeError, EOFError) as error:
            raise errors.StageFailed(
                f"a worker of the backtest ended (exit code {pipe.wait()})",
                remedy="Run it again: it goes on where it was; with less memory, use --jobs 1",
            ) from error
        if said.error:
            kind = getattr(errors, said.error, errors.NotProven)
            raise kind(said.problem, remedy=said.remedy, place=said.place)
        return said.body

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            self._process.terminate()

    def close(self) -> None:
        """Remove its copy of the project."""
        if self._process is not None:
            self._process.communicate()
        rmtree(self._copy, ignore_errors=True)

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "trueup.project.backtest_working"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._env,
            )  # fmt: skip
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            send(self._process.stdin, msgspec.msgpack.encode(self._begun))
        return self._process


def answered(bench: Bench, question: "Question | Score") -> bytes:
    """Return the answer to a question, as it is kept."""
    if isinstance(question, Score):
        body: bytes = bench.score(question).astype("<f8").tobytes()
        return body
    if isinstance(question, Make):
        return msgspec.msgpack.encode(bench.make(question))
    if isinstance(question, Judge):
        return msgspec.msgpack.encode(bench.judge(question))
    return msgspec.msgpack.encode(looked(bench, question))


def send(pipe: IO[bytes], body: bytes) -> None:
    """Write a message."""
    pipe.write(len(body).to_bytes(_SIZE, "big") + body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Return the next message; EOFError where there is none any more."""
    head = pipe.read(_SIZE)
    size = int.from_bytes(head, "big") if len(head) == _SIZE else -1
    body = pipe.read(size) if size >= 0 else b""
    if size < 0 or len(body) < size:
        raise EOFError
    return body


def main() -> None:
    """Answer what comes in until nothing more does; what is printed goes to stderr."""
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    begun = msgspec.msgpack.decode(receive(given), type=Begun)
    source = Workspace(Path(begun.root), begun.env, Path(begun.start))
    place = Place(Path(begun.home), Path(begun.store), begun.model, begun.environment)
    bench = Bench(source, place, begun.slot)
    while True:
        try:
            question = _ASKED.decode(receive(given))
        except EOFError:
            return
        send(taken, msgspec.msgpack.encode(_said(bench, question)))


def _said(bench: Bench, question: "Question | Score") -> Said:
    try:
        return Said(answered(bench, question))
    except TrueupError as error:
        kind = next(one for one in type(error).__mro__ if one.__module__ == errors.__name__)
        return Said(b"", kind.__name__, error.problem, error.remedy, error.place)


def _bounded(env: Mapping[str, str], threads: int) -> dict[str, str]:
    """Return an environment in which libraries start no more threads than there is room for."""
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: str(threads) for name in names} | dict(env)


if __name__ == "__main__":
    main()
