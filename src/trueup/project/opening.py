"""Lines of a plane: names of versions, looked up, loaded and kept at what they stand for."""

import os
from concurrent.futures import ThreadPoolExecutor

import msgspec

from trueup.project.loading import Asked, allow, entry_of, form_of
from trueup.project.registering import named, registry_of
from trueup.project.workspace import Workspace
from trueup.registry.names import CHALLENGER, VersionName
from trueup.registry.registry import Resolved
from trueup.serving.limits import limits_of
from trueup.serving.plane import Line
from trueup.serving.routing import Routing
from trueup.serving.served import Named, Pool, Served, Terms


class Opener:
    """Turns names of versions into versions in memory."""

    def __init__(self, workspace: Workspace, asked: Asked) -> None:
        self.workspace, self._asked, self._environment = workspace, asked, asked.environment
        self._registry = registry_of(workspace)
        workers = os.cpu_count() or 1
        self._pool = Pool(ThreadPoolExecutor(workers, "model"), workers)
        few = max(1, workers // 2)
        self._trial_pool = Pool(ThreadPoolExecutor(few, "trial"), few)  # not the live one's
        self._names: dict[str, VersionName] = {}

    def line(self, text: str, version: int = 0) -> Line:
        """Return a line that answers by the version which a name stands for now, or by this one."""
        name = named(self.workspace, text)
        exact = msgspec.structs.replace(name, version=version, alias="") if version else name
        found = self._registry.resolve(exact, self._environment)
        served = self.served(name, found)
        short = name.model.rpartition("/")[2]
        line = Line(short, served, self.terms(name), self._routing(name.model))
        self._names[line.name] = name
        return line

    def newest(self, line: Line) -> int:
        """Return the version that a line's name stands for now; a number stays what it is."""
        return self._registry.resolve(self._names[line.name], self._environment).version.version

    def load(self, line: Line, version: int) -> Served:
        """Return a version in memory, beside the live one."""
        name = self._names[line.name]
        exact = msgspec.structs.replace(name, version=version, alias="")
        found = self._registry.resolve(exact, self._environment)
        return self.served(name, found)

    def challenger(self, line: Line) -> int:
        """Return the version that is challenger now; a line that is named by number has none."""
        name = self._names[line.name]
        if name.version is not None:
            return 0
        history = self._registry.history(name.model)
        return history.aliases(self._environment).get(CHALLENGER, 0)

    def load_challenger(self, line: Line, version: int) -> Served:
        """Return a challenger in memory; it has threads of its own."""
        model = self._names[line.name].model
        name = VersionName(model, version)
        found = self._registry.resolve(name, self._environment)
        return self.served(msgspec.structs.replace(name, alias=CHALLENGER), found, self._trial_pool)

    def poll_s(self, line: Line) -> float:
        """Return how often a line's alias is looked up."""
        return entry_of(self.workspace, line.model).serve.poll

    def terms(self, name: VersionName) -> Terms:
        """Return how a model is served, as trueup.yaml says."""
        entry = entry_of(self.workspace, name.model)
        limits = limits_of(entry.serve.limits, self.workspace.project.file)
        trial = entry.serve.challenger
        return Terms(limits, entry.serve.strict, trial.sticky_by if trial else "")

    def served(self, name: VersionName, found: Resolved, pool: Pool | None = None) -> Served:
        """Return a version in memory, if it may be served in this environment."""
        allow(self.workspace, name.model, found.version, self._asked)
        form, signature = form_of(self.workspace, name.model, found.version)
        label = Named(
            name.model, found.version.version, found.version.model.digest,
            name.alias or found.alias, self._environment,
        )  # fmt: skip
        return Served(label, form, signature, pool or self._pool, self.terms(name))

    def _routing(self, model: str) -> Routing | None:
        entry = entry_of(self.workspace, model).serve.challenger
        if entry is None or not (entry.share or entry.shadow or entry.explore):
            return None
        return Routing(model, entry.share, entry.sticky_by, entry.shadow, entry.explore)
