"""The records that a trueup.yaml or dvc.yaml becomes once it is read, resolved and checked."""

from pathlib import Path
from typing import Any, Literal

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where something is said, for messages: ``trueup.yaml:12:5 $.stages.train.deps[0]``."""

    file: str
    line: int
    column: int
    path: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.path}"


class Dependency(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stage reads: a path, or a command or URL whose answer is the fingerprint."""

    path: str = ""  # relative to the project, normalised; empty for cmd and url
    cmd: str = ""
    url: str = ""
    external: bool = False  # only its digest is kept, not its bytes
    place: Place | None = None

    @property
    def name(self) -> str:
        """What the key, the lock and messages call it."""
        return self.path or (f"cmd:{self.cmd}" if self.cmd else f"url:{_without_secrets(self.url)}")


def _without_secrets(url: str) -> str:
    """Return a URL that may be recorded: user and query, which may hold a token, are digested."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if not parts.query and "@" not in parts.netloc:
        return url
    from blake3 import blake3

    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
    return f"{shown}#{blake3(url.encode()).hexdigest(6)}"


class Parameters(msgspec.Struct, frozen=True):
    """Keys of a parameter file that a stage reads; no keys: the whole file."""

    file: str
    keys: tuple[str, ...] = ()
    place: Place | None = None


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stage writes."""

    path: str  # relative to the project, normalised
    kind: Literal["out", "metrics", "plots"] = "out"
    cache: bool = True
    persist: bool = False
    push: bool = True
    external: bool = False
    remote: str = ""
    desc: str = ""
    type: str = ""
    labels: tuple[str, ...] = ()
    meta: dict[str, Any] = {}
    plot: dict[str, Any] = {}  # x, y, template, title, x_label, y_label, header
    place: Place | None = None


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stage occupies while it runs."""

    cpu: float = 1.0
    gpu: int = 0
    memory_bytes: int = 0


KeyKind = Literal["exact", "python", "none"]


class Stage(msgspec.Struct, frozen=True):
    """One stage, templates resolved; ``foreach`` and ``matrix`` made one of these per item."""

    name: str  # train, or train@big, or build@linux-3.12
    cmd: tuple[str, ...]
    wdir: str = "."  # relative to the project
    deps: tuple[Dependency, ...] = ()
    params: tuple[Parameters, ...] = ()
    outs: tuple[Output, ...] = ()
    desc: str = ""
    meta: dict[str, Any] = {}
    frozen: bool = False
    always_changed: bool = False
    env: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    environment: KeyKind | None = None  # None: as the project says
    timeout_s: float | None = None
    retries: int = 0
    resources: Resources = Resources()
    notebook: str = ""  # set when cmd is a notebook's path
    place: Place | None = None


class Environment(msgspec.Struct, frozen=True):
    """What of the software goes into a stage's key."""

    lock: str = ""  # path of the lock file; empty: none found
    key: KeyKind = "exact"


ID_TOKEN = "TRUEUP_ID_TOKEN"  # noqa: S105 - the variable in which a job has its identity token
GITLAB = "https://gitlab.com"


class Issuers(msgspec.Struct, frozen=True):
    """Whose word on who somebody is counts, and for which places; ``*`` is all of them.

    Forges' people count unless the file says otherwise, accounts of clouds only where it does.
    """

    github: tuple[str, ...] = ("*",)  # repositories, or their owners
    gitlab: dict[str, tuple[str, ...]] = msgspec.field(  # server: its groups or projects
        default_factory=lambda: {GITLAB: ("*",)}
    )
    aws: tuple[str, ...] = ()  # accounts, or ARNs
    google: tuple[str, ...] = ()  # addresses, or what is behind their @


class Project(msgspec.Struct, frozen=True):
    """A trueup.yaml (or dvc.yaml) as a whole, read, resolved and checked."""

    root: Path
    file: str  # trueup.yaml or dvc.yaml
    name: str
    store: str  # URL or path as written
    stages: dict[str, Stage]
    environment: Environment = Environment()
    models: dict[str, Any] = {}
    environments: dict[str, Any] = {}
    notify: dict[str, Any] = {}
    identity: Issuers = Issuers()
    tracking: dict[str, Any] = {}
    keep: dict[str, float] = {}  # what: seconds
    metrics: tuple[str, ...] = ()  # top-level metrics: of dvc.yaml
    plots: tuple[Any, ...] = ()
    params: tuple[str, ...] = ("params.yaml",)  # parameter files
    artifacts: dict[str, Any] = {}
    datasets: tuple[Any, ...] = ()
    sources: tuple[str, ...] = ()  # files this was read from, also those looked for in vain
