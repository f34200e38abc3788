"""What a run does with one stage: fetch its outputs, or make them and keep what was made."""

from collections.abc import Callable, Mapping

import msgspec

from trueup import clock
from trueup.config.records import Project, Stage
from trueup.errors import StageFailed
from trueup.pipeline.diary import Diary
from trueup.pipeline.inputs import Inputs, Locked, key_of
from trueup.pipeline.observe import Observer
from trueup.pipeline.outcome import Progress, StageOutcome, StageResult
from trueup.pipeline.perform import Performed, Workbench, is_kept
from trueup.pipeline.plan import Step
from trueup.pipeline.results import CacheRecord, Results
from trueup.pipeline.slots import Grant
from trueup.store.artifacts import Artifact


class StageWork(msgspec.Struct, frozen=True):
    """What the threads of a run share; each call is about one stage."""

    project: Project
    observer: Observer
    results: Results
    workbench: Workbench
    diary: Diary
    progress: Progress
    env: Mapping[str, str]
    isolated: bool = False

    def fetch(self, step: Step, locked: Locked | None) -> tuple[StageResult, Locked | None]:
        """Put known outputs in place; what lies there by hand is moved aside."""
        began_s = clock.monotonic_s()
        stage = self.project.stages[step.stage]
        for path, artifact in step.outs.items():
            if self.observer.artifact(path) != artifact:
                self.workbench.make_room(path, locked, self.progress.note)
                self.results.place(artifact, self.project.root / path)
        kept = {out.path for out in stage.outs if is_kept(out)}
        artifacts = [artifact for path, artifact in step.outs.items() if path in kept]
        self.results.renew(artifacts)
        self.diary.share(None, artifacts)
        seconds = clock.monotonic_s() - began_s
        result = StageResult(stage.name, "fetched", step.reasons, step.key, seconds, outs=step.outs)
        if step.inputs is None or (locked and locked.key == step.key):
            return result, locked
        sources = self.observer.keep_sources(stage)
        return result, Locked(step.key, step.inputs, step.outs, sources)

    def run(
        self, step: Step, locked: Locked | None, grant: Grant
    ) -> tuple[StageResult, Locked | None]:
        """Make a stage's outputs and keep them under its key; a failure is in the result."""
        began_s = clock.monotonic_s()
        bench, diary, stage = self.workbench, self.diary, self.project.stages[step.stage]
        env = bench.env(stage, self.env, grant.gpus)
        bench.clear(stage, locked, self.progress.note)
        diary.follow(stage.name, bench.spool(stage), bench.mask(stage, env).whole)

        def show(chunk: bytes) -> None:
            diary.output(stage.name, chunk)
            self.progress.output(stage.name, chunk)

        attempts = 1
        done = self._perform(stage, env, show)
        while attempts <= stage.retries and not done.well and not done.finished.cancelled:
            bench.discard(stage)
            attempts += 1
            done = self._perform(stage, env, show)
        outs: dict[str, Artifact] = {}
        made = None
        if done.well:
            made = self._remember(step, clock.monotonic_s() - began_s)
            outs = made.outs
        result = _result(step, done, clock.monotonic_s() - began_s, grant)
        return msgspec.structs.replace(result, outs=outs, attempts=attempts), made

    def _perform(
        self, stage: Stage, env: Mapping[str, str], show: Callable[[bytes], None]
    ) -> Performed:
        params = self.observer.params(stage, {}) or {}
        if not self.isolated:
            return self.workbench.perform(stage, env, params, show)
        enclosure = self.workbench.enclosure(stage)
        enclosure.furnish(params, self.observer.files_of)
        try:
            done = self.workbench.perform(stage, env, params, show, enclosure.folder)
            enclosure.bring_out()
        finally:
            enclosure.remove()
        return done

    def _remember(self, step: Step, seconds: float) -> Locked:
        """Keep the result under its key, once it is sure that the key is still true."""
        stage = self.project.stages[step.stage]
        outs, sources = self.results.keep(
            lambda: (self.workbench.keep(stage), self.observer.keep_sources(stage))
        )
        inputs = self._unchanged_inputs(stage, step.key, sources)
        record = CacheRecord(
            key=step.key,
            stage=stage.name,
            run=self.diary.run,
            at=clock.now(),
            seconds=seconds,
            inputs=inputs,
            outs=outs,
        )
        self.results.remember(record)
        kept = [outs[out.path] for out in stage.outs if out.push and is_kept(out)]
        self.diary.share(record, [*kept, *sources.values()])
        return Locked(step.key, inputs, outs, sources)

    def _unchanged_inputs(self, stage: Stage, key: str, sources: Mapping[str, Artifact]) -> Inputs:
        self.observer.ask_again(stage)
        inputs = self.observer.inputs(stage, {}, sources)
        if inputs is None or key_of(inputs) != key:
            raise StageFailed(
                f"what stage {stage.name!r} depends on changed while it ran",
                remedy="Run again; if its own command writes there, declare that as an output.",
                place=str(stage.place) if stage.place else None,
            )
        return inputs


def _result(step: Step, done: Performed, seconds: float, grant: Grant) -> StageResult:
    finished = done.finished
    outcome: StageOutcome = "ran"
    error = ""
    if finished.timed_out:
        outcome, error = "timed_out", f"stage {step.stage!r} ran out of its time"
    elif finished.cancelled:
        outcome, error = "interrupted", f"stage {step.stage!r} was interrupted"
    elif finished.exit_code:
        outcome = "failed"
        error = f"stage {step.stage!r} failed with exit code {finished.exit_code}"
    return StageResult(
        step.stage,
        outcome,
        step.reasons,
        step.key,
        seconds,
        finished.peak_memory_bytes,
        executed=done.executed,
        gpus=grant.gpus,
        exit_code=finished.exit_code,
        error=error,
        tail=done.tail if error else "",
    )
