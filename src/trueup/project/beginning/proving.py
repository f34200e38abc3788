"""After the first run: completes the model by what is there now, and lets the gate judge it."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.config.load import PROJECT_FILE
from trueup.errors import TrueupError
from trueup.project.beginning.begin import with_model, write
from trueup.project.beginning.drafting import project_file
from trueup.project.beginning.findings import Draft, Findings, ModelDraft
from trueup.project.beginning.writing import Change, write_all
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.delivery.delivering import Delivered

NO_GATE = (
    "judging a model needs trueup's extra gate, which is not installed here;"
    " python -m pip install 'trueup[gate]', then: trueup run"
)


class Proven(msgspec.Struct, frozen=True):
    """What became of the model that was proposed."""

    draft: Draft
    written: tuple[str, ...] = ()
    delivered: "Delivered | None" = None
    lacking: str = ""  # one sentence; the file is right, and this machine lacks something


def prove(root: Path, found: Findings, draft: Draft, env: Mapping[str, str]) -> Proven:
    """Write the model's section as it can be known after a run, then register, judge, promote.

    What cannot be judged as it was proposed becomes a comment that says why: the file that stays
    is one that works. A file that somebody has changed meanwhile is left alone.
    """
    known = with_model(root, found, draft)
    written = _rewritten(root, draft, known)
    model = known.model
    if model is None or model.missing or not (root / PROJECT_FILE).exists():
        return Proven(known, written)
    if find_spec("polars") is None or find_spec("numpy") is None:
        return Proven(known, written, lacking=NO_GATE)
    try:
        delivered, notes = _judged(root, model, env)
    except TrueupError as error:
        from trueup.models.libraries import LibraryMissing

        if isinstance(error, LibraryMissing):
            return Proven(known, written, lacking=_sentence(error))
        unproven = _with(known, msgspec.structs.replace(model, missing=_sentence(error)))
        return Proven(unproven, (*written, *_rewritten(root, known, unproven)))
    noted = msgspec.structs.replace(model, notes=(*model.notes, *notes))
    return Proven(_with(known, noted), written, delivered)


def _judged(
    root: Path, model: ModelDraft, env: Mapping[str, str]
) -> "tuple[Delivered, tuple[str, ...]]":
    """Judge a model before it is registered, so that one that cannot be judged leaves no version.

    Returns what became of it, and in a sentence if it is not known which rows it has seen.
    """
    from trueup.delivery.seen import seen_by
    from trueup.project.gating import deliver_model, gate
    from trueup.project.registering import model_entry

    workspace = Workspace(root, env)
    try:
        gate(workspace, model.name)
        seen = seen_by(root, model_entry(workspace, model.name), workspace.graph)
        delivered = deliver_model(workspace, model.name)
    finally:
        workspace.close()
    if delivered.judgement is not None:  # it was judged before, but a moment ago
        fresh = msgspec.structs.replace(delivered.judgement, again=False)
        delivered = msgspec.structs.replace(delivered, judgement=fresh)
    return delivered, () if seen.known else (_unseen(model, seen.how),)


def _unseen(model: ModelDraft, how: str) -> str:
    """Return the sentence about rows that a model may have seen."""
    why = how.removeprefix("not known: ")
    if not (model.id or model.time):
        why = (
            f"no column of {model.data or model.predictions} names a row; let a stage write one,"
            " such as id, to it and to the table that is trained on, and set id:"
        )
    return (
        f"it cannot be told which rows {model.path} was trained on, so no comparison with a"
        f" champion can pass yet: {why}"
    )


def _rewritten(root: Path, before: Draft, after: Draft) -> tuple[str, ...]:
    """Write the project's file anew where it is still as it was written; return what changed."""
    path = root / PROJECT_FILE
    text = project_file(after)
    if not path.exists():
        return write(root, after)
    if path.read_text("utf-8") != project_file(before) or text == project_file(before):
        return ()
    return write_all(root, [Change(PROJECT_FILE, text, fresh=False)]).paths


def _with(draft: Draft, model: ModelDraft) -> Draft:
    return msgspec.structs.replace(draft, model=model)


def _sentence(error: TrueupError) -> str:
    where = f"{error.place}: " if error.place else ""
    problem = "; ".join(line.strip() for line in error.problem.splitlines() if line.strip())
    return f"{where}{problem.rstrip('.')}; {error.remedy.rstrip('.')}"
