"""What is delivered: one model of a project, for one environment, as this checkout has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from trueup import clock
from trueup.config.model_entries import ModelEntry
from trueup.config.target_entries import TargetEntry
from trueup.pipeline.graph import Graph
from trueup.pipeline.results import Results
from trueup.registry.copying import Stamp
from trueup.registry.history import History
from trueup.registry.promotion import Terms
from trueup.registry.records import Identity, Registered
from trueup.registry.registry import Registry
from trueup.registry.standards import rules_digest
from trueup.store.artifacts import Artifact
from trueup.store.scopes import Scope


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model of a project and everything that judging and promoting it needs to know.

    ``digest`` gives the digest of a path of the project: the lock's, else the file's.
    """

    root: Path
    own: Path  # .trueup
    name: str  # project/model
    entry: ModelEntry
    environment: str
    target: TargetEntry | None
    graph: Graph
    registry: Registry
    results: Results
    scope: Scope
    digest: Callable[[str], str]
    by: Identity
    branch: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def stamp(self) -> Stamp:
        """Who is acting, and now."""
        return Stamp(self.by, clock.now())

    @property
    def rules(self) -> str:
        """The digest of everything in the configuration that a verdict depends on."""
        return rules_digest(self.entry, self.target)

    @property
    def data(self) -> str:
        """The digest of the evaluation data; empty where none is declared."""
        evaluate = self.entry.evaluate
        if evaluate is None:
            return ""
        return self.digest(evaluate.data or evaluate.predictions)

    def terms(self) -> Terms:
        """Return what the environment asks of a promotion of this model, now."""
        return Terms(
            self.environment,
            rules=self.rules,
            data=self.data,
            approvals=self.target.approvals if self.target else 0,
            protected=self.target.protected if self.target else False,
        )

    def history(self) -> History:
        """Return what happened to the model."""
        return self.registry.so_far(self.name)


class Candidate(msgspec.Struct, frozen=True):
    """A model that is to be judged: a file of this checkout, or a version."""

    model: Artifact
    code: str = ""  # digest over the stage keys that led to it
    version: Registered | None = None  # None: not registered yet

    @property
    def here(self) -> bool:
        """Whether it is the file of this checkout, whose predictions the pipeline may have made."""
        return self.version is None
