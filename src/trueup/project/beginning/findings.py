"""What a look at a project finds, and what is proposed from it; plain values."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import msgspec

Source = Literal["script", "notebook", "entry point"]


class Listing(msgspec.Struct, frozen=True):
    """A project's files by path, with the texts of those that can say something."""

    files: frozenset[str]
    texts: Mapping[str, str] = {}
    tracked: frozenset[str] = frozenset()  # by Git
    truncated: bool = False  # there were more files than are looked at

    def has(self, path: str) -> bool:
        """Tell whether a file or folder is there."""
        return path in self.files or path in self.folders

    @property
    def folders(self) -> frozenset[str]:
        """Return every folder that holds a file, at whatever depth."""
        return _folders(self.files)


@cache
def _folders(files: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for path in files:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


class Command(msgspec.Struct, frozen=True):
    """How a script is started, as a Makefile, a shell script or an MLproject tells."""

    script: str
    words: tuple[str, ...] = ()  # what follows the script
    said_in: str = ""
    launcher: tuple[str, ...] = ()  # uv run, poetry run: what stands before python


class Touched(msgspec.Struct, frozen=True):
    """What a piece of Python reads and writes, as far as it can be known without running it."""

    reads: tuple[str, ...] = ()  # paths relative to the project
    writes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()  # files of the project that it imports
    params: Mapping[str, tuple[str, ...]] = {}  # file: first keys; none: the whole file
    addresses: tuple[str, ...] = ()  # URLs that it reads
    outside: tuple[str, ...] = ()  # paths outside the project
    unknown: tuple[str, ...] = ()  # places that write something whose name could not be read
    wants: tuple[str, ...] = ()  # arguments without which it does not start
    serves: bool = False  # it is a server or an app, not a step
    relative: bool = False  # it imports as a member of a package does
    wdir: str = "."


class Script(msgspec.Struct, frozen=True):
    """A script, notebook or entry point that could be a stage."""

    path: str
    source: Source
    touched: Touched
    command: Command | None = None
    name: str = ""  # of an entry point
    line: str = ""  # an entry point's command, with ${...} for its parameters
    unreadable: str = ""  # why it could not be parsed


class Findings(msgspec.Struct, frozen=True):
    """Everything that the look found."""

    folder: str  # the name of the project's folder
    pipeline: str = ""  # trueup.yaml or dvc.yaml, where there is one
    scripts: tuple[Script, ...] = ()
    lock: str = ""
    ci: tuple[str, ...] = ()
    mlproject: str = ""
    name: str = ""  # that the project gives itself
    parameters: Mapping[str, Mapping[str, Any]] = {}  # entry point: its parameters' defaults
    unset: tuple[str, ...] = ()  # parameters of entry points without a default
    pointers: tuple[str, ...] = ()  # files that DVC keeps and this checkout lacks
    listing: Listing = Listing(frozenset())


class StageDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stage as proposed; its paths are relative to the project."""

    name: str
    cmd: str
    wdir: str = "."
    deps: tuple[str, ...] = ()
    params: Mapping[str, tuple[str, ...]] = {}
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    in_git: tuple[str, ...] = ()  # outputs that Git keeps already
    notes: tuple[str, ...] = ()

    @property
    def writes(self) -> tuple[str, ...]:
        """Return every output."""
        return (*self.outs, *self.metrics, *self.plots)


class Limit(msgspec.Struct, frozen=True):
    """What the gate asks of a metric outright, made of a number that was measured."""

    metric: str
    key: Literal["at_least", "at_most"]
    value: float
    why: str  # a sentence: where it comes from


class ModelDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model as proposed; where something is missing, it is written as a comment."""

    name: str
    path: str = ""
    task: str = ""
    data: str = ""
    predictions: str = ""
    target: str = ""
    id: str = ""
    time: str = ""
    seen: tuple[str, ...] = ()
    limit: Limit | None = None
    compared: str = ""  # the metric that is compared with the champion's
    margin: float | None = None  # None: the metric has a unit of its own
    notes: tuple[str, ...] = ()  # sentences for people: what was taken on trust or is not known
    missing: str = ""  # one sentence; without it the model can be judged


class Draft(msgspec.Struct, frozen=True):
    """What init proposes to write."""

    project: str
    store: str
    stages: tuple[StageDraft, ...] = ()
    lock: str = ""
    pipeline: str = ""  # dvc.yaml: the stages stand there
    params: Mapping[str, Any] = {}  # for a params.yaml that is not there yet
    values: Mapping[str, Any] = {}  # the same, as vars, where there is one
    notes: tuple[str, ...] = ()  # what was left out, and why
    missing: tuple[str, ...] = ()  # sentences; without these the pipeline can run
    model: ModelDraft | None = None
