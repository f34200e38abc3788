"""What two versions have answered to the same rows, joined by id and with the truth."""

from typing import TYPE_CHECKING

import msgspec

from trueup.captures import reading
from trueup.captures.finding import EVERYTHING, Span
from trueup.captures.frames import INPUT, OUTPUT
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

CHAMPION, CHALLENGER, SLICE = "champion.", "challenger.", "slice."
_OTHER = "the challenger's role"
_ANSWERED = ("champion", "challenger", "explore")


class Contest(msgspec.Struct, frozen=True):
    """Which versions are compared, over which columns of their inputs."""

    champion: int
    challenger: int
    slices: tuple[str, ...] = ()  # columns whose values are looked at apart
    group: str = ""  # rows of one value of this column are not independent


def paired(bucket: Bucket, model: str, contest: Contest, span: Span = EVERYTHING) -> "pl.LazyFrame":
    """Return a row for each id that both versions have predicted, whoever has answered it.

    Columns are ``id``, ``time``, ``role`` (of what was answered), ``propensity`` (of rows that
    were chosen to be labelled; else null), ``truth`` (null until a label comes), ``champion.X``
    and ``challenger.X`` for each output X, and ``slice.X`` for each slice and the group that was
    captured. Of an id that a version has predicted twice, the last one counts.
    """
    frame = _of(bucket, model, contest, span)
    import polars as pl  # reading has said what to do where it is missing

    names = frame.collect_schema().names()
    outputs = [one for one in names if one.startswith(OUTPUT)]
    one = _answers(frame, contest.champion, outputs, CHAMPION)
    other = _answers(frame, contest.challenger, outputs, CHALLENGER)
    answered = pl.when(pl.col("role").is_in(_ANSWERED)).then("role").otherwise(_OTHER)
    chosen = [pl.col(INPUT + name).alias(SLICE + name) for name in present(names, contest)]
    both = one.join(other, on="id", how="inner", maintain_order="left")
    return both.select(
        pl.col("id"),
        pl.col("at").alias("time"),
        answered.alias("role"),
        pl.col("propensity"),
        pl.col("label").alias("truth"),
        pl.col(f"^{CHAMPION}.*$"),
        pl.col(f"^{CHALLENGER}.*$"),
        *chosen,
    )


def answered(
    bucket: Bucket, model: str, contest: Contest, span: Span = EVERYTHING
) -> "pl.LazyFrame":
    """Return all that either version has predicted, with labels, as captures are read."""
    return _of(bucket, model, contest, span)


def present(names: list[str], contest: Contest) -> list[str]:
    """Return the slices and the group that captures have; what is redacted is not there."""
    wanted = dict.fromkeys((*contest.slices, contest.group))
    return [name for name in wanted if name and INPUT + name in names]


def _of(bucket: Bucket, model: str, contest: Contest, span: Span) -> "pl.LazyFrame":
    frame = reading.captures(bucket, model, msgspec.structs.replace(span, version=None))
    import polars as pl

    frame = frame.filter(pl.col("version").is_in([contest.champion, contest.challenger]))
    if "propensity" not in frame.collect_schema().names():
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias("propensity"))
    return frame


def _answers(
    frame: "pl.LazyFrame", version: int, outputs: list[str], prefix: str
) -> "pl.LazyFrame":
    """Return what one version has predicted; the champion's rows carry what is common to both."""
    import polars as pl

    rows = frame.filter(pl.col("version") == version)
    rows = rows.unique("id", keep="last", maintain_order=True)
    renamed = [pl.col(name).alias(prefix + name.removeprefix(OUTPUT)) for name in outputs]
    if prefix == CHALLENGER:
        return rows.select("id", pl.col("role").alias(_OTHER), *renamed)
    return rows.select("id", "at", "role", "propensity", "label", *renamed, pl.col(f"^{INPUT}.*$"))
