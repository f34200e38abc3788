"""One run at a time in a checkout: the second waits, or is told who is there."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trueup.errors import SomebodyElseFirst
from trueup.pipeline.warden import sweep

RUNS_ABOVE = "TRUEUP_RUNS_ABOVE"  # in a stage's environment: the runs it is a part of


class RunUnderWay(SomebodyElseFirst):
    """Another run has this checkout."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"another run has this checkout: {holder}",
            remedy="Wait for it (leave out --no-wait), end it, or use a second checkout.",
        )


@contextmanager
def checkout_lock(
    folder: Path, run: str, *, wait: bool, say: Callable[[str], None], above: str = ""
) -> Iterator[None]:
    """Hold the checkout while the block runs; the kernel lets go when the process ends.

    With ``wait`` a second run queues and says so; without, it raises RunUnderWay. A run within a
    stage of the run that holds the checkout (``above`` names them) would wait for itself, so it is
    refused either way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 200, 0).decode("utf-8", "replace").strip() or "unknown"
            if not wait or any(f"run {name}," in holder for name in above.split()):
                raise RunUnderWay(holder) from None
            say(f"waiting for another run in this checkout: {holder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        _end_orphans(os.pread(file, 200, 0))
        os.ftruncate(file, 0)
        os.pwrite(file, f"run {run}, process {os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


def _end_orphans(left: bytes) -> None:
    """End what a run that was killed has left, where its warden has not come to it yet."""
    words = left.decode("utf-8", "replace").replace(",", " ").split()
    if len(words) > 1 and words[0] == "run":
        while sweep(words[1]):
            pass
