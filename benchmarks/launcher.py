"""Start one command and print its status, wall seconds, peak memory in bytes, processor seconds.

A process of its own, because a child's peak begins at its parent's: this one is small.
"""

import os
import sys
import time


def main(log: str, *argv: str) -> None:
    """Run the command with its output in the log."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    began = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak, processor_s = usage.ru_maxrss * unit, usage.ru_utime + usage.ru_stime
    print(os.waitstatus_to_exitcode(status), seconds, peak, processor_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
