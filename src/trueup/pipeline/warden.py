"""Ends what a run has started when the run ends, however it ends.

Started as a process of its own, by path, with nothing but the standard library: reads process
group numbers, one a line, from standard input. At the end of input (the run is over, or was
killed) it kills those groups, and on Linux every process that carries the run's name.
"""

import os
import signal
import sys
from contextlib import suppress


def main(run: str) -> None:
    """Wait for the end of input, then leave no process of the run alive."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal
    groups: set[int] = set()
    for line in sys.stdin:
        word = line.strip()
        if word.startswith("-"):
            groups.discard(int(word[1:]))
        elif word:
            groups.add(int(word))
    for group in groups:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    while sweep(run):
        pass


def sweep(run: str) -> int:
    """Kill each process with the run's name in its environment; return how many there were."""
    marker = b"\0TRUEUP_RUN=" + run.encode() + b"\0"
    found = 0
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - starts in 10 ms because pathlib stays out
    except OSError:
        return 0
    for entry in entries:
        if not entry.isdecimal() or int(entry) == os.getpid():
            continue
        with suppress(OSError):
            environ_file = os.open(f"/proc/{entry}/environ", os.O_RDONLY)
            try:
                environ = b"\0" + _all(environ_file) + b"\0"
            finally:
                os.close(environ_file)
            if marker in environ:
                os.kill(int(entry), signal.SIGKILL)
                found += 1
    return found


def _all(file: int) -> bytes:
    chunks = []
    while chunk := os.read(file, 65536):
        chunks.append(chunk)
    return b"".join(chunks)


if __name__ == "__main__":
    main(sys.argv[1])
