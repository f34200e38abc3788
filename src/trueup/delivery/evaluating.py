"""The rows a model is judged on: what `evaluate` names, read, checked, joined to predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.forecasting import Outlook, outlook, series_columns
from trueup.delivery.joining import joined
from trueup.delivery.prediction_columns import predicted
from trueup.delivery.row_times import as_gate_takes, row_times
from trueup.delivery.tables import column, read_table
from trueup.delivery.truths import Truth, codes, target_in, truth_of
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

    from trueup.gate.metrics import Task
    from trueup.gate.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Rows with what they depend on; ``frame`` holds all that are judged, in their order.

    ``data`` is the digest of the file that they come from, ``shown_as`` its path. ``scale`` gives
    for the length of a season how hard each row of a forecast is.
    """

    task: "Task"
    entry: EvaluateEntry
    frame: "pl.DataFrame"
    ids: "pl.Series | None"
    time: "pl.Series | None"
    group: "pl.Series | None"
    features: tuple[str, ...]
    data: str
    truth: Truth
    shown_as: str
    scale: Callable[[int], Any] | None = None


def evaluation(root: Path, model: ModelEntry, digest: Callable[[str], str]) -> Evaluation:
    """Return what a model is evaluated on; ``digest`` is asked for that of a path's content.

    Without `evaluate.data`, the predictions file is the table. Of a forecast's table, rows up to
    the cut-off and beyond the horizon are not judged and not in the frame.
    """
    entry, task = _declared(model)
    path = entry.data or entry.predictions
    frame = read_table(root / path, path)
    if not frame.height:
        raise WrongUsage("the table has no rows", remedy="Write rows to it.", place=path)
    truth = truth_of(frame, task, entry.target, path)
    ahead = None
    if task == "forecast":
        ahead = outlook(frame, entry, truth.columns[0], path)
        frame, truth = frame.filter(ahead.kept), truth.only(ahead.kept.to_numpy())
    time = _named(frame, entry.time, "evaluate.time", path)
    for name in entry.slices:
        column(frame, name, "evaluate.slices", path)
    return Evaluation(
        task=task,
        entry=entry,
        frame=frame,
        ids=_named(frame, entry.id, "evaluate.id", path),
        time=None if time is None else row_times(time, path),
        group=_group(frame, entry, ahead, path),
        features=_features(frame, model, entry, truth),
        data=digest(path),
        truth=truth,
        shown_as=path,
        scale=None if ahead is None else ahead.scale,
    )


def _declared(model: ModelEntry) -> tuple[EvaluateEntry, "Task"]:
    if model.evaluate is None or not (model.evaluate.data or model.evaluate.predictions):
        raise WrongUsage(
            "the model has no rows to be judged on",
            remedy="Write evaluate: {data: TABLE, target: COLUMN} under the model.",
        )
    if model.task is None:
        raise WrongUsage(
            "the model does not say what it predicts",
            remedy="Write task: binary, multiclass, multilabel, regression, ranking or forecast.",
        )
    if model.task == "ranking" and not model.evaluate.group:
        raise WrongUsage(
            "a ranking has one value a query, and no column names the query",
            remedy="Write evaluate: {group: COLUMN}.",
        )
    return model.evaluate, model.task


def _named(frame: "pl.DataFrame", name: str, key: str, shown_as: str) -> "pl.Series | None":
    return column(frame, name, key, shown_as) if name else None


def _group(
    frame: "pl.DataFrame", entry: EvaluateEntry, ahead: Outlook | None, shown_as: str
) -> "pl.Series | None":
    if entry.group or ahead is None:
        return _named(frame, entry.group, "evaluate.group", shown_as)
    return ahead.group


def _features(
    frame: "pl.DataFrame", model: ModelEntry, entry: EvaluateEntry, truth: Truth
) -> tuple[str, ...]:
    if model.features:
        for name in model.features:
            column(frame, name, "features", entry.data or entry.predictions)
        return model.features
    if entry.data in ("", entry.predictions):
        return ()  # what a predictions file holds beside is as likely made of the truth
    others = {entry.id, entry.time, *truth.columns}
    return tuple(name for name in frame.columns if name not in others)


def predictions_of(evaluation: Evaluation, frame: "pl.DataFrame", shown_as: str = "") -> Any:
    """Return a predictions file's column or columns for each row of the evaluation.

    Joined by id where one is declared, a forecast's by series, time and cut-off, else by order.
    NaN where a row has none: the gate names it.
    """
    shown_as = shown_as or evaluation.entry.predictions or evaluation.shown_as
    if frame is not evaluation.frame:
        keys = _keys(evaluation, frame)
        frame = joined(evaluation.frame, frame, keys, evaluation.entry.time, shown_as)
        _same_truth(evaluation, frame, shown_as)
    return predicted(evaluation.task, frame, evaluation.truth, shown_as)


