"""The run: what changed is done, side by side; what did not is left alone, and both say why."""

import queue
import signal
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from trueup import clock
from trueup.errors import AccessRefused, RemoteSilent, TrueupError
from trueup.pipeline.graph import Graph
from trueup.pipeline.inputs import Locked
from trueup.pipeline.lock import LockFile, write_lock
from trueup.pipeline.outcome import StageResult
from trueup.pipeline.plan import Step, decide
from trueup.pipeline.process import Supervisor
from trueup.pipeline.reasons import Reason
from trueup.pipeline.results import ContentLost
from trueup.pipeline.slots import Grant, Slots
from trueup.pipeline.work import StageWork
from trueup.store.hashing import ContentMissing

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
_OF_THE_RUN = (RemoteSilent, AccessRefused)  # not of one stage: the run ends
_WRITE_SHARE = 20  # the lock is written again when this many times its last cost has gone by


class Equipment(msgspec.Struct, frozen=True):
    """All that a run works with; put together by project/."""

    graph: Graph
    lock: LockFile
    work: StageWork
    supervisor: Supervisor
    slots: Slots
    decided: Mapping[str, Step] = {}  # before anything ran, in order
    keep_going: bool = False


class _Answer(msgspec.Struct, frozen=True):
    """What a thread says when its stage is over."""

    result: StageResult | Step  # a step: what was to be fetched has gone, so it is to be made
    made: Locked | None  # what the lock is to say of the stage from now on
    grant: Grant | None


class PipelineRun:
    """One pass over the graph. Decisions are made in the calling thread, work in threads."""

    def __init__(self, equipment: Equipment) -> None:
        self._with, self._work = equipment, equipment.work
        self._graph = equipment.graph
        self._waits = {name: len(above) for name, above in self._graph.upstream.items()}
        self._ready = deque(name for name in self._graph.stages if not self._waits[name])
        self._held_up: deque[Step] = deque()  # decided, no slot free
        self._working = 0
        self._answers: queue.SimpleQueue[_Answer | BaseException | None] = queue.SimpleQueue()
        self._results: dict[str, StageResult] = {}
        self._locked = dict(equipment.lock.stages)
        self._stopping = self._deciding = False
        self._lock_due_s = 0.0
        self.interrupted = False

    def carry_out(self) -> tuple[StageResult, ...]:
        """Return what became of each stage, in order; the lock is written whatever happens."""
        with self._signals():
            try:
                while self._ready or self._held_up or self._working:
                    self._advance()
            finally:
                self._leave_nothing_running()
                self._save_lock()
        return tuple(self._results[name] for name in self._graph.stages)

    def lock(self) -> LockFile:
        """Return what each stage of the project was last seen to make."""
        stages = self._work.project.stages
        return LockFile({name: made for name, made in self._locked.items() if name in stages})

    def _advance(self) -> None:
        for _ in range(len(self._held_up)):
            self._start(self._held_up.popleft())
        while self._ready:
            self._consider(self._ready.popleft())
        if not self._working:
            return
        answer = self._answers.get()
        if answer is None:
            return  # interrupted: what is ready will be skipped, what runs will answer
        self._working -= 1
        if isinstance(answer, BaseException):
            raise answer
        if answer.grant is not None:
            self._with.slots.give_back(answer.grant)
        if isinstance(answer.result, Step):
            self._start(answer.result)
            return
        if answer.made is not None:
            self._locked[answer.result.stage] = answer.made
        self._finish(answer.result)

    def _consider(self, name: str) -> None:
        """Decide on a stage whose upstream stages are all over."""
        stage = self._graph.stages[name]
        broken = [above for above in self._graph.upstream[name] if not self._results[above].ok]
        if broken or self._stopping:
            reasons = tuple(Reason("upstream_failed", above) for above in broken)
            self._finish(StageResult(name, "skipped", reasons))
            return
        try:
            self._deciding = True
            step = self._with.decided.get(name) or decide(self._work.observer.seen(stage, {}, ()))
            self._deciding = False
        except KeyboardInterrupt:
            self._deciding = False
            self._finish(StageResult(name, "interrupted"))
            return
        except _OF_THE_RUN:
            raise
        except TrueupError as error:
            self._deciding = False
            if not self._work.diary.begun:
                raise  # nothing was done yet, and nothing will be
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
        self._work.diary.begin()
        self._work.progress.begins(step)
        self._working += 1
        thread = threading.Thread(target=self._in_thread, args=(step, grant), name=step.stage)
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
        self._work.progress.ends(result)
        if result.outcome != "unchanged":
            self._work.diary.stage_done(result)
            if clock.monotonic_s() >= self._lock_due_s:
                self._save_lock()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Within the block, an interrupt ends what runs and lets nothing else begin.

        It breaks into a decision, which may hash for minutes, and into nothing else.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(_number: int, _frame: object) -> None:
            self.interrupted = self._stopping = True
            self._with.supervisor.cancel()
            if self._deciding:
                raise KeyboardInterrupt
            self._answers.put(None)

        before = {number: signal.signal(number, interrupt) for number in _INTERRUPTS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _leave_nothing_running(self) -> None:
        """Where an error ends the run early, end what runs and wait for it."""
        if self._working:
            self._with.supervisor.cancel()
        while self._working:
            if self._answers.get() is not None:
                self._working -= 1

    def _save_lock(self) -> None:
        lock = self.lock()
        if lock == self._with.lock:
            return
        began_s = clock.monotonic_s()
        write_lock(self._work.project.root, lock)
        ended_s = clock.monotonic_s()
        self._lock_due_s = ended_s + _WRITE_SHARE * (ended_s - began_s)

    # ---- in a thread for each stage

    def _in_thread(self, step: Step, grant: Grant | None) -> None:
        try:
            self._answers.put(self._outcome(step, grant))
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the run raises it again
            self._answers.put(error)

    def _outcome(self, step: Step, grant: Grant | None) -> _Answer:
        began_s = clock.monotonic_s()
        locked = self._locked.get(step.stage)
        try:
            if grant is None:
                return _Answer(*self._work.fetch(step, locked), None)
            return _Answer(*self._work.run(step, locked, grant), grant)
        except _OF_THE_RUN:
            raise
        except TrueupError as error:
            frozen = self._graph.stages[step.stage].frozen
            if isinstance(error, ContentMissing | ContentLost) and not (grant or frozen):
                lost = (*step.reasons, Reason("not_kept", ", ".join(step.outs)))
                return _Answer(
                    msgspec.structs.replace(step, action="run", reasons=lost), None, None
                )
            seconds = clock.monotonic_s() - began_s
            result = StageResult(
                step.stage, "failed", step.reasons, step.key, seconds, error=str(error)
            )
            return _Answer(result, None, grant)
