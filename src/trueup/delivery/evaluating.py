"""The rows a model is judged on: what `evaluate` names, read, checked, joined to predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.prediction_columns import predicted
from trueup.delivery.tables import column, polars, read_table
from trueup.delivery.truths import Truth, truth_of
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

    from trueup.gate.metrics import Task
    from trueup.gate.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Rows with what they depend on; ``frame`` holds all that are judged, in their order.

    ``data`` is the digest of the file that they come from, ``shown_as`` its path.
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


def evaluation(root: Path, model: ModelEntry, digest: Callable[[str], str]) -> Evaluation:
    """Return what a model is evaluated on; ``digest`` is asked for that of a path's content.

    Without `evaluate.data`, the predictions file is the table.
    """
    entry, task = _declared(model)
    path = entry.data or entry.predictions
    frame = read_table(root / path, path)
    if not frame.height:
        raise WrongUsage("the table has no rows", remedy="Write rows to it.", place=path)
    truth = truth_of(frame, task, entry.target, path)
    time = _named(frame, entry.time, "evaluate.time", path)
    for name in entry.slices:
        column(frame, name, "evaluate.slices", path)
    return Evaluation(
        task=task,
        entry=entry,
        frame=frame,
        ids=_named(frame, entry.id, "evaluate.id", path),
        time=None if time is None else moments(time, path),
        group=_named(frame, entry.group, "evaluate.group", path),
        features=_features(frame, model, entry, truth, path),
        data=digest(path),
        truth=truth,
        shown_as=path,
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
    return model.evaluate, model.task


def _named(frame: "pl.DataFrame", name: str, key: str, shown_as: str) -> "pl.Series | None":
    return column(frame, name, key, shown_as) if name else None


def _features(
    frame: "pl.DataFrame", model: ModelEntry, entry: EvaluateEntry, truth: Truth, shown_as: str
) -> tuple[str, ...]:
    if model.features:
        for name in model.features:
            column(frame, name, "features", shown_as)
        return model.features
    if not entry.data:
        return ()  # what a predictions file holds beside is as likely made of the truth
    others = {entry.id, entry.time, *truth.columns}
    return tuple(name for name in frame.columns if name not in others)


def moments(time: "pl.Series", shown_as: str) -> "pl.Series":
    """Return times as naive or UTC moments; text must be ISO 8601, numbers are seconds."""
    pl = polars()
    if time.dtype == pl.String:
        try:
            time = time.str.to_datetime(time_unit="us", time_zone=_zone(time))
        except pl.exceptions.PolarsError as error:
            raise WrongUsage(
                f"the column {time.name!r} holds text that is no time",
                remedy="Write times as 2026-11-23 or 2026-11-23T12:30:00Z.",
                place=shown_as,
            ) from error
    elif time.dtype == pl.Date:
        time = time.cast(pl.Datetime("us"))
    if isinstance(time.dtype, pl.Datetime):
        aware = time.dtype.time_zone is not None
        time = time.dt.cast_time_unit("us")
        time = time.dt.convert_time_zone("UTC") if aware else time
    elif not time.dtype.is_numeric():
        raise WrongUsage(
            f"the column {time.name!r} of type {time.dtype} is no time",
            remedy="Give dates, times, ISO 8601 text or seconds since 1970.",
            place=shown_as,
        )
    if time.null_count():
        raise WrongUsage(
            f"{time.null_count()} rows have no {time.name!r}",
            remedy="Give each row its time.",
            place=shown_as,
        )
    return time


def _zone(text: "pl.Series") -> str | None:
    first = text.drop_nulls().head(1).to_list()
    aware = bool(first) and (first[0].endswith("Z") or "+" in first[0][10:] or "-" in first[0][10:])
    return "UTC" if aware else None


def predictions_of(evaluation: Evaluation, frame: "pl.DataFrame", shown_as: str = "") -> Any:
    """Return a predictions file's column or columns for each row of the evaluation.

    Joined by id where one is declared, else by order. NaN where a row has none: the gate names it.
    """
    entry = evaluation.entry
    shown_as = shown_as or entry.predictions or evaluation.shown_as
    if frame is not evaluation.frame:
        frame = _joined(evaluation, frame, shown_as)
    return predicted(evaluation.task, frame, evaluation.truth, shown_as)


def _joined(evaluation: Evaluation, frame: "pl.DataFrame", shown_as: str) -> "pl.DataFrame":
    """Return the predictions in the order of the evaluation's rows, nulls where there is none."""
    rows = evaluation.frame.height
    if evaluation.ids is None:
        if frame.height != rows:
            raise WrongUsage(
                f"there are {frame.height} predictions for {rows} rows of {evaluation.shown_as}",
                remedy="Predict every row, in order; or name the rows with evaluate: id.",
                place=shown_as,
            )
        return frame
    name = evaluation.entry.id
    given = column(frame, name, "evaluate.id", shown_as)
    mine, theirs = _alike(evaluation.ids, given)
    repeated = theirs.len() - theirs.n_unique()
    if repeated:
        raise WrongUsage(
            f"{repeated} rows repeat the {name!r} of another",
            remedy="Give each row one prediction.",
            place=shown_as,
        )
    joined = mine.to_frame().join(
        frame.with_columns(theirs), on=name, how="left", maintain_order="left"
    )
    if not theirs.is_in(mine.implode()).any():
        raise WrongUsage(
            f"no {name!r} here is one of {evaluation.shown_as}",
            remedy="Predict these rows; ids must be written alike in both files.",
            place=shown_as,
        )
    return joined


def _alike(mine: "pl.Series", theirs: "pl.Series") -> "tuple[pl.Series, pl.Series]":
    """Return two columns of ids as one type, text if they differ."""
    if mine.dtype == theirs.dtype:
        return mine, theirs
    if mine.dtype.is_integer() and theirs.dtype.is_integer():
        return mine.cast(polars().Int64), theirs.cast(polars().Int64)
    return mine.cast(polars().String), theirs.cast(polars().String)


def rows_of(
    evaluation: Evaluation, predicted: Mapping[str, Any], seen: Any | None = None
) -> "Rows":
    """Return the gate's prediction table; ``predicted`` is by model: candidate, champion, anchor.

    The day of an aware time is that of UTC. ``seen`` marks rows to leave out; None: none. So are
    rows whose truth is null, which never came; one that is NaN is broken.
    """
    from trueup.gate.rows import Rows

    frame, entry = evaluation.frame, evaluation.entry
    classes = tuple(range(len(evaluation.truth.classes)))
    return Rows(
        task=evaluation.task,
        truth=evaluation.truth.coded,
        candidate=predicted["candidate"],
        champion=predicted.get("champion"),
        anchor=predicted.get("anchor"),
        ids=_array(evaluation.ids),
        time=_array(evaluation.time),
        group=_array(evaluation.group),
        slices={name: _array(_text(frame[name])) for name in entry.slices},
        features={name: _array(frame[name]) for name in evaluation.features},
        classes=classes if evaluation.task == "multiclass" else (),
        positive=1 if evaluation.task == "binary" else None,
        seen=seen,
        unlabelled=evaluation.truth.absent,
    )


def _text(values: "pl.Series") -> "pl.Series":
    """Return a slice's values as text; null is a value like any other."""
    return values.cast(polars().String).fill_null("null")


def _array(values: "pl.Series | None") -> Any:
    if values is None:
        return None
    pl = polars()
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        values = values.dt.replace_time_zone(None)
    if values.dtype == pl.Boolean and values.null_count():
        values = values.cast(pl.Float64)
    return values.to_numpy()
