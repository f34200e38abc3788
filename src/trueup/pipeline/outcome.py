"""What became of a run, stage by stage, and who is told while it goes on."""

from typing import Any, Literal, Protocol

import msgspec

from trueup.pipeline.plan import Step
from trueup.pipeline.reasons import Reason
from trueup.store.artifacts import Artifact

StageOutcome = Literal[
    "ran", "fetched", "unchanged", "failed", "skipped", "timed_out", "interrupted"
]


class StageResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one stage."""

    stage: str
    outcome: StageOutcome
    reasons: tuple[Reason, ...] = ()
    key: str = ""
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    outs: dict[str, Artifact] = {}
    executed: Artifact | None = None  # a notebook's copy with its outputs
    gpus: tuple[str, ...] = ()
    exit_code: int | None = None
    attempts: int = 1
    error: str = ""
    tail: str = ""  # the last lines of its output, secrets masked

    @property
    def ok(self) -> bool:
        """Tell whether what follows the stage may go on."""
        return self.outcome in ("ran", "fetched", "unchanged")


class RunResult(msgspec.Struct, frozen=True):
    """What became of a run; ``run`` is None where nothing had to be done."""

    run: str | None
    stages: tuple[StageResult, ...]
    seconds: float
    metrics: dict[str, dict[str, Any]] = {}
    interrupted: bool = False
    models: tuple[Any, ...] = ()  # what became of the project's models, where they are delivered

    @property
    def failures(self) -> tuple[StageResult, ...]:
        """Return the stages that failed by themselves."""
        return tuple(r for r in self.stages if r.outcome in ("failed", "timed_out"))


class Progress(Protocol):
    """Told of a run while it goes on, from any thread; must return quickly."""

    def begins(self, step: Step) -> None:
        """A stage starts."""
        ...

    def output(self, stage: str, chunk: bytes) -> None:
        """A stage has printed something; secrets are masked already."""
        ...

    def ends(self, result: StageResult) -> None:
        """A stage is over, or was left alone."""
        ...

    def note(self, text: str) -> None:
        """Something a person should know."""
        ...


class Quiet:
    """Tells nobody."""

    def begins(self, step: Step) -> None:
        """Say nothing."""

    def output(self, stage: str, chunk: bytes) -> None:
        """Say nothing."""

    def ends(self, result: StageResult) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""
