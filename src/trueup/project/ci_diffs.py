"""What differs from the base revision and from the champion: metrics, parameters, slices, data."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trueup.errors import TrueupError
from trueup.pipeline.tracking.comparing import Row, differing, rows
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Flat
from trueup.pipeline.tracking.reports import differences_report
from trueup.reporting.blocks import Block, Column, Table, Text

if TYPE_CHECKING:
    from trueup.pipeline.lock import LockFile
    from trueup.project.workspace import Workspace
    from trueup.store.artifacts import Artifact

_SHORT = 10


def against_base(workspace: "Workspace", base: str) -> Iterator[Block]:
    """Yield the differences from a revision; one that cannot be read is said in a sentence."""
    from trueup.project.looking import metrics_diff, params_diff

    shown = f"base {base[:_SHORT]}"
    try:
        found = [*metrics_diff(workspace, base), *params_diff(workspace, base)]
        yield from _differences(found, shown)
        yield from _data(workspace, base, shown)
    except TrueupError as error:
        yield Text(f"Not compared with {shown}: {error.problem}")


def against_champion(workspace: "Workspace", model: str, environment: str) -> Iterator[Block]:
    """Yield how metrics and parameters differ from those of the champion's run."""
    from trueup.project.conducting import read_metrics
    from trueup.project.looking import runs_of
    from trueup.project.registering import registry_of

    if not workspace.has_bucket:
        return
    history = registry_of(workspace).so_far(model)
    live = history.champion(environment)
    if live is None or not history.version(live).run:
        return
    try:
        run = runs_of(workspace.root, workspace.env).show(history.version(live).run).run
    except TrueupError:
        return  # its run is gone from the bucket; the verdict beside this needs none
    found = [
        *differing(rows("metrics", [run.metrics, read_metrics(workspace.project)])),
        *differing(rows("params", [run.params, _parameters(workspace)])),
    ]
    yield from _differences(found, f"champion {model}/{live}")


def _parameters(workspace: "Workspace") -> dict[str, Flat]:
    from trueup.config.params import read_file

    root = workspace.root
    files = {one.file for stage in workspace.project.stages.values() for one in stage.params}
    there = [file for file in sorted(files) if (root / file).is_file()]
    return {file: flatten(read_file(root / file, shown_as=file)) for file in there}


def _differences(found: list[Row], base: str) -> Iterator[Block]:
    if not found:
        yield Text(f"Metrics and parameters are those of {base}.")
        return
    yield from differences_report("", found, (base, "here")).blocks


def _data(workspace: "Workspace", base: str, shown: str) -> Iterator[Block]:
    """Yield which data the lock names otherwise than at the base: inputs and outputs."""
    from trueup import git
    from trueup.pipeline.lock import FILE, parse_lock, read_lock

    body = git.show(workspace.root, base, FILE)
    if body is None:
        return
    before = _artifacts(parse_lock(body, f"{base}:{FILE}"))
    now = _artifacts(read_lock(workspace.root))
    paths = sorted(before.keys() | now.keys())
    changed = [path for path in paths if before.get(path) != now.get(path)]
    if not changed:
        yield Text(f"Data and outputs are those of {shown}.")
        return
    columns = (Column("path"), Column(shown), Column("here"), Column("size", "number", "B"))
    cells = tuple(
        (path, *(one.digest[:_SHORT] if one else None for one in (before.get(path), now.get(path))),
         now[path].size_bytes if path in now else None)
        for path in changed
    )  # fmt: skip
    yield Table(columns, cells, f"Data and outputs that differ from {shown}")


def _artifacts(lock: "LockFile") -> "dict[str, Artifact]":
    stages = lock.stages.values()
    return {path: one for each in stages for path, one in (each.sources | each.outs).items()}
