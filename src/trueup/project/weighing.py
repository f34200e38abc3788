"""How much a version goes by each of its inputs: columns that matter to it are shown first."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from trueup.errors import TrueupError
from trueup.models.importances import importances
from trueup.models.signature import usual
from trueup.models.tables import Table
from trueup.monitoring.watching.looking import bounded
from trueup.project.loading import form_of, model_of
from trueup.project.workspace import Workspace
from trueup.registry.records import Registered
from trueup.serving.fields import Fields, as_column
from trueup.serving.forms import Form

_ROWS = 2_000
_VALUES = 500_000  # that are predicted in all
_SEED = 20270307


class Weights(msgspec.Struct, frozen=True):
    """What inputs count for, 1 on average; nothing where it is not known."""

    importance: dict[str, float] = {}
    by: str = ""


def weights_of(workspace: Workspace, model: str, version: Registered, table: Any) -> Weights:
    """Return what a version's own trees or weights say, else by how much predictions change when
    a column is permuted among rows of the reference.

    Columns that are not kept stay at their usual value, and count for nothing.
    """
    form, signature = form_of(workspace, model, version)
    fields = Fields(signature)
    known = set(table.collect_schema().names())
    names = [one for one in fields.names if one in known]
    frame = bounded(table.lazy().select(names), max(2, min(_ROWS, _VALUES // max(len(names), 1))))
    columns = {
        one.name: as_column(
            one,
            frame[one.name].to_list() if one.name in known else [usual(one)] * frame.height,
        )
        for one in signature.inputs
    }
    try:
        opened, _ = model_of(workspace, model, version)
        said = importances(opened, Table(columns))
    except TrueupError:  # its library may be missing here, where its converted form needs none
        said = None
    if said is not None:
        return Weights(_on_average_one(said.values, names), said.by)
    moved = {name: _change(form, fields, columns, name) for name in names}
    by = f"change of predictions, as a column is permuted among {frame.height:,} rows"
    return Weights(_on_average_one(moved, names), by)


def _on_average_one(values: Mapping[str, float], names: list[str]) -> dict[str, float]:
    kept = {name: values.get(name, 0.0) for name in names}
    mean = sum(kept.values()) / max(len(kept), 1)
    if not np.isfinite(mean) or mean <= 0:
        return {}
    return {name: float(f"{value / mean:.6g}") for name, value in kept.items()}


def _change(form: Form, fields: Fields, columns: Mapping[str, Any], name: str) -> float:
    """Return how far predictions go, on average, when a column says nothing any more."""
    draw = np.random.default_rng(_SEED)
    permuted = {**columns, name: columns[name][draw.permutation(len(columns[name]))]}
    before, after = (_answers(form, fields, each) for each in (columns, permuted))
    return float(sum(_apart(before[each], after[each]) for each in before))


def _answers(form: Form, fields: Fields, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores, else whatever the model answers."""
    taken: Any = columns
    if form.coded:
        taken = fields.coded([columns[name].tolist() for name in fields.names])
    found = form.predict(taken)
    scores = {name: one for name, one in found.items() if name.startswith("score")}
    return dict(scores or found)


def _apart(before: Any, after: Any) -> float:
    if before.dtype.kind == "f":
        return float(np.nanmean(np.abs(before - after)))
    return float(np.mean(before != after))
