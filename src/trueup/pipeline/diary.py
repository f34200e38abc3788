"""The record of a run while it goes on: events, output and points, written beside the work."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from trueup import clock
from trueup.pipeline.outcome import StageResult
from trueup.pipeline.recording import Recorder
from trueup.pipeline.results import CacheRecord, Results
from trueup.pipeline.tracking.records import Ended, StageDone, Started
from trueup.pipeline.tracking.spool import Spool
from trueup.pipeline.tracking.writer import RunWriter
from trueup.store.artifacts import Artifact


class Diary:
    """Begins when something is really done; a run that changes nothing leaves no record."""

    def __init__(self, writer: RunWriter, started: Callable[[], Started], results: Results) -> None:
        self.run = writer.run
        self.begun = False
        self._writer, self._started, self._results = writer, started, results
        self._guard = threading.Lock()
        self._output: dict[str, list[bytes]] = {}
        self._spools: dict[str, tuple[Spool, Callable[[bytes], bytes]]] = {}
        self._records: Recorder | None = None
        self._uploads: Recorder | None = None
        self._began_s = clock.monotonic_s()

    def begin(self) -> None:
        """Record that the run has begun, once."""
        if self.begun:
            return
        self.begun = True
        self._records = Recorder(self._writer.heartbeat, self._ship)
        self._uploads = Recorder()
        started = self._started()
        self._records.submit(lambda: self._writer.started(started))

    def follow(self, stage: str, spool: Path, mask: Callable[[bytes], bytes]) -> None:
        """Ship the points that a stage's script leaves in its spool, masked."""
        with self._guard:
            self._spools[stage] = (Spool(spool), mask)

    def output(self, stage: str, chunk: bytes) -> None:
        """Keep a piece of a stage's output, masked already."""
        if chunk:
            with self._guard:
                self._output.setdefault(stage, []).append(chunk)

    def stage_done(self, result: StageResult) -> None:
        """Record what became of a stage, its last output and points before it."""
        if self._records is None:
            return
        event = StageDone(
            stage=result.stage,
            outcome=result.outcome,
            key=result.key,
            reasons=tuple(msgspec.to_builtins(reason) for reason in result.reasons),
            at=clock.now(),
            seconds=result.seconds,
            peak_memory_bytes=result.peak_memory_bytes or None,
            outs=_kept(result),
            gpus=result.gpus,
            exit_code=result.exit_code,
            error=result.error,
            attempt=result.attempts,
        )

        def write() -> None:
            self._ship([result.stage])
            with self._guard:
                self._spools.pop(result.stage, None)
            self._writer.stage_done(event)

        self._records.submit(write)

    def share(self, record: CacheRecord | None, artifacts: Iterable[Artifact]) -> None:
        """Upload a result while other stages go on; without a record, only what it is made of."""
        if self._uploads is not None and self._results.remote is not None:
            kept = list(artifacts)
            self._uploads.submit(lambda: self._results.share(record, kept))

    def end(self, event: Ended) -> None:
        """Write all that is left and the run's end; raises what could not be written."""
        if self._records is None or self._uploads is None:
            return
        try:
            self._uploads.close()
        finally:
            self._records.submit(lambda: self._writer.ended(event))
            self._records.close()

    def _ship(self, stages: Iterable[str] | None = None) -> None:
        with self._guard:
            names = list(self._output.keys() | self._spools.keys()) if stages is None else stages
            taken = {name: self._output.pop(name, []) for name in names}
            spools = [self._spools[name] for name in names if name in self._spools]
        for name, chunks in taken.items():
            if chunks:
                self._writer.log(name, b"".join(chunks))
        for spool, mask in spools:
            lines = spool.drain()
            if lines:
                self._writer.points(mask(lines))


def _kept(result: StageResult) -> dict[str, Artifact]:
    """Return what a stage made, and the executed copy of its notebook."""
    if result.executed is None:
        return result.outs
    return {**result.outs, f"{result.stage} (executed).ipynb": result.executed}
