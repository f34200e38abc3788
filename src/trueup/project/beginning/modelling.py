"""Proposes the model that the gate judges: its file, its rows, its rules."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trueup.errors import TrueupError
from trueup.project.beginning.findings import Listing, ModelDraft, StageDraft
from trueup.project.beginning.hints import Hints, hints_of
from trueup.project.beginning.limits import (
    Measured,
    chosen,
    limit_of,
    margin_of,
    measured,
    tasks_measured,
)
from trueup.project.beginning.looking import stem
from trueup.project.beginning.naming import id_of, target_of, task_of, time_of
from trueup.project.beginning.roles import Roles, is_pickled, roles_of
from trueup.project.beginning.tables import Table, look_into

_SAVE = 'skops.io.dump(model, "model.skops")'
_SCORES = re.compile(r"(score|probability|proba|y_score|y_prob|y_proba)(_.+)?")
_NO_METRICS = "no stage writes a metrics file, such as metrics.json, with a number"
_KNOWN = {
    "binary": "roc_auc, accuracy, f1",
    "multiclass": "accuracy, f1_macro",
    "regression": "r2, rmse, mae",
}
_VALUES = ("prediction", "predicted", "y_pred", "yhat", "y_hat", "forecast")


def propose_model(root: Path, stages: Sequence[StageDraft], listing: Listing) -> ModelDraft:
    """Return the model of these stages with what can be known of it now.

    Only tables and metrics files that are there are believed; where one is not, or does not tell,
    ``missing`` is the sentence that says so, and the model is no more than a comment.
    """
    roles = roles_of(stages)
    if not roles.model:
        return ModelDraft("model", missing=roles.missing)
    draft = ModelDraft(
        _name(roles.model),
        roles.model,
        data=roles.data,
        predictions=roles.predictions,
        notes=_about_file(roles),
        missing=_with_pickle(roles),
    )
    hints = hints_of(listing, roles.sources)
    files = {path: read for path in roles.metrics if (read := _read(root, path))}
    if draft.missing:
        return msgspec.structs.replace(draft, target=target_of((), hints))
    draft, table = _with_columns(root, draft, roles, hints)
    values = table.values(draft.target)
    task = task_of(values, hints, tasks_measured(files))
    draft = msgspec.structs.replace(draft, task=task)
    return _with_rules(draft, roles, files, values, scored=_scored(root, draft))


def _with_columns(
    root: Path, draft: ModelDraft, roles: Roles, hints: Hints
) -> tuple[ModelDraft, Table]:
    """Return the draft with the columns of its table, and the table."""
    table = look_into(root, draft.data or draft.predictions)
    target = target_of(table.columns, hints)
    trained_on = [look_into(root, path) for path in roles.trained_on]
    draft = msgspec.structs.replace(draft, target=target, missing=draft.missing or table.why_not)
    if not table.columns:
        return draft, table
    draft = _with_predictions(root, draft)
    found, notes = id_of(table, trained_on, target), list(draft.notes)
    if found and draft.predictions and draft.data:
        columns = look_into(root, draft.predictions).columns
        if columns and found not in columns:
            notes.append(f"write {found} to {draft.predictions} as well, and set id: {found}")
            found = ""
    seen = roles.trained_on if roles.one_stage else ()
    time, of_time = time_of(table, target)
    notes += [of_time] if of_time else []
    return (
        msgspec.structs.replace(
            draft,
            id=found,
            time=time,
            seen=seen,
            notes=(*notes, *_about_rows(roles, seen, draft.data)),
        ),
        table,
    )


def _with_predictions(root: Path, draft: ModelDraft) -> ModelDraft:
    """Return the draft without a predictions file whose columns are no predictions by name."""
    if not draft.predictions or not draft.data:
        return draft
    columns = look_into(root, draft.predictions).columns
    if not columns or any(_is_score(each) or each in _VALUES for each in columns):
        return draft
    note = (
        f"{draft.predictions} has no column called score or prediction, so the model itself is"
        " asked; call it so and set predictions:"
    )
    return msgspec.structs.replace(draft, predictions="", notes=(*draft.notes, note))


def _with_rules(
    draft: ModelDraft,
    roles: Roles,
    files: Mapping[str, Mapping[str, Any]],
    target: Sequence[str],
    *,
    scored: bool,
) -> ModelDraft:
    found = measured(files, draft.task) if draft.task else []
    best = chosen(found, draft.task, scored=scored) if draft.task else None
    if best is not None:
        draft = _with_rule(draft, best, target)
    return msgspec.structs.replace(draft, missing=draft.missing or _missing(draft, roles))


def _with_rule(draft: ModelDraft, best: Measured, target: Sequence[str]) -> ModelDraft:
    return msgspec.structs.replace(
        draft,
        limit=limit_of(best, draft.task, target),
        compared=best.metric,
        margin=margin_of(best, draft.task),
    )


def _missing(draft: ModelDraft, roles: Roles) -> str:
    rows = draft.data or draft.predictions
    if is_pickled(draft.path) and not draft.predictions:
        return (
            f"{draft.path} is a pickle, which is refused, as loading one runs whatever is in it;"
            f" save it with {_SAVE}, or let a stage write its predictions to a table"
        )
    if not draft.target:
        return f"it is not clear which column of {rows} is the target"
    if not draft.task:
        return f"it is not clear what {draft.target} is: binary, multiclass, a number (regression)"
    if roles.one_stage and not draft.seen:
        return (
            f"stage {roles.one_stage} both trains and reads {rows}, so every row there counts as"
            " seen; measure in a stage of its own"
        )
    if draft.limit is None:
        where = f"{' or '.join(roles.metrics)} has nothing" if roles.metrics else _NO_METRICS
        return f"{where} that the gate knows by name ({_KNOWN[draft.task]}): a limit needs one"
    return ""


def _with_pickle(roles: Roles) -> str:
    if not roles.missing or not is_pickled(roles.model):
        return roles.missing
    return f"{roles.missing}; and save it with {_SAVE}, as a pickle is refused"


def _about_file(roles: Roles) -> tuple[str, ...]:
    notes = [f"{path} could be the model as well" for path in roles.others[:2]]
    if is_pickled(roles.model):
        notes.insert(
            0,
            f"{roles.model} is a pickle, which trueup refuses to open, as that runs whatever is in"
            f" it; save it with {_SAVE}",
        )
    return tuple(notes)


def _about_rows(roles: Roles, seen: Sequence[str], data: str) -> list[str]:
    if not seen:
        return []
    return [
        f"stage {roles.one_stage} reads or writes {data} too; that it trains on"
        f" {' and '.join(seen)} alone is taken on trust"
    ]


def _scored(root: Path, draft: ModelDraft) -> bool:
    """Tell whether predictions hold scores, not answers alone; a model that is asked gives both."""
    if not draft.predictions:
        return True
    columns = look_into(root, draft.predictions).columns
    return not columns or any(map(_is_score, columns))


def _is_score(column: str) -> bool:
    return bool(_SCORES.fullmatch(column))


def _read(root: Path, path: str) -> Mapping[str, Any]:
    """Return the flat values of a metrics file; nothing of one that is not there, or is none."""
    from trueup.config.params import flatten, read_file

    try:
        return flatten(read_file(root / path))
    except (TrueupError, OSError):
        return {}


def _name(model: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem(model)).strip("-.") or "model"
    return f"model-{name}" if name.isdigit() else name
