"""What is asked of a model that is not this process's own, and what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from trueup.config.model_entries import ModelEntry
from trueup.delivery.evaluating import Evaluation
from trueup.pipeline.graph import Graph
from trueup.pipeline.results import Results
from trueup.registry.records import Registered
from trueup.store.artifacts import Artifact

Say: TypeAlias = Callable[[str], None]  # hears what takes a while


class Had(msgspec.Struct, frozen=True):
    """Predictions for the rows of an evaluation, in their order, and how they were come by."""

    predictions: Any
    how: str


class NotComparable(msgspec.Struct, frozen=True):
    """There are no such predictions; a sentence for each way that was tried."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The rows, and the checkout that a model is asked from.

    ``name`` is the model's in trueup.yaml.
    """

    evaluation: Evaluation
    name: str
    entry: ModelEntry
    graph: Graph
    results: Results
    root: Path
    own: Path  # .trueup
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> dict[str, str]:
        """The stages' secrets, which no model is given and nothing may show."""
        names = {name for stage in self.graph.stages.values() for name in stage.secrets}
        return {name: self.env[name] for name in sorted(names) if self.env.get(name)}


@dataclass(frozen=True, kw_only=True)
class Wanted(Asking):
    """A version whose predictions are wanted."""

    version: Registered

    @property
    def model(self) -> Artifact:
        """The version's model."""
        return self.version.model

    @property
    def shown_as(self) -> str:
        """Return what messages call the version."""
        return f"version {self.version.version}"
