"""A run while it goes on: plain lines, and on a terminal one line that says what is going on."""

import threading
from typing import TextIO

from trueup import clock
from trueup.pipeline.outcome import StageResult
from trueup.pipeline.plan import Step

_REASONS = 3


class Lines:
    """Writes what happens as lines, whole ones only, each with its stage before it."""

    def __init__(self, stream: TextIO, *, explain: bool, quiet: bool) -> None:
        self._stream, self._explain, self._quiet = stream, explain, quiet
        self._guard = threading.Lock()
        self._partial: dict[str, bytes] = {}
        self._since: dict[str, float] = {}
        self._live = stream.isatty()

    def begins(self, step: Step) -> None:
        """Say that a stage starts, and why."""
        verb = "running" if step.action == "run" else "fetching"
        why = "; ".join(reason.text for reason in step.reasons[:_REASONS])
        more = f"; and {len(step.reasons) - _REASONS} more" if len(step.reasons) > _REASONS else ""
        with self._guard:
            self._since[step.stage] = clock.monotonic_s()
            self._write(f"{step.stage}: {verb}, {why}{more}")

    def output(self, stage: str, chunk: bytes) -> None:
        """Show the whole lines of what a stage prints."""
        if self._quiet:
            return
        with self._guard:
            *lines, rest = (self._partial.pop(stage, b"") + chunk).split(b"\n")
            self._partial[stage] = rest
            for line in lines:
                self._write(f"{stage} | {_printable(line)}")

    def ends(self, result: StageResult) -> None:
        """Say how a stage ended; of one that was left alone only when asked to explain."""
        with self._guard:
            rest = self._partial.pop(result.stage, b"")
            if rest:
                self._write(f"{result.stage} | {_printable(rest)}")
            self._since.pop(result.stage, None)
            if result.outcome in ("unchanged", "skipped") and not self._explain:
                self._status()
                return
            why = ""
            if result.outcome in ("unchanged", "skipped"):
                why = ", " + "; ".join(reason.text for reason in result.reasons)
            took = f" in {result.seconds:.1f} s" if result.seconds >= 0.05 else ""
            self._write(f"{result.stage}: {result.outcome.replace('_', ' ')}{took}{why}")

    def note(self, text: str) -> None:
        """Say something."""
        with self._guard:
            self._write(text)

    def _write(self, line: str) -> None:
        erase = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{erase}{line}\n")
        self._status()

    def _status(self) -> None:
        if not self._live:
            return
        now = clock.monotonic_s()
        going = ", ".join(f"{name} {now - since:.0f} s" for name, since in self._since.items())
        self._stream.write(f"\r\x1b[K{'... ' + going[:100] if going else ''}")
        self._stream.flush()


def _printable(line: bytes) -> str:
    """Return a line as text; of a progress bar that overwrites itself, its last state."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return text.rpartition("\r")[2]
