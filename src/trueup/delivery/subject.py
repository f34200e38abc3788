"""What is delivered: one model of a project, for one environment, as this checkout has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trueup import clock
from trueup.config.model_entries import ModelEntry, RuleEntry
from trueup.config.target_entries import TargetEntry
from trueup.delivery.sealed import digest_of
from trueup.delivery.seen import Seen, seen_by
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

if TYPE_CHECKING:
    from trueup.delivery.evaluating import Evaluation


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
    has_bucket: bool = True  # False: what the registry here says of champions is not the truth
    env: Mapping[str, str] = field(default_factory=dict)
    metrics: Callable[[], Mapping[str, Mapping[str, Any]]] = dict  # of each metrics file

    @property
    def stamp(self) -> Stamp:
        """Who is acting, and now."""
        return Stamp(self.by, clock.now())

    @property
    def rules(self) -> str:
        """The digest of everything in the configuration that a verdict depends on."""
        return rules_digest(self.entry, self.target)

    @property
    def rules_of_environment(self) -> tuple[RuleEntry, ...]:
        """What the environment asks beside the model's own rules."""
        return self.target.rules if self.target else ()

    @property
    def path(self) -> str:
        """Where the model lies; of one that is known by its predictions alone, where these do."""
        evaluate = self.entry.evaluate
        return self.entry.path or (evaluate.predictions if evaluate else "")

    @cached_property
    def table(self) -> "Evaluation":
        """The rows that it is judged on, read once; sealed ones have to be in place."""
        from trueup.delivery.evaluating import evaluation

        return evaluation(self.root, self.entry, self.digest)

    @cached_property
    def seen(self) -> Seen:
        """Which rows the model of this checkout was trained on."""
        return seen_by(self.root, self.entry, self.graph)

    @property
    def data(self) -> str:
        """The digest of the evaluation data; empty where none is declared."""
        return data_digest(self.root, self.entry, self.digest)

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


def data_digest(root: Path, entry: ModelEntry, digest: Callable[[str], str]) -> str:
    """Return the digest of the rows that a model is judged on; empty where none are declared.

    Sealed rows need not be here: what names them in Git has their digest.
    """
    evaluate = entry.evaluate
    if evaluate is None:
        return ""
    return digest_of(root, evaluate) or digest(evaluate.data or evaluate.predictions)


class Candidate(msgspec.Struct, frozen=True):
    """A model that is to be judged: a file of this checkout, or a version."""

    model: Artifact
    code: str = ""  # digest over the stage keys that led to it
    version: Registered | None = None  # None: not registered yet

    @property
    def here(self) -> bool:
        """Whether it is the model of this checkout, not asked for as a version."""
        return self.version is None


def is_here(subject: Subject, candidate: Candidate) -> bool:
    """Say whether the candidate is the model that this checkout's pipeline has made."""
    return subject.digest(subject.path) == candidate.model.digest
