"""The run: what changed is done, side by side; what did not is left alone, and both say why."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from trueup import clock
from trueup.config.records import Project
from trueup.errors import StageFailed, TrueupError
from trueup.pipeline.diary import Diary
from trueup.pipeline.graph import Graph
from trueup.pipeline.inputs import Locked, key_of
from trueup.pipeline.lock import LockFile, write_lock
from trueup.pipeline.observe import Observer
from trueup.pipeline.outcome import Progress, StageOutcome, StageResult
from trueup.pipeline.perform import Performed, Workbench, is_kept
from trueup.pipeline.plan import Step, decide
from trueup.pipeline.process import Supervisor
from trueup.pipeline.reasons import Reason
from trueup.pipeline.results import CacheRecord, Results
from trueup.pipeline.slots import Grant, Slots
from trueup.store.artifacts import Artifact

_WRITE_SHARE = 20  # the lock is written again when this many times its last cost has gone by


class Equipment(msgspec.Struct, frozen=True):
    """All that a run works with; put together by project/."""

    project: Project
    graph: Graph
    lock: LockFile
    observer: Observer
    results: Results
    workbench: Workbench
    supervisor: Supervisor
    slots: Slots
    diary: Diary
    progress: Progress
    env: Mapping[str, str]
    keep_going: bool = False
    isolated: bool = False


class PipelineRun:
    """One pass over the graph. Decisions are made in the calling thread, work in threads."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment
        self._graph = equipment.graph
        self._waits = {name: len(above) for name, above in self._graph.upstream.items()}
        self._ready = deque(name for name in self._graph.stages if not self._waits[name])
        self._held_up: deque[Step] = deque()  # decided, no slot free
        self._working = 0
        self._answers: queue.SimpleQueue[tuple[StageResult, Grant | None] | BaseException]
        self._answers = queue.SimpleQueue()
        self._results: dict[str, StageResult] = {}
        self._locked = dict(equipment.lock.stages)
        self._stopping = False
        self._lock_due_s = 0.0
        self.interrupted = False

    def carry_out(self) -> tuple[StageResult, ...]:
        """Return what became of each stage, in order; the lock is written whatever happens."""
        try:
            while self._ready or self._held_up or self._working:
                try:
                    self._advance()
                except KeyboardInterrupt:
                    self._interrupt()
        finally:
            if self._working:  # an error of ours: leave nothing running
                self._with.supervisor.cancel()
            self._save_lock()
        return tuple(self._results[name] for name in self._graph.stages)

    def lock(self) -> LockFile:
        """Return what each stage of the project was last seen to make."""
        stages = self._with.project.stages
        return LockFile({name: made for name, made in self._locked.items() if name in stages})

    def _advance(self) -> None:
        for _ in range(len(self._held_up)):
            self._start(self._held_up.popleft())
        while self._ready:
            self._consider(self._ready.popleft())
        if self._working:
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                self._working -= 1
                raise answer
            result, grant = answer
            self._working -= 1
            if grant is not None:
                self._with.slots.give_back(grant)
            self._finish(result)

    def _consider(self, name: str) -> None:
        """Decide on a stage whose upstream stages are all over."""
        stage = self._graph.stages[name]
        broken = [above for above in self._graph.upstream[name] if not self._results[above].ok]
        if broken or self._stopping:
            reasons = tuple(Reason("upstream_failed", above) for above in broken)
            self._finish(StageResult(name, "skipped", reasons))
            return
        try:
            step = decide(self._with.observer.seen(stage, {}, ()))
        except TrueupError as error:
            self._finish(StageResult(name, "failed", error=str(error)))
            return
        if step.action == "keep":
            self._finish(StageResult(name, "unchanged", step.reasons, step.key, outs=step.outs))
        else:
            self._start(step)

    def _start(self, step: Step) -> None:
        if self._stopping:
            self._finish(StageResult(step.stage, "skipped", step.reasons))
            return
        grant = None
        if step.action == "run":
            grant = self._with.slots.take(self._graph.stages[step.stage])
            if grant is None:
                self._held_up.append(step)
                return
        self._with.diary.begin()
        self._with.progress.begins(step)
        self._working += 1
        thread = threading.Thread(target=self._work, args=(step, grant), name=step.stage)
        thread.start()

    def _finish(self, result: StageResult) -> None:
        name = result.stage
        self._results[name] = result
        for below in self._graph.downstream[name]:
            self._waits[below] -= 1
            if not self._waits[below]:
                self._ready.append(below)
        if not result.ok and result.outcome != "skipped" and not self._with.keep_going:
            self._stopping = True
        self._with.progress.ends(result)
        if result.outcome != "unchanged":
            self._with.diary.stage_done(result)
            if clock.monotonic_s() >= self._lock_due_s:
                self._save_lock()

    def _interrupt(self) -> None:
        self.interrupted = self._stopping = True
        self._with.supervisor.cancel()

    def _save_lock(self) -> None:
        began_s = clock.monotonic_s()
        write_lock(self._with.project.root, self.lock())
        ended_s = clock.monotonic_s()
        self._lock_due_s = ended_s + _WRITE_SHARE * (ended_s - began_s)

    # ---- in a thread for each stage

    def _work(self, step: Step, grant: Grant | None) -> None:
        began_s = clock.monotonic_s()
        try:
            try:
                result = self._run(step, grant) if grant is not None else self._fetch(step)
            except TrueupError as error:
                result = StageResult(
                    step.stage,
                    "failed",
                    step.reasons,
                    step.key,
                    clock.monotonic_s() - began_s,
                    error=str(error),
                )
            self._answers.put((result, grant))
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the run raises it again
            self._answers.put(error)

    def _fetch(self, step: Step) -> StageResult:
        began_s = clock.monotonic_s()
        bench, stage = self._with.workbench, self._graph.stages[step.stage]
        for path, artifact in step.outs.items():
            if self._with.observer.artifact(path) != artifact:
                bench.make_room(path, self._locked.get(stage.name), self._with.progress.note)
                self._with.results.place(artifact, self._with.project.root / path)
        if step.inputs is not None:
            sources = self._with.observer.keep_sources(stage)
            self._locked[stage.name] = Locked(step.key, step.inputs, step.outs, sources)
        seconds = clock.monotonic_s() - began_s
        return StageResult(stage.name, "fetched", step.reasons, step.key, seconds, outs=step.outs)

    def _run(self, step: Step, grant: Grant) -> StageResult:
        began_s = clock.monotonic_s()
        bench, diary, stage = self._with.workbench, self._with.diary, self._graph.stages[step.stage]
        env = bench.env(stage, self._with.env, grant.gpus)
        bench.clear(stage, self._locked.get(stage.name), self._with.progress.note)
        diary.follow(stage.name, bench.spool(stage), bench.mask(stage, env).whole)

        def show(chunk: bytes) -> None:
            diary.output(stage.name, chunk)
            self._with.progress.output(stage.name, chunk)

        done = self._perform(step, env, show)
        if done.exit_code:
            return _failed(step, done, clock.monotonic_s() - began_s, grant)
        outs = bench.keep(stage)
        self._remember(step, outs, began_s)
        return StageResult(
            stage.name,
            "ran",
            step.reasons,
            step.key,
            clock.monotonic_s() - began_s,
            done.finished.peak_memory_bytes if done.finished else 0,
            outs,
            grant.gpus,
            done.exit_code,
            done.attempts,
        )

    def _perform(
        self, step: Step, env: Mapping[str, str], show: Callable[[bytes], None]
    ) -> Performed:
        bench, stage = self._with.workbench, self._graph.stages[step.stage]
        if not self._with.isolated:
            return bench.perform(stage, env, show)
        enclosure = bench.enclosure(stage)
        enclosure.furnish(self._with.observer.params(stage))
        try:
            done = bench.perform(stage, env, show, enclosure.folder)
            enclosure.bring_out()
        finally:
            enclosure.remove()
        return done

    def _remember(self, step: Step, outs: dict[str, Artifact], began_s: float) -> None:
        """Keep the result under its key, once it is sure that the key is still true."""
        stage = self._graph.stages[step.stage]
        after = self._with.observer.inputs(stage, {})
        if after is None or key_of(after) != step.key:
            raise StageFailed(
                f"what stage {stage.name!r} depends on changed while it ran",
                remedy="Run again; if its own command writes there, declare that as an output.",
                place=str(stage.place) if stage.place else None,
            )
        sources = self._with.observer.keep_sources(stage)
        record = CacheRecord(
            key=step.key,
            stage=stage.name,
            run=self._with.diary.run,
            at=clock.now(),
            seconds=clock.monotonic_s() - began_s,
            inputs=after,
            outs=outs,
        )
        self._with.results.remember(record)
        kept = [outs[out.path] for out in stage.outs if out.push and is_kept(out)]
        self._with.diary.share(record, [*kept, *sources.values()])
        self._locked[stage.name] = Locked(step.key, after, outs, sources)


def _failed(step: Step, done: Performed, seconds: float, grant: Grant) -> StageResult:
    finished = done.finished
    outcome: StageOutcome = "failed"
    error = f"stage {step.stage!r} failed with exit code {done.exit_code}"
    if finished is not None and finished.timed_out:
        outcome = "timed_out"
        error = f"stage {step.stage!r} ran out of its time"
    elif finished is not None and finished.cancelled:
        outcome = "interrupted"
        error = f"stage {step.stage!r} was interrupted"
    return StageResult(
        step.stage,
        outcome,
        step.reasons,
        step.key,
        seconds,
        finished.peak_memory_bytes if finished else 0,
        gpus=grant.gpus,
        exit_code=done.exit_code,
        attempts=done.attempts,
        error=error,
        tail=done.tail,
    )
