"""What differs from the base revision and from the champion: metrics, parameters, slices, data."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trueup.errors import TrueupError
from trueup.pipeline.tracking.comparing import Row, differing, rows
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Flat
from trueup.pipeline.tracking.reports import differences_report
from trueup.reporting.blocks import Block, Cell, Column, Table, Text

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement
    from trueup.gate.verdict import Verdict
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


def slices_against_base(
    workspace: "Workspace", judgement: "Judgement", base: str
) -> Iterator[Block]:
    """Yield what rules measured on the base's model, beside this one, on the same rows.

    Nothing where the base's model has no trusted verdict on these rows: it was never delivered.
    """
    from trueup.project.registering import registry_of
    from trueup.registry.evidence import verdict_of
    from trueup.registry.verdicts import read_verdict

    own = judgement.model.rpartition("/")[2]
    model = _at_base(workspace, base).get(str(workspace.project.models[own].path))
    verdict = judgement.verdict
    if model is None or model.digest == verdict.digests["model"]:
        return
    known = registry_of(workspace).so_far(judgement.model).judged.get(model.digest, ())
    for evidence in reversed(known):
        if evidence.data == verdict.digests["data"] and evidence.basis == "test":
            body = read_verdict(workspace.bucket, evidence.scope, evidence.verdict)
            then = verdict_of(body, evidence.verdict)
            yield from _measured(then, verdict, f"base {base[:_SHORT]}")
            return


def _measured(then: "Verdict", now: "Verdict", shown: str) -> Iterator[Block]:
    measured = [one for one in then.findings if one.candidate is not None]
    before = {(one.metric, one.slice): one.candidate for one in measured}
    cells: dict[tuple[str, str], tuple[Cell, ...]] = {}
    for one in now.findings:
        was = before.get((one.metric, one.slice))
        if was is not None and one.candidate is not None:
            row = (one.metric, one.slice or None, was, one.candidate, one.candidate - was)
            cells[one.metric, one.slice] = row
    if cells:
        numbers = (Column(shown, "number"), Column("here", "number"))
        columns = (
            Column("metric"),
            Column("slice"),
            *numbers,
            Column("change", "number", sign=True),
        )
        yield Table(columns, tuple(cells.values()), f"Rules and slices against {shown}")


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
    from trueup.pipeline.lock import read_lock

    before = _at_base(workspace, base)
    if not before:
        return
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


def _at_base(workspace: "Workspace", base: str) -> "dict[str, Artifact]":
    """Return what the lock of a revision names, by path; nothing where it has none."""
    from trueup import git
    from trueup.pipeline.lock import FILE, parse_lock

    body = git.show(workspace.root, base, FILE)
    return _artifacts(parse_lock(body, f"{base}:{FILE}")) if body else {}


def _artifacts(lock: "LockFile") -> "dict[str, Artifact]":
    stages = lock.stages.values()
    return {path: one for each in stages for path, one in (each.sources | each.outs).items()}
