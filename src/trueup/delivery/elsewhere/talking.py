"""A process of another environment, asked and answered; it ends with whoever started it."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from trueup.delivery.elsewhere import frames
from trueup.errors import WrongUsage
from trueup.pipeline.masking import Mask

PATIENCE_S = 600.0  # for one answer
_GRACE_S = 5.0  # between closing its input and ending it
_TAIL_BYTES = 2000


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something runs: a Python, a folder, variables, and where a project's modules lie."""

    python: Path
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    code: tuple[Path, ...] = ()
    secrets: tuple[str, ...] = ()  # values that are masked in whatever is shown
    timeout_s: float = PATIENCE_S


class WorkerFailed(WrongUsage):
    """What was asked elsewhere could not be answered; ``kind`` says whose it is."""

    def __init__(self, problem: str, *, remedy: str, kind: str = "died") -> None:
        super().__init__(problem, remedy=remedy)
        self.kind = kind


class Worker:
    """One process that answers one question after the other."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
        mine, self._life = os.pipe()
        program = Path(__file__).resolve().with_name("worker.py")
        try:
            self._process = subprocess.Popen(
                [str(place.python), str(program), str(mine)],
                cwd=place.cwd,
                env=dict(place.env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                start_new_session=True,
                pass_fds=(mine,),
            )
        except OSError as error:
            os.close(self._life)
            self._printed.close()
            raise WorkerFailed(
                f"{place.python} could not be started: {error.strerror}",
                remedy="Check that it is a Python that runs here.",
            ) from error
        finally:
            os.close(mine)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close(at_once=error is not None)

    def close(self, *, at_once: bool = False) -> None:
        """End the process and whatever it has started."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with pipes
        assert self._process.stdout is not None  # noqa: S101 - it was started with pipes
        with suppress(OSError):
            self._process.stdin.close()
        if not at_once:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        self._kill()
        self._process.wait()
        self._process.stdout.close()
        with suppress(OSError):
            os.close(self._life)
        self._printed.close()

    def ask(
        self, frame: Mapping[str, Any], columns: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the answer and its arrays; WorkerFailed if there is none in time."""
        late = threading.Event()
        timer = threading.Timer(self._place.timeout_s, self._too_late, [late])
        timer.daemon = True
        timer.start()
        try:
            received = self._exchange(frame, columns or {})
        finally:
            timer.cancel()
        if received is None:
            raise self._died(late=late.is_set())
        answer, answered = received
        if answer.pop("ok", False) is True:
            return answer, answered
        raise self._said(frame, answer.get("error", {}))

    def _exchange(
        self, frame: Mapping[str, Any], columns: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - it was started with pipes
        assert stdout is not None  # noqa: S101 - it was started with pipes
        code = [str(one) for one in self._place.code]
        try:
            frames.send({**frame, "code": code}, dict(columns), stdin)
            return frames.receive(stdout.readline, stdout.read)
        except frames.Refused as error:
            raise WorkerFailed(
                str(error), remedy="Give columns of numbers, texts and times.", kind="refused"
            ) from error
        except (OSError, ValueError, KeyError, TypeError):
            return None  # cut off in the middle

    def _too_late(self, late: threading.Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None or self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _died(self, *, late: bool) -> WorkerFailed:
        if late:
            return WorkerFailed(
                f"{self._place.python} gave no answer within {self._place.timeout_s:.0f} s",
                remedy="Look at what it does for so long, or judge fewer rows.",
                kind="late",
            )
        self._kill()
        code = self._process.wait()
        said = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        tail = self._tail()
        return WorkerFailed(
            f"{self._place.python} ended {said} instead of answering" + (f":\n{tail}" * bool(tail)),
            remedy="Its last words are above; a signal 9 often means that memory ran out."
            if code < 0
            else "Its last words are above.",
        )

    def _said(self, frame: Mapping[str, Any], error: Mapping[str, Any]) -> WorkerFailed:
        kind, says = str(error.get("kind", "code")), self._masked(str(error.get("says", "")))
        where = str(error.get("where", ""))
        asked = str(frame.get("call", "")) or "the model"
        said = f"{asked} failed: {says}" if kind != "refused" else says
        said += f" ({where})" if where and kind == "code" else ""
        return WorkerFailed(said[:_TAIL_BYTES], remedy=_REMEDIES.get(kind, ""), kind=kind)

    def _masked(self, text: str) -> str:
        masked = Mask(self._place.secrets).whole(text.encode("utf-8", "replace"))
        return masked.decode("utf-8", "replace")

    def _tail(self) -> str:
        self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, self._printed.tell() - _TAIL_BYTES))
        return self._masked(self._printed.read().decode("utf-8", "replace")).strip()


_REMEDIES = {
    "library": "Put the library into the lock file of the environment that it runs in.",
    "code": "Run it by hand on these rows; the place in its code is named.",
    "refused": "See docs/reference/models.md for what is opened, and how to trust more.",
}


@contextmanager
def working(place: Place) -> Iterator[Worker]:
    """Give a process of a place's Python, which is ended afterwards whatever happens."""
    with Worker(place) as one:
        yield one