def _keys(evaluation: Evaluation, frame: "pl.DataFrame") -> tuple[str, ...]:
    entry = evaluation.entry
    if entry.id:
        return (entry.id,)
    if evaluation.task != "forecast" or not entry.time:
        return ()
    own = entry.cutoff if isinstance(entry.cutoff, str) else ""
    keys = (*series_columns(entry), entry.time, *([own] if own in evaluation.frame.columns else []))
    return keys if set(keys) <= set(frame.columns) else ()


def _same_truth(evaluation: Evaluation, frame: "pl.DataFrame", shown_as: str) -> None:
    """Raise if the predictions' own truth is another: then they are of other rows, or older."""
    name = target_in(frame.columns, evaluation.entry.target)
    if evaluation.task not in ("binary", "multiclass") or name not in frame.columns:
        return
    theirs = codes(frame[name], evaluation.truth.classes, other=float("inf"))
    mine = evaluation.truth.coded
    differ = int(((theirs != mine) & (theirs == theirs) & (mine == mine)).sum())
    if differ:
        raise WrongUsage(
            f"{differ} rows have another {name!r} than in {evaluation.shown_as}",
            remedy="Predict the rows that are judged, in their order or with their ids.",
            place=shown_as,
        )


def predictions_from(
    evaluation: Evaluation, outputs: Mapping[str, Any], shown_as: str = "the model"
) -> Any:
    """Return what a model answered for the evaluation's rows, as `predictions_of` returns it."""
    import polars as pl

    frame = pl.DataFrame(
        [
            pl.Series(name, values.tolist() if values.dtype == object else values)
            for name, values in outputs.items()
        ]
    )
    if frame.height != evaluation.frame.height:
        raise WrongUsage(
            f"there are {frame.height} predictions for {evaluation.frame.height} rows",
            remedy="Let the model answer each row with one prediction.",
            place=shown_as,
        )
    return predicted(evaluation.task, frame, evaluation.truth, shown_as)


def rows_of(
    evaluation: Evaluation, predicted: Mapping[str, Any], seen: Any | None = None
) -> "Rows":
    """Return the gate's prediction table; ``predicted`` is by model: candidate, champion, anchor.

    The day of an aware time is that of UTC. ``seen`` marks rows to leave out; None: none. So are
    rows whose truth is null, which never came; one that is NaN is broken.
    """
    from trueup.delivery.class_places import alike
    from trueup.gate.rows import Rows

    frame, entry, truth = evaluation.frame, evaluation.entry, evaluation.truth
    same = alike(evaluation.task, truth, predicted)
    return Rows(
        task=evaluation.task,
        truth=same.truth,
        candidate=same.predicted["candidate"],
        champion=same.predicted.get("champion"),
        anchor=same.predicted.get("anchor"),
        ids=_numbered(evaluation.ids),
        time=None if evaluation.time is None else as_gate_takes(evaluation.time),
        group=_numbered(evaluation.group),
        slices={name: _array(_text(frame[name])) for name in entry.slices},
        features={name: _array(frame[name]) for name in evaluation.features},
        classes=tuple(range(len(same.names))) if evaluation.task == "multiclass" else (),
        positive=1 if evaluation.task == "binary" else None,
        seen=seen,
        unlabelled=truth.absent,
        names=same.names,
        scale=evaluation.scale,
    )


def _text(values: "pl.Series") -> "pl.Series":
    """Return a slice's values as text; null is a value like any other."""
    import polars as pl

    return values.cast(pl.String).fill_null("null")


def _numbered(values: "pl.Series | None") -> Any:
    """Return text as numbers that are the same where it is: a million names are slow to compare."""
    import polars as pl

    if values is None or values.dtype != pl.String:
        return _array(values)
    return values.rank("dense").fill_null(0).to_numpy()


def _array(values: "pl.Series | None") -> Any:
    if values is None:
        return None
    import polars as pl

    kind = values.dtype
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        return values.dt.replace_time_zone(None).to_numpy()
    if kind == pl.Boolean and values.null_count():
        return values.cast(pl.Float64).to_numpy()
    if kind.is_nested() or kind in (pl.Categorical, pl.Enum, pl.Binary, pl.Object):
        return pl.Series([str(each) for each in values.to_list()]).to_numpy()
    return values.to_numpy()
