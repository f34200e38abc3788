"""The project as it was when a version was made, opened only if something asks for it."""

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType

from trueup import git
from trueup.config.load import load
from trueup.config.records import Project
from trueup.delivery.elsewhere.asking import Wanted
from trueup.delivery.elsewhere.locks import Lock, lock_at, lock_here
from trueup.delivery.worktrees import give_parameters, parameters, worktree
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.graph import Graph, graph_of
from trueup.pipeline.inputs import Locked
from trueup.pipeline.lock import parse_lock
from trueup.pipeline.tracking.records import RunEnvironment
from trueup.pipeline.tracking.runs import RunDetail, Runs
from trueup.store.hashing import digest_bytes


class Past:
    """A version's commit, run and software. Its worktree lies in a folder, and goes with it."""

    def __init__(self, wanted: Wanted, folder: Path) -> None:
        self._wanted, self._folder = wanted, folder
        self._stack = ExitStack()

    def __enter__(self) -> "Past":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def commit(self) -> str:
        """The commit that the version was registered from; WrongUsage where it is not here."""
        wanted = self._wanted
        if not wanted.version.commit:
            raise WrongUsage(
                f"{wanted.shown_as} was registered outside Git, so its code is not known",
                remedy="Register models from a commit.",
            )
        try:
            return git.resolve(wanted.root, wanted.version.commit)
        except git.NotARevision as error:
            raise WrongUsage(
                f"the commit of {wanted.shown_as}, {wanted.version.commit[:10]}, is not in this "
                "clone, which git fetch --unshallow completes",
                remedy="Fetch it: git fetch --unshallow; in CI, check out with the whole history.",
            ) from error

    @property
    def top(self) -> Path:
        """Where the worktree lies, the whole repository's."""
        return self._folder / "worktree"

    @cached_property
    def root(self) -> Path:
        """The project's folder in a worktree, with the present values of the parameters it has."""
        wanted = self._wanted
        root = self._stack.enter_context(worktree(wanted.root, self.commit, self.top))
        before = load(root)
        files = {*before.params, *(p.file for s in before.stages.values() for p in s.params)}
        now = {file: parameters(wanted.root, file) for file in sorted(files)}
        give_parameters(root, now, lambda _: None, new=False)
        return root

    @cached_property
    def project(self) -> Project:
        """What its trueup.yaml says."""
        return load(self.root)

    @cached_property
    def graph(self) -> Graph:
        """Its stages."""
        return graph_of(self.project.stages)

    @cached_property
    def software(self) -> RunEnvironment:
        """What the run that made it recorded; empty where there is no such record."""
        started = self._run.started if self._run else None
        return started.environment if started else RunEnvironment()

    @cached_property
    def lineage(self) -> dict[str, Locked]:
        """What each stage was made of in that run, as far as it is recorded."""
        try:
            body = self._runs.lineage(self._run) if self._run else None
            return parse_lock(body, self._wanted.version.run).stages if body else {}
        except TrueupError:
            return {}

    @cached_property
    def lock(self) -> Lock | None:
        """The lock file that it was made with; WrongUsage where its commit has another."""
        wanted, recorded = self._wanted, self.software
        now = self.lock_now
        if now and recorded.lock_digest == digest_bytes(now.body):
            return now  # nothing to ask Git about, whose history may not be here
        if not wanted.version.commit:
            return None
        found = lock_at(wanted.root, self.commit, recorded.lock)
        if found and recorded.lock_digest == digest_bytes(found.body):
            return found
        if recorded.lock_digest:
            raise WrongUsage(
                f"{wanted.shown_as} was made with a {recorded.lock} that its commit does not have",
                remedy="Commit the lock file before you run what is registered.",
            )
        return found

    @cached_property
    def lock_now(self) -> Lock | None:
        """The lock file of the present checkout."""
        return lock_here(self._wanted.root, load(self._wanted.root).environment.lock)

    @cached_property
    def _runs(self) -> Runs:
        results = self._wanted.results
        return Runs(results.remote or results.local)

    @cached_property
    def _run(self) -> RunDetail | None:
        try:
            return self._runs.show(self._wanted.version.run) if self._wanted.version.run else None
        except TrueupError:
            return None
