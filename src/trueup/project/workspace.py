"""A project opened: its configuration, its store, its buckets; each made when first asked for."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.config.load import find_root, load
from trueup.config.records import Project
from trueup.store.content import Content
from trueup.store.folder import FolderBucket
from trueup.store.hashing import explained
from trueup.store.opening import open_bucket
from trueup.store.scan import Scanner
from trueup.store.scopes import scope_from

if TYPE_CHECKING:
    from trueup.pipeline.graph import Graph
    from trueup.pipeline.results import Results
    from trueup.registry.records import Identity
    from trueup.store.bucket import Bucket

OWN_FOLDER = ".trueup"
STORE_VARIABLE = "TRUEUP_STORE"  # stands for store: of the file


class Workspace:
    """One project on this machine. Nothing is read before it is needed; close() saves the index."""

    def __init__(self, root: Path, env: Mapping[str, str], start: Path | None = None) -> None:
        self.root, self.env = root, env
        self.start = start or root  # where the person stands
        self.own = root / OWN_FOLDER
        self.has_bucket = True  # False: a folder stands in for it, and knows no champion

    @cached_property
    def project(self) -> Project:
        """Return what trueup.yaml (or dvc.yaml) says."""
        cache = self.own / "state" / "project" if self.own.is_dir() else None
        return load(self.root, cache=cache)

    @cached_property
    def graph(self) -> "Graph":
        """Return the stages in order."""
        from trueup.pipeline.graph import graph_of

        return graph_of(self.project.stages)

    @property
    def store_url(self) -> str:
        """Return where the bucket is: TRUEUP_STORE, or what the file says."""
        return self.env.get(STORE_VARIABLE) or self.project.store

    @cached_property
    def bucket(self) -> "Bucket":
        """Return the bucket that the team shares; of a laptop alone, its folder."""
        return open_bucket(self.store_url, root=self.root, env=self.env)

    @property
    def remote(self) -> "Bucket | None":
        """Return the bucket where it is not a folder of this machine."""
        return self.bucket if self.bucket.remote else None

    @cached_property
    def local(self) -> FolderBucket:
        """Return the folder that holds content here: the bucket itself, or a tier before it."""
        if isinstance(self.bucket, FolderBucket):
            return self.bucket
        return FolderBucket(self.own / "store")

    @cached_property
    def scanner(self) -> Scanner:
        """Return what knows the digests of the project's files."""
        return Scanner(self.root, self.own / "state", lambda: prepare_own_folder(self.root))

    @cached_property
    def content(self) -> Content:
        """Return the content kept on this machine."""
        return Content(self.local.root, self.scanner)

    @cached_property
    def results(self) -> "Results":
        """Return what stages have made before, here and in the bucket."""
        from trueup.pipeline.results import Results

        trust = scope_from(self.env, self.bucket)
        return Results(self.content, self.local, self.remote, trust)

    @cached_property
    def vouched(self) -> "Identity | None":
        """Return who is acting, if somebody whose word counts says so; asked once."""
        from trueup.project.identity.asking import Asking
        from trueup.project.whoami import vouched

        return vouched(self.env, Asking(self.project.identity))

    def close(self) -> None:
        """Save what was learned of the project's files."""
        if "scanner" in self.__dict__ and self.own.is_dir():
            self.scanner.save()


def open_workspace(start: Path, env: Mapping[str, str]) -> Workspace:
    """Return the project that start lies in: the nearest upward. Raises WrongUsage if in none."""
    return Workspace(find_root(start), env, start)


def prepare_own_folder(root: Path) -> Path:
    """Make .trueup, which Git does not see, and return it."""
    own = root / OWN_FOLDER
    ignore = own / ".gitignore"
    with explained(str(ignore)):
        if not ignore.exists():
            own.mkdir(exist_ok=True)
            ignore.write_text("*\n", "utf-8")
    return own
