"""Inputs of the whole pipeline that Git does not hold: kept, so that a run can be repeated."""

from collections.abc import Callable, Iterable
from pathlib import Path

from trueup.config.records import Stage
from trueup.pipeline.graph import Graph
from trueup.store.artifacts import Artifact
from trueup.store.content import Content


class SourceKeeper:
    """Keeps the bytes of dependencies that no stage makes and Git does not track.

    A clone gets them by ``trueup pull``. A dependency declared ``external`` keeps its place: only
    its digest is recorded.
    """

    def __init__(
        self,
        content: Content,
        root: Path,
        graph: Graph,
        tracked: Callable[[Iterable[str]], frozenset[str]],
    ) -> None:
        self._content, self._root = content, root
        self._sources = frozenset(
            dep.path
            for stage in graph.stages.values()
            for dep in stage.deps
            if dep.path and not dep.external and not graph.makes(dep.path)
        )
        self._tracked = tracked
        self._wanted: frozenset[str] | None = None

    def wants(self, path: str) -> bool:
        """Tell whether a dependency's bytes are kept; asks Git once."""
        if path not in self._sources:
            return False
        if self._wanted is None:
            self._wanted = self._sources - self._tracked(sorted(self._sources))
        return path in self._wanted

    def add(self, path: str) -> Artifact | None:
        """Keep a dependency and return it, reading it once; None where nothing lies there."""
        place = self._root / path
        return self._content.add(place) if place.exists() else None

    def keep(self, stage: Stage) -> dict[str, Artifact]:
        """Return the stage's own inputs of that sort by path, all kept."""
        kept = {dep.path: self.add(dep.path) for dep in stage.deps if self.wants(dep.path)}
        return {path: artifact for path, artifact in kept.items() if artifact is not None}
