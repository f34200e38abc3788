"""How wrong an answer is, told without configuration: by what is answered and what was true."""

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    import polars as pl

Measure = Literal["error_rate", "log_loss", "absolute_error"]
_LEAST = 1e-15  # a probability that is looked at; log loss has no bound else


class Loss(msgspec.Struct, frozen=True):
    """One measure of each version, as expressions over a frame of answers; less is better."""

    measure: Measure
    of: "dict[str, pl.Expr]"  # prefix of a version's columns: loss by row, null without a truth


def losses(frame: "pl.DataFrame", truth: str, prefixes: tuple[str, ...]) -> list[Loss]:
    """Return what can be measured: wrong decisions and log loss of classes, distance of numbers."""
    import polars as pl

    outputs = [
        one.removeprefix(prefixes[0]) for one in frame.columns if one.startswith(prefixes[0])
    ]
    names = [one for one in outputs if all(p + one in frame.columns for p in prefixes)]
    scores = [one for one in names if one == "score" or one.startswith("score_")]
    if "prediction" not in names:
        return []
    columns = [frame[p + "prediction"] for p in prefixes]
    if not scores and all(one.dtype.is_float() for one in columns):
        if not frame[truth].dtype.is_numeric():
            return []
        far = {p: (pl.col(p + "prediction") - pl.col(truth)).abs() for p in prefixes}
        return [Loss("absolute_error", far)]
    true = named(frame[truth].dtype, truth)
    wrong = {
        p: (named(frame[p + "prediction"].dtype, p + "prediction") != true).cast(pl.Float64)
        for p in prefixes
    }
    found = [Loss("error_rate", wrong)]
    shares = _probabilities(frame, truth, prefixes, scores)
    if shares:
        logs = {p: -one.clip(_LEAST, 1.0).log() for p, one in shares.items()}
        found.append(Loss("log_loss", logs))
    return found


def named(dtype: "pl.DataType", column: str) -> "pl.Expr":
    """Return a column's values as names of classes: 1, 1.0, true and "true" are one.

    What is written is the same name whether a label came as a number or as a text.
    """
    import polars as pl

    value = pl.col(column)
    if dtype == pl.Boolean:
        return value.cast(pl.Int8).cast(pl.String)
    if dtype.is_float():
        whole = value.is_finite() & (value == value.round())
        return (
            pl.when(whole)
            .then(value.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(value.fill_nan(None).cast(pl.String))
        )
    text = value.cast(pl.String)
    plain = text.str.to_lowercase().str.replace(r"^(-?\d+)\.0+$", "$1")
    known = {"true": "1", "false": "0"}
    number = plain.str.contains(r"^-?\d+$") | plain.is_in(list(known))
    return pl.when(number).then(plain.replace(known)).otherwise(text)


def _probabilities(
    frame: "pl.DataFrame", truth: str, prefixes: tuple[str, ...], scores: list[str]
) -> "dict[str, pl.Expr]":
    """Return the probability that each version gave to what was true; nothing where it is none."""
    import polars as pl

    if not scores or any(not _is_share(frame, p + one) for p in prefixes for one in scores):
        return {}
    true = named(frame[truth].dtype, truth)
    if scores == ["score"]:
        positive = _positive(frame, truth, prefixes)
        if positive is None:
            return {}
        gave = {p: (pl.col(p + "score"), 1 - pl.col(p + "score")) for p in prefixes}
        return {
            p: pl.when(true == positive).then(share).when(true.is_not_null()).then(rest)
            for p, (share, rest) in gave.items()
        }
    classes = {one.removeprefix("score_"): one for one in scores if one != "score"}
    seen = frame.select(true.alias("class"))["class"].drop_nulls().unique().to_list()
    if not set(seen) <= set(classes):
        return {}
    found = {}
    for p in prefixes:
        picked = pl.lit(None, pl.Float64)
        for name, column in classes.items():
            picked = pl.when(true == name).then(pl.col(p + column)).otherwise(picked)
        found[p] = picked
    return {p: pl.when(true.is_not_null()).then(one) for p, one in found.items()}


def _is_share(frame: "pl.DataFrame", column: str) -> bool:
    values = frame[column].drop_nulls()
    return values.dtype.is_float() and bool(((values >= 0) & (values <= 1)).all())


def _positive(frame: "pl.DataFrame", truth: str, prefixes: tuple[str, ...]) -> str | None:
    """Return the class that a lone score is of: of 0 and 1 that is 1, else the second of two."""
    columns = [truth, *(p + "prediction" for p in prefixes)]
    found: set[str] = set()
    for one in columns:
        names = frame.select(named(frame[one].dtype, one).alias("class"))["class"]
        found |= set(names.drop_nulls().unique().to_list())
    if found <= {"0", "1"}:
        return "1"
    two = sorted(found)
    return two[1] if len(two) == 2 else None
