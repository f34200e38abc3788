"""A process that sends one message and is ended when its time is up.

So a channel that hangs ends with it, and what libraries print of an address is printed to nobody.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from trueup import clock

START_S = 120.0  # to import apprise, which takes two seconds where nothing else runs


class _Line(msgspec.Struct):
    channel: str  # empty: it is ready, and sends
    failed: str = ""


def asked(
    line: bytes, channels: int, environ: Mapping[str, str], timeout_s: float
) -> tuple[dict[str, str], str]:
    """Return why each channel failed (empty: it did not), and why the others have said nothing.

    The time counts from when the process sends.
    """
    program = Path(__file__).with_name("worker.py")
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=dict(environ),
        )
    except OSError as error:
        return {}, f"the process that sends could not be started: {error.strerror}"
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, said), daemon=True)
    reader.start()
    try:
        with suppress(BrokenPipeError), process.stdin as inlet:
            inlet.write(line)
        return _heard(said, channels, timeout_s)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()


def _read(outlet: IO[bytes], said: "queue.SimpleQueue[bytes]") -> None:
    for line in outlet:
        said.put(line)
    said.put(b"")


def _heard(
    said: "queue.SimpleQueue[bytes]", channels: int, timeout_s: float
) -> tuple[dict[str, str], str]:
    """Return what is said until all channels have, or the time is up."""
    until, why = clock.monotonic_s() + START_S, "the process that sends did not get ready"
    found: dict[str, str] = {}
    while len(found) < channels:
        try:
            line = said.get(timeout=max(0.0, until - clock.monotonic_s()))
        except queue.Empty:
            return found, why
        if not line:
            return found, "the process that sends ended before it had"
        try:
            one = msgspec.json.decode(line, type=_Line)
        except msgspec.MsgspecError:
            continue
        if one.channel:
            found[one.channel] = one.failed
        else:
            until, why = (
                clock.monotonic_s() + timeout_s,
                f"it did not answer within {timeout_s:g} s",
            )
    return found, ""
