"""The verbs that look: runs, compare, metrics diff, params diff."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trueup.errors import WrongUsage
from trueup.pipeline.lock import parse_lock
from trueup.pipeline.tracking.comparing import Row, differing, rows
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.listing import plain
from trueup.pipeline.tracking.records import Flat
from trueup.pipeline.tracking.runs import RunDetail, Runs
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    from trueup.project.workspace import Workspace

_PROJECT_FILES = ("trueup.yaml", "dvc.yaml")


class Store(msgspec.Struct, frozen=True):
    """Where a folder's runs lie."""

    root: Path
    project: str  # empty outside a project
    bucket: Any  # a Bucket: msgspec cannot check a Protocol


def nearest_store(folder: Path, env: Mapping[str, str]) -> Store:
    """Return the store of the project a folder lies in, or the folder's own .trueup/store.

    The second is where scripts outside any project leave their runs.
    """
    from trueup.project.workspace import OWN_FOLDER, STORE_VARIABLE, open_workspace
    from trueup.store.opening import open_bucket

    folder = folder.absolute()
    if any((up / name).is_file() for up in (folder, *folder.parents) for name in _PROJECT_FILES):
        workspace = open_workspace(folder, env)
        return Store(workspace.root, workspace.project.name, workspace.bucket)
    url = env.get(STORE_VARIABLE) or f"{OWN_FOLDER}/store"
    return Store(folder, "", open_bucket(url, root=folder, env=env))


def runs_of(folder: Path, env: Mapping[str, str]) -> Runs:
    """Return the runs of the project a folder lies in; what was read is remembered in .trueup."""
    store = nearest_store(folder, env)
    bucket: Bucket = store.bucket
    own = store.root / ".trueup"
    return Runs(bucket, own / "state" if own.is_dir() else None)


def runs(
    filters: Iterable[str] = (),
    sort: Sequence[str] = (),
    limit: int | None = None,
    *,
    as_: Literal["frame", "records"] = "frame",
    folder: str | os.PathLike[str] = ".",
) -> Any:
    """Return the runs as ``trueup runs`` lists them: a polars frame, or one dict for each run.

    Columns are ``id``, ``status``, ``at``, ..., ``metrics.NAME`` and ``params.NAME``. A column
    whose values are of different types is text in the frame.
    """
    if as_ not in ("frame", "records"):
        raise WrongUsage(f"runs cannot be given as {as_!r}", remedy="as_ is 'frame' or 'records'")
    frame = _frame if as_ == "frame" else None
    if frame:
        _polars()
    records = [plain(run) for run in runs_of(Path(folder), os.environ).list(filters, sort, limit)]
    return frame(records) if frame else records


def compare(found: Runs, names: Sequence[str], *, everything: bool = False) -> tuple[Row, ...]:
    """Return what differs between runs: metrics, parameters, artifacts, environment."""
    details = [found.show(name) for name in names]
    compared = (
        *rows("metrics", [detail.run.metrics for detail in details]),
        *rows("params", [detail.run.params for detail in details]),
        *rows("artifacts", [{"": _artifacts(found, detail)} for detail in details]),
        *rows("environment", [{"": _environment(detail)} for detail in details]),
    )
    return compared if everything else differing(compared)


def metrics_diff(
    workspace: "Workspace", revision: str, *, everything: bool = False
) -> tuple[Row, ...]:
    """Return how the metrics files differ from those of a Git revision."""
    stages = workspace.project.stages.values()
    files = [out.path for stage in stages for out in stage.outs if out.kind == "metrics"]
    return _diff(workspace, "metrics", [*files, *workspace.project.metrics], revision, everything)


def params_diff(
    workspace: "Workspace", revision: str, *, everything: bool = False
) -> tuple[Row, ...]:
    """Return how the parameter files differ from those of a Git revision."""
    stages = workspace.project.stages.values()
    files = [wanted.file for stage in stages for wanted in stage.params]
    return _diff(workspace, "params", [*workspace.project.params, *files], revision, everything)


def _diff(
    workspace: "Workspace",
    section: Literal["metrics", "params"],
    files: Iterable[str],
    revision: str,
    everything: bool,
) -> tuple[Row, ...]:
    from trueup.config.params import read_file, read_text

    root = workspace.root
    old: dict[str, Flat] = {}
    new: dict[str, Flat] = {}
    for file in dict.fromkeys(files):
        before = _at(workspace, revision, file)
        if before is not None:
            old[file] = flatten(read_text(before, f"{revision}:{file}"))
        if (root / file).is_file():
            new[file] = flatten(read_file(root / file, shown_as=file))
    compared = rows(section, [old, new])
    return compared if everything else differing(compared)


def _at(workspace: "Workspace", revision: str, file: str) -> bytes | None:
    """Return a file as it was at a revision: from Git, or what its lock file named from the store.

    Raises ContentMissing where the store no longer holds it.
    """
    from trueup import git
    from trueup.pipeline import lock

    inside = git.show(workspace.root, revision, file)
    if inside is not None:
        return inside
    body = git.show(workspace.root, revision, lock.FILE)
    locked = lock.parse_lock(body, f"{revision}:{lock.FILE}").stages if body else {}
    for stage in locked.values():
        if file in stage.outs:
            if workspace.remote is not None:
                workspace.content.attach(workspace.remote)
            return workspace.content.read(stage.outs[file].digest)
    return None


def _artifacts(found: Runs, detail: RunDetail) -> Flat:
    """Return every output as the run left it, also of stages that it had no need to run."""
    made = {path: out.digest for stage in detail.stages for path, out in stage.outs.items()}
    lineage = found.lineage(detail)
    if lineage is None:
        return made
    lock = parse_lock(lineage, f"lineage of {detail.run.id}")
    return {
        path: out.digest for locked in lock.stages.values() for path, out in locked.outs.items()
    } | made


def _environment(detail: RunDetail) -> Flat:
    begun = detail.started
    if begun is None:
        return {}
    where: Flat = msgspec.structs.asdict(begun.environment)
    facts: Flat = {"commit": begun.commit, "branch": begun.branch, "dirty": begun.dirty}
    return {name: value for name, value in (facts | where).items() if value != ""}


def _polars() -> Any:
    try:
        import polars
    except ImportError as missing:
        raise WrongUsage(
            "a frame of runs needs polars, which is not installed",
            remedy="Install it with: pip install polars, or ask for trueup.runs(as_='records')",
        ) from missing
    return polars


def _frame(records: list[dict[str, Any]]) -> Any:
    polars = _polars()
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: _column([record.get(name) for record in records]) for name in names}
    return polars.DataFrame(columns)


def _column(values: list[Any]) -> list[Any]:
    """Return values that one column can hold: numbers together, anything mixed as text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return [float(v) if float in kinds and v is not None else v for v in values]
    if len(kinds) == 1 and not kinds & {list, dict}:
        return values
    return [
        value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
        for value in values
    ]
