"""Captures as the columns that performance is computed from."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures.frames import INPUT, OUTPUT
from trueup.captures.losses import named
from trueup.config.model_entries import LabelsEntry
from trueup.errors import WrongUsage, did_you_mean
from trueup.gate.arrays import NDArray, np
from trueup.gate.metrics import Task
from trueup.monitoring.performance.answers import NEVER, Answers

if TYPE_CHECKING:
    import polars as pl

_BOUNDS = ("at_least", "at_most", "above", "below")


class Reading(msgspec.Struct, frozen=True):
    """How captured columns are read: inputs by their names, None for all that there are."""

    task: Task
    classes: tuple[str, ...] = ()  # names, in the order of the scores; of two the second is meant
    labels: LabelsEntry = LabelsEntry()
    inputs: tuple[str, ...] | None = None
    group: str = ""


def answers_of(frame: "pl.LazyFrame | pl.DataFrame", reading: Reading) -> Answers:
    """Return what was captured with its labels (captures.reading.captures), as columns.

    Give the rows of one version (Span.version): shadows have predicted the same ids. Of an id that
    a version has answered twice the later row counts. Only the columns asked for are read.
    """
    import polars as pl

    lazy = frame.lazy()
    names = lazy.collect_schema().names()
    wanted = _wanted(names, reading)
    lazy = lazy.select(wanted).sort("at", maintain_order=True)
    lazy = lazy.unique("id", keep="last", maintain_order=True)
    table = lazy.collect(engine="streaming").sort("at", "id")
    at = _microseconds(table["at"])
    known = table["labelled_at"] if "labelled_at" in table.columns else None
    labelled = np.full(len(at), NEVER)
    truth: NDArray[Any] | None = None
    if known is not None and "label" in table.columns:
        there = table["label"].is_not_null().to_numpy() & known.is_not_null().to_numpy()
        labelled = np.where(
            there, _microseconds(known.fill_null(pl.lit(0).cast(known.dtype))), NEVER
        )
        truth = _truth(table, reading)
    return Answers(
        task=reading.task,
        at=at,
        predicted=_predicted(table, reading),
        truth=truth,
        labelled_at=labelled,
        classes=_classes(reading),
        positive=1 if reading.task == "binary" else None,
        observed=_observed(table, reading.labels.observed_if),
        propensity=_propensity(table, reading.labels.propensity),
        explored=_explored(table),
        inputs=_inputs(table, reading),
        group=_group(table, reading.group),
    )


def _classes(reading: Reading) -> tuple[Any, ...]:
    if reading.task == "binary":
        return (0, 1)
    return tuple(range(len(reading.classes))) if reading.task == "multiclass" else ()


def _wanted(names: Sequence[str], reading: Reading) -> list[str]:
    asked = _columns_of(reading.labels.observed_if) + (
        [reading.labels.propensity] if isinstance(reading.labels.propensity, str) else []
    )
    extra = [_found(names, name) for name in (*asked, reading.group) if name]
    inputs = [
        one
        for one in names
        if one.startswith(INPUT)
        and (reading.inputs is None or one.removeprefix(INPUT) in reading.inputs)
    ]
    fixed = ("id", "at", "role", "propensity", "label", "labelled_at")
    outputs = [one for one in names if one.startswith(OUTPUT)]
    return list(dict.fromkeys([one for one in (*fixed, *outputs, *inputs, *extra) if one in names]))


def _columns_of(condition: Any) -> list[str]:
    if isinstance(condition, str):
        return [condition]
    return list(condition) if isinstance(condition, Mapping) else []


def _found(names: Sequence[str], name: str) -> str:
    """Return the captured column that a name means: as it is, an output, or an input."""
    for one in (name, OUTPUT + name, INPUT + name):
        if one in names:
            return one
    known = [one.removeprefix(INPUT).removeprefix(OUTPUT) for one in names]
    raise WrongUsage(
        f"nothing called {name!r} was captured, which labels or the group name",
        remedy=f"{did_you_mean(name, known)}There are: {', '.join(known)}",
    )


def _microseconds(times: "pl.Series") -> NDArray[np.int64]:
    if times.dtype.is_temporal():
        return times.dt.epoch("us").to_numpy().astype(np.int64)
    return times.to_numpy().astype(np.int64)


def _predicted(table: "pl.DataFrame", reading: Reading) -> NDArray[Any]:
    scores = [f"{OUTPUT}score_{one}" for one in reading.classes]
    if reading.task == "binary" and OUTPUT + "score" in table.columns:
        return table[OUTPUT + "score"].cast(_float()).to_numpy()
    if reading.task == "binary" and len(scores) == 2 and scores[1] in table.columns:
        return table[scores[1]].cast(_float()).to_numpy()
    if reading.task == "multiclass" and scores and all(one in table.columns for one in scores):
        return table.select(scores).cast(_float()).to_numpy()
    if OUTPUT + "prediction" not in table.columns:
        raise WrongUsage(
            "the captures hold neither scores of the classes nor a prediction",
            remedy=f"Say which classes there are; captured were: {', '.join(table.columns)}",
        )
    if reading.task in ("binary", "multiclass"):
        return _coded(table, OUTPUT + "prediction", reading)
    return table[OUTPUT + "prediction"].cast(_float()).to_numpy()


def _truth(table: "pl.DataFrame", reading: Reading) -> NDArray[Any]:
    if reading.task in ("binary", "multiclass"):
        return _coded(table, "label", reading)
    return table["label"].cast(_float(), strict=False).to_numpy()


def _coded(table: "pl.DataFrame", column: str, reading: Reading) -> NDArray[Any]:
    """Return which class each value names, whether it came as a number or as a text."""
    import polars as pl

    names = reading.classes or ("0", "1")
    written = pl.DataFrame({"class": list(names)}).select(named(pl.String(), "class"))["class"]
    codes = {one: k for k, one in enumerate(written.to_list())}
    values = table.select(named(table[column].dtype, column).alias("v"))["v"]
    strange = set(values.drop_nulls().unique().to_list()) - set(codes)
    if strange:
        raise WrongUsage(
            f"{column} has {min(strange)!r}, which is no class of the model",
            remedy=f"The classes are: {', '.join(names)}",
        )
    coded = values.replace_strict(codes, default=None, return_dtype=pl.Int64)
    kind = np.float64 if column != "label" else np.int64
    return coded.fill_null(0).to_numpy().astype(kind)


def _observed(table: "pl.DataFrame", condition: Any) -> NDArray[np.bool_] | None:
    """Return the rows that a condition names: a column of yes and no, or {column: value}.

    A value may be a list of values, or bounds: {at_least: .., at_most: .., above: .., below: ..}.
    """
    import polars as pl

    if condition is None:
        return None
    if isinstance(condition, str):
        name = _found(table.columns, condition)
        return table[name].cast(pl.Boolean, strict=False).fill_null(False).to_numpy()
    if not isinstance(condition, Mapping):
        raise WrongUsage(
            f"labels.observed_if is {condition!r}, which names no column",
            remedy="Write a column of yes and no, or {column: value}.",
        )
    every = [
        _meets(pl.col(_found(table.columns, name)), name, wanted)
        for name, wanted in condition.items()
    ]
    return table.select(pl.all_horizontal(every).fill_null(False).alias("o"))["o"].to_numpy()


def _meets(column: "pl.Expr", name: str, wanted: Any) -> "pl.Expr":
    import polars as pl

    if isinstance(wanted, Mapping):
        unknown = [one for one in wanted if one not in _BOUNDS]
        if unknown:
            raise WrongUsage(
                f"labels.observed_if.{name} has {unknown[0]!r}",
                remedy=f"{did_you_mean(unknown[0], _BOUNDS)}There are: {', '.join(_BOUNDS)}",
            )
        tests = {
            "at_least": column.ge,
            "at_most": column.le,
            "above": column.gt,
            "below": column.lt,
        }
        return pl.all_horizontal([tests[each](bound) for each, bound in wanted.items()])
    return column.is_in(wanted) if isinstance(wanted, list | tuple) else column == wanted


def _propensity(table: "pl.DataFrame", declared: Any) -> NDArray[np.float64] | None:
    if declared is None:
        return None
    if isinstance(declared, str):
        values = table[_found(table.columns, declared)].cast(_float()).fill_null(0.0).to_numpy()
    elif isinstance(declared, int | float) and not isinstance(declared, bool):
        values = np.full(table.height, float(declared))
    else:
        values = np.full(1, np.nan)
    if not ((values >= 0) & (values <= 1)).all():
        raise WrongUsage(
            "labels.propensity must lie between 0 and 1",
            remedy="Write a number such as 0.1, or a captured column of such numbers.",
        )
    return values


def _explored(table: "pl.DataFrame") -> NDArray[np.float64] | None:
    if "propensity" not in table.columns or "role" not in table.columns:
        return None
    shares = table["propensity"].cast(_float()).to_numpy()
    mine = (table["role"] == "explore").fill_null(False).to_numpy()
    return np.where(mine, shares, np.nan) if mine.any() else None


def _inputs(table: "pl.DataFrame", reading: Reading) -> dict[str, NDArray[Any]]:
    names = [one for one in table.columns if one.startswith(INPUT)]
    if reading.inputs is not None:
        names = [one for one in names if one.removeprefix(INPUT) in reading.inputs]
    return {one.removeprefix(INPUT): table[one].to_numpy() for one in names}


def _group(table: "pl.DataFrame", name: str) -> NDArray[Any] | None:
    return table[_found(table.columns, name)].cast(_text()).to_numpy() if name else None


def _float() -> Any:
    import polars as pl

    return pl.Float64


def _text() -> Any:
    import polars as pl

    return pl.String
