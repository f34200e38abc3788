"""A server as a group of processes: started, waited for, weighed, ended."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from benchmarks.measuring import environment

_START_S = 90.0


class Command(msgspec.Struct, frozen=True):
    """How a server is started, and what it is asked first."""

    argv: Sequence[str]
    folder: Path
    url: str
    body: bytes
    environment: dict[str, str] = {}


class Running(msgspec.Struct, frozen=True):
    """A server that has answered."""

    pid: int
    url: str
    first_s: float  # from its start to its first answer

    def memory_mb(self) -> float:
        """Return what all its processes hold, what they share counted once."""
        return sum(map(_share_kb, tree(self.pid))) / 1000

    def cpu_s(self) -> float:
        """Return the processor time that its processes have used."""
        return sum(map(_cpu_s, tree(self.pid)))


@contextmanager
def running(command: Command) -> Iterator[Running]:
    """Start a server, yield it once it answers, and end it and its children; exits if it ends."""
    log = command.folder / "server.log"
    with log.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env=environment() | command.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            answered = _first_answer(command, process)
            if answered is None:
                sys.exit(f"{command.argv[0]} did not answer:\n{log.read_text()[-3000:]}")
            yield Running(process.pid, command.url, answered - began)
        finally:
            _end(process)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for one in found:
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, listed.read_text().split())
            except OSError:
                continue
    return found


def _first_answer(command: Command, process: subprocess.Popen[bytes]) -> float | None:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(command.url, command.body, headers)  # noqa: S310 - our own
    end = time.perf_counter() + _START_S
    while process.poll() is None and time.perf_counter() < end:
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own URL
                return time.perf_counter()
        except urllib.error.HTTPError as error:
            if error.code in (404, 400, 503):  # it listens, its model is not there yet
                time.sleep(0.02)
                continue
            sys.exit(f"{command.argv}: {error.code} {error.read()[:2000]!r}")
        except OSError:
            time.sleep(0.01)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the group that we have started, in peace first."""
    _signal(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    _signal(process.pid, signal.SIGKILL)  # children that outlive the first of the group
    process.wait(20)


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _share_kb(pid: int) -> int:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+)", told, re.MULTILINE)
    return int(found[1]) if found else 0


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
