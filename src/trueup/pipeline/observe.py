"""The project as it lies there now: digests, parameters, environment."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.config import params as parameter_files
from trueup.config.records import Dependency, KeyKind, Project, Stage
from trueup.errors import WrongUsage
from trueup.pipeline.environment import Software, software, stage_python
from trueup.pipeline.graph import Graph
from trueup.pipeline.inputs import Inputs, Locked, inputs_of
from trueup.pipeline.lock import LockFile
from trueup.pipeline.plan import Seen
from trueup.pipeline.results import Results
from trueup.store.artifacts import Artifact
from trueup.store.hashing import digest_bytes
from trueup.store.manifest import encode
from trueup.store.scan import Scanner

if TYPE_CHECKING:
    from trueup.pipeline.keeping import SourceKeeper

_STATE = Path(".trueup", "state")


class MissingDependencies(WrongUsage):
    """Stages name files that are not there and that no stage makes."""


class Observer:
    """Answers what a plan asks, each thing looked at once; any thread may ask."""

    def __init__(
        self,
        project: Project,
        scanner: Scanner,
        results: Results,
        lock: LockFile,
        env: Mapping[str, str],
        keeper: "SourceKeeper | None" = None,
    ) -> None:
        self._project, self._scanner, self._results = project, scanner, results
        self._lock, self._env, self._keeper = lock, env, keeper
        self._guard = threading.RLock()
        self._answers: dict[tuple[str, str], str] = {}  # of commands and URLs, for each stage
        self._files: dict[str, tuple[int, Any]] = {}
        self._software: Software | None = None
        self._asking: threading.Thread | None = None
        self.forced: frozenset[str] = frozenset()

    @property
    def locked(self) -> Mapping[str, Locked]:
        """Return what the lock knows, by stage."""
        return self._lock.stages

    def check(self, graph: Graph) -> None:
        """Raise for all that can be known to be wrong before anything runs."""
        self._check_sources(graph)
        for stage in graph.stages.values():
            for out in stage.outs:
                self._scanner.check_inside(self._project.root / out.path)
            made = {wanted.file for wanted in stage.params if graph.makes(wanted.file)}
            if not made:
                self.params(stage, {})

    def _check_sources(self, graph: Graph) -> None:
        mistakes: list[str] = []
        for stage in graph.stages.values():
            for dep in stage.deps:
                if not dep.path or (self._project.root / dep.path).exists():
                    continue
                if graph.makes(dep.path):
                    continue
                where = f"{dep.place}: " if dep.place else ""
                mistakes.append(f"{where}stage {stage.name!r} needs {dep.path}")
        if mistakes:
            raise MissingDependencies(
                "\n".join([f"{len(mistakes)} dependency(s) missing", *mistakes[:20]]),
                remedy="Create them, name the stage's output that makes them, or: trueup pull",
            )

    def seen(self, stage: Stage, made: Mapping[str, Artifact], waits_for: tuple[str, ...]) -> Seen:
        """Return what is known of a stage; its inputs only where nothing upstream will run."""
        forced = stage.name in self.forced
        idle = stage.frozen and not forced
        return Seen(
            stage=stage,
            inputs=None if waits_for or idle else self.inputs(stage, made),
            locked=self._lock.stages.get(stage.name),
            present={out.path: self._output(out.path) for out in stage.outs},
            earlier=self._earlier,
            kept=self._results.kept,
            forced=forced,
            waits_for=waits_for,
        )

    def inputs(
        self,
        stage: Stage,
        made: Mapping[str, Artifact],
        sources: Mapping[str, Artifact] | None = None,
    ) -> Inputs | None:
        """Return a stage's inputs; None where one lies inside something that is still to come.

        Sources, where given, were looked at just now.
        """
        deps: dict[str, str] = {}
        for dep in stage.deps:
            known = sources.get(dep.path) if sources and dep.path != stage.notebook else None
            digest = known.digest if known else self._dependency(dep, stage, made)
            if digest is None:
                return None
            deps[dep.name] = digest
        params = self.params(stage, made)
        if params is None:
            return None
        kind = self._key_kind(stage)
        part = {} if kind == "none" else self.software().part(kind)
        return inputs_of(stage, deps, params, part)

    def _output(self, path: str) -> Artifact | None:
        """Return what lies at an output's path; a link to nowhere, or out of here, is nothing."""
        place = self._project.root / path
        if place.is_symlink():
            whither = place.resolve()
            if not whither.exists() or not whither.is_relative_to(self._project.root.resolve()):
                return None
        return self.artifact(path)

    def artifact(self, path: str) -> Artifact | None:
        """Return what lies at a path of the project now."""
        with self._guard:
            return self._scanner.scan(self._project.root / path)

    def params(
        self, stage: Stage, made: Mapping[str, Artifact]
    ) -> dict[str, dict[str, Any]] | None:
        """Return the values of the parameters a stage declares, by file and key.

        None where a file is still to be made or fetched, and its content is not held here.
        """
        values: dict[str, dict[str, Any]] = {}
        for wanted in stage.params:
            if wanted.file in made:
                if not self._results.content.has(made[wanted.file]):
                    return None
                body = self._results.content.read(made[wanted.file].digest)
                tree = parameter_files.read_text(body, wanted.file)
            else:
                tree = self._tree(wanted.file, str(wanted.place) if wanted.place else None)
            values.setdefault(wanted.file, {}).update(parameter_files.select_all(tree, wanted))
        return values

    def ask_again(self, stage: Stage) -> None:
        """Forget what commands and URLs answered for a stage: it has run since."""
        for dep in stage.deps:
            self._answers.pop((stage.name, dep.name), None)

    def files_of(self, path: str) -> list[str]:
        """Return the files that count as a folder's content, relative to it."""
        artifact = self.artifact(path)
        if artifact is None or artifact.kind == "file":
            return []
        return [entry.path for entry in self._scanner.manifest(artifact).entries]

    def keep_sources(self, stage: Stage) -> dict[str, Artifact]:
        """Keep what the stage read that neither a stage makes nor Git holds."""
        if self._keeper is None:
            return {}
        with self._guard:
            return self._keeper.keep(stage)

    def software(self) -> Software:
        """Return the environment, looked at once."""
        with self._guard:
            if self._software is None:
                if self._asking is not None:
                    self._asking.join()
                root = self._project.root
                lock = self._project.environment.lock
                self._software = software(root, lock, self._digest, self._env, root / _STATE)
            return self._software

    def _ask_ahead(self, stage: Stage) -> None:
        """Begin to ask ``python`` for its version, which takes as long as reading 10,000 files."""
        if self._asking is None and self._key_kind(stage) != "none":
            root = self._project.root
            question = (root, self._env, root / _STATE)
            self._asking = threading.Thread(target=stage_python, args=question)
            self._asking.start()

    def _key_kind(self, stage: Stage) -> KeyKind:
        return stage.environment or self._project.environment.key

    def _dependency(
        self, dep: Dependency, stage: Stage, made: Mapping[str, Artifact]
    ) -> str | None:
        if not dep.path:
            asked = (stage.name, dep.name)
            if asked not in self._answers:
                from trueup.pipeline.sources import fingerprint

                self._answers[asked] = fingerprint(dep, stage.name, self._project.root, self._env)
            return self._answers[asked]
        if dep.path in made:
            return made[dep.path].digest
        if dep.path == stage.notebook:
            notebook = self._notebook(dep.path)
            if notebook:
                return notebook
        for path, artifact in made.items():
            if dep.path.startswith(f"{path}/"):
                return self._inside(artifact, dep.path[len(path) + 1 :])
            if path.startswith(f"{dep.path}/") or dep.path == ".":
                return None
        there = self._source(dep.path, stage) or self.artifact(dep.path)
        if there is None:
            raise MissingDependencies(
                f"stage {stage.name!r} needs {dep.path}, which is not there",
                remedy="Create it, or let a stage declare it as its output.",
                place=str(dep.place) if dep.place else None,
            )
        return there.digest

    def _notebook(self, path: str) -> str:
        """Return a notebook's fingerprint, outputs left out; empty for what is none."""
        from trueup.pipeline.notebook import NotANotebook, fingerprint

        try:
            return fingerprint(self._project.root / path)
        except (NotANotebook, OSError):
            return ""  # whatever it is, its bytes count, or its absence is told

    def _source(self, path: str, stage: Stage) -> Artifact | None:
        """Hash and keep an input in one pass, where the stage has never run here."""
        known = stage.name in self._lock.stages
        if self._keeper is None or known or not self._keeper.wants(path):
            return None
        with self._guard:
            self._ask_ahead(stage)
            return self._keeper.add(path)

    def _inside(self, folder: Artifact, rest: str) -> str | None:
        """Return the digest of a file or folder within a folder that is not here yet."""
        if folder.kind != "folder" or not self._results.content.has(folder):
            return None
        entries = self._results.content.manifest(folder).entries
        for entry in entries:
            if entry.path == rest:
                return entry.digest
        below = f"{rest}/"
        rows = [
            (entry.path.removeprefix(below), entry.digest, entry.size_bytes, entry.executable)
            for entry in entries
            if entry.path.startswith(below)
        ]
        return digest_bytes(encode(rows)) if rows else None

    def _tree(self, file: str, place: str | None) -> Any:
        path = self._project.root / file
        try:
            at = path.stat().st_mtime_ns  # a stage may make the file
        except FileNotFoundError as error:
            raise WrongUsage(
                f"there is no parameter file {file}",
                remedy="Create it, or correct params:.",
                place=place,
            ) from error
        known = self._files.get(file)
        if known is None or known[0] != at:
            known = (at, parameter_files.read_file(path, shown_as=file))
            self._files[file] = known
        return known[1]

    def _earlier(self, key: str) -> dict[str, Artifact] | None:
        record = self._results.earlier(key)
        return record.outs if record else None

    def _digest(self, path: Path) -> str:
        found = self._scanner.scan(path)
        if found is None:
            raise WrongUsage(
                f"the lock file {path.name} is not there",
                remedy="Name the right one under environment: {lock: ...}, or take the key out.",
                place=self._project.file,
            )
        return found.digest
