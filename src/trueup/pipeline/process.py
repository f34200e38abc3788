"""One command of a stage: started, read, timed, ended."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from resource import struct_rusage

import msgspec

from trueup import clock
from trueup.errors import StageFailed
from trueup.pipeline.warden import sweep

_GRACE_S = 5.0  # between asking a process group to end and ending it
_POLL_S = 0.2


class Command(msgspec.Struct, frozen=True):
    """What to start, where, and for how long at most."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float | None = None


class Finished(msgspec.Struct, frozen=True):
    """How a command ended."""

    exit_code: int  # negative: the number of the signal that ended it
    seconds: float
    peak_memory_bytes: int
    timed_out: bool = False
    cancelled: bool = False


class Supervisor:
    """Starts commands in process groups of their own and lets none outlive the run.

    ``cancel`` may be called from any thread or from a signal; what runs is asked to end, and
    after 5 s is ended. If this process itself is killed, the warden ends the rest.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._warden: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self.cancelled = False

    def cancel(self) -> None:
        """Ask everything that runs to end, and let nothing else start."""
        self.cancelled = True
        with suppress(OSError):
            os.write(self._wake_write, b"x")

    def execute(self, command: Command, show: Callable[[bytes], None]) -> Finished:
        """Run a command to its end, handing each chunk of its output to ``show``."""
        self._wake_warden()
        began = clock.monotonic_s()
        process = _started(command)
        self._tell_warden(process.pid)
        watch = _Watch(process, self._wake_read, command.timeout_s)
        status, usage = watch.until_the_end(show)
        self._tell_warden(-process.pid)
        seconds = clock.monotonic_s() - began
        scale = 1 if sys.platform == "darwin" else 1024
        return Finished(
            os.waitstatus_to_exitcode(status),
            seconds,
            usage.ru_maxrss * scale,
            watch.timed_out,
            watch.cancelled,
        )

    def close(self) -> None:
        """Return when no process of the run is left."""
        if self._warden is not None:
            assert self._warden.stdin is not None  # noqa: S101 - it was started with a pipe
            with suppress(OSError):
                self._warden.stdin.close()
            self._warden.wait()
            self._warden = None
        elif self.cancelled:  # a dependency's command may just have been starting
            while sweep(self.run):
                pass
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake_warden(self) -> None:
        with self._guard:
            if self._warden is not None:
                return
            program = str(Path(__file__).with_name("warden.py"))
            self._warden = subprocess.Popen(
                [sys.executable, "-I", "-S", program, self.run],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,
            )

    def _tell_warden(self, group: int) -> None:
        if self._warden is not None and self._warden.stdin is not None:
            with suppress(OSError):
                os.write(self._warden.stdin.fileno(), b"%d\n" % group)


def _started(command: Command) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        if not command.cwd.is_dir():
            raise StageFailed(
                f"the working folder {command.cwd} is not there",
                remedy="Make it, correct wdir:, or let a stage before this one make it.",
            ) from error
        raise StageFailed(
            f"the command could not be started: {error.strerror}",
            remedy="Put a long command into a script, and check that its program can be run.",
        ) from error


class _Watch:
    """Waits for one process: output, end, time limit and cancellation, whichever comes."""

    def __init__(
        self, process: subprocess.Popen[bytes], wake: int, timeout_s: float | None
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._process, self._out = process, process.stdout
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._wake = wake
        self._poll.register(wake, select.POLLIN)
        self._pidfd = _pidfd(process.pid)
        if self._pidfd is not None:
            self._poll.register(self._pidfd, select.POLLIN)
        self._deadline = None if timeout_s is None else clock.monotonic_s() + timeout_s
        self._kill_at: float | None = None
        self.timed_out = self.cancelled = False

    def until_the_end(self, show: Callable[[bytes], None]) -> tuple[int, struct_rusage]:
        """Return the wait status and usage; afterwards the whole group is gone."""
        open_out = True
        try:
            while True:
                for fd, _ in self._poll.poll(self._pause_ms(open_out)):
                    if fd == self._out.fileno():
                        open_out = self._read(show)
                    elif fd == self._wake:
                        self._end(cancelled=True)
                self._mind_the_time()
                pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
                if pid:
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    self._leave_nothing(show, open_out)
                    return status, usage
        except BaseException:
            self._kill(signal.SIGKILL)
            raise
        finally:
            if self._pidfd is not None:
                os.close(self._pidfd)
            self._out.close()

    def _pause_ms(self, open_out: bool) -> float:
        pause = _POLL_S if self._pidfd is not None else (_POLL_S if open_out else 0.005)
        limits = [at - clock.monotonic_s() for at in (self._deadline, self._kill_at) if at]
        return max(0.0, min([pause, *limits])) * 1000

    def _read(self, show: Callable[[bytes], None]) -> bool:
        chunk = os.read(self._out.fileno(), 1 << 16)
        if chunk:
            show(chunk)
            return True
        self._poll.unregister(self._out)
        return False

    def _mind_the_time(self) -> None:
        now = clock.monotonic_s()
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self.timed_out = True
            self._end()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._kill(signal.SIGKILL)

    def _end(self, *, cancelled: bool = False) -> None:
        if cancelled:
            self._poll.unregister(self._wake)
            self.cancelled = True
        self._kill(signal.SIGTERM)
        self._kill_at = clock.monotonic_s() + _GRACE_S

    def _leave_nothing(self, show: Callable[[bytes], None], open_out: bool) -> None:
        """End what the command left behind, and read the last of its output."""
        self._kill(signal.SIGKILL)
        drain = select.poll()
        drain.register(self._out, select.POLLIN)
        while open_out and drain.poll(0):
            chunk = os.read(self._out.fileno(), 1 << 16)
            if not chunk:
                return
            show(chunk)

    def _kill(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends, where there is such."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
