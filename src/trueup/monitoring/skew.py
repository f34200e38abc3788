"""Skew: what was served compared, id by id, with what the pipeline computes for the same ids."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage
from trueup.monitoring.broken.records import Finding, Pipe, Since

if TYPE_CHECKING:
    import polars as pl

FLOAT32 = 1e-6  # eight times what rounding to float32 may change of a number
_HERE, _THERE = "served.", "computed."
_ID = "skew id"
_LETTERS = 64
_KEPT = 0.9  # of the rows that differ, that a rule must explain


class SkewLimits(msgspec.Struct, frozen=True):
    """What is still the same, and how much may differ."""

    relative: float = FLOAT32  # numbers within that share of the larger one are tolerable
    absolute: float = 0.0
    share: float = 0.001  # of the rows of a column that may differ
    examples: int = 5
    redact: tuple[str, ...] = ()  # columns of which no value is shown


class Example(msgspec.Struct, frozen=True):
    """One row that differs; a dash stands for null."""

    id: str
    served: str
    computed: str


class ColumnSkew(msgspec.Struct, frozen=True):
    """What became of one column, over the rows that both sides have."""

    name: str
    rows: int
    exact: int
    tolerable: int
    different: int
    null_served: int  # of those that differ: null when served, and not in the pipeline
    null_computed: int
    largest: float | None  # difference, of numbers
    is_skewed: bool
    how: str = ""  # what most of the differences have in common
    examples: tuple[Example, ...] = ()
    pipe: Pipe | None = None

    @property
    def share(self) -> float:
        """Which share of the rows differs."""
        return self.different / self.rows if self.rows else 0.0


class Lateness(msgspec.Struct, frozen=True):
    """How long after the time of its row each was served, in seconds; negative: before."""

    median_s: float
    p95_s: float
    most_s: float
    median_different_s: float | None  # of rows in which any column differs


class Skew(msgspec.Struct, frozen=True):
    """Everything that was compared: the worst column first."""

    columns: tuple[ColumnSkew, ...]
    rows: int  # that both sides have
    only_served: int  # ids that the pipeline does not have
    only_computed: int
    only_served_examples: tuple[str, ...]
    repeated: int  # rows, of both sides, whose id came again: the last counts
    not_compared: tuple[str, ...]  # served columns that the table does not have
    lateness: Lateness | None
    limits: SkewLimits
    format: int = 1

    @property
    def is_skewed(self) -> bool:
        """Say whether any column differs by more than its share."""
        return any(one.is_skewed for one in self.columns)


def skew(
    served: "pl.DataFrame", computed: "pl.DataFrame", limits: SkewLimits | None = None
) -> Skew:
    """Compare two tables that both have ``id``; ``at`` is when a row was served, or is of.

    Null and NaN are the same, for JSON knows no NaN. Whole numbers and texts are compared
    exactly, numbers with a tolerance; where the types differ, by what the texts say. Raises
    WrongUsage where no id is in both.
    """
    import polars as pl

    limits = limits or SkewLimits()
    sides = [_once(one) for one in (served, computed)]
    repeated = served.height + computed.height - sum(one.height for one in sides)
    here, there = (
        one.rename({name: prefix + name for name in one.columns if name != _ID})
        for one, prefix in zip(sides, (_HERE, _THERE), strict=True)
    )
    both = here.join(there, on=_ID, how="inner", maintain_order="left")
    if not both.height:
        raise WrongUsage(
            f"none of the {here.height:,} ids that were served is among the {there.height:,} "
            "of the table",
            remedy="Name the table that the pipeline makes of these rows, and its id column: "
            "--table PATH --id COLUMN",
        )
    names = [one for one in sides[0].columns if one not in (_ID, "at")]
    shared = [one for one in names if one in sides[1].columns]
    columns, differs = [], pl.Series("differs", [False] * both.height)
    for name in shared:
        column, where = _compared(both, name, limits)
        columns.append(column)
        differs = differs | where
    absent = here.join(there, on=_ID, how="anti")[_ID]
    return Skew(
        tuple(sorted(columns, key=lambda one: (-one.share, one.name))),
        both.height,
        len(absent),
        there.height - both.height,
        tuple(absent.head(limits.examples).to_list()),
        repeated,
        tuple(one for one in names if one not in shared),
        _lateness(both, differs),
        limits,
    )


def skew_findings(found: Skew) -> tuple[Finding, ...]:
    """Return skewed columns as broken data: in the loop they count as such."""
    return tuple(
        Finding(
            "skew", one.name,
            f"{one.different:,} of {one.rows:,} served values are not what the pipeline computes"
            + (f": {one.how}" if one.how else ""),
            "certain", one.share, 0.0, found.limits.share, "the share that was declared",
            one.different, one.share,
            tuple(f"{each.served} for {each.computed}" for each in one.examples), Since(), one.pipe,
        )
        for one in found.columns
        if one.is_skewed
    )  # fmt: skip


def _once(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return each id's last row, the ids as text."""
    import polars as pl

    named = frame.rename({"id": _ID}).with_columns(pl.col(_ID).cast(pl.String))
    return named.drop_nulls(_ID).unique(_ID, keep="last", maintain_order=True)


def _compared(
    both: "pl.DataFrame", name: str, limits: SkewLimits
) -> "tuple[ColumnSkew, pl.Series]":
    """Return what became of a column, and which rows differ."""
    one, two = _alike(both[_HERE + name], both[_THERE + name])
    gone_one, gone_two = _missing(one), _missing(two)
    same = (gone_one & gone_two) | (one == two).fill_null(False)
    near, largest = same, None
    if one.dtype.is_float():
        apart = (one - two).abs()
        bound = limits.absolute + limits.relative * _larger(one.abs(), two.abs())
        near = same | ((apart <= bound) & apart.is_finite()).fill_null(False)
        found = apart.filter(~near & apart.is_finite()).max()
        largest = float(found) if isinstance(found, int | float) else None
    if _is_text(both[_HERE + name]) != _is_text(both[_THERE + name]):
        same = gone_one & gone_two  # the rest says the same, in another type
    where = ~near
    different = int(where.sum())
    exact = int(same.sum())
    return ColumnSkew(
        name, both.height, exact, both.height - exact - different, different,
        int((gone_one & ~gone_two).sum()), int((gone_two & ~gone_one).sum()), largest,
        different > limits.share * both.height,
        _how(one.filter(where), two.filter(where), limits),
        () if name in limits.redact else _examples(both, name, where, limits.examples),
    ), where  # fmt: skip


def _alike(one: "pl.Series", two: "pl.Series") -> "tuple[pl.Series, pl.Series]":
    """Return two columns in one type: numbers, if both are; times; else text."""
    import polars as pl

    number = (pl.Boolean, *pl.datatypes.group.NUMERIC_DTYPES)
    kinds = [each.dtype for each in (one, two)]
    if all(each.is_integer() for each in kinds) or kinds == [pl.Boolean, pl.Boolean]:
        return (one, two) if kinds[0] == kinds[1] else (one.cast(pl.Int64), two.cast(pl.Int64))
    if all(isinstance(each, pl.Null) or each in number for each in kinds):
        return one.cast(pl.Float64), two.cast(pl.Float64)
    if all(each.is_temporal() for each in kinds) and kinds[0] != kinds[1]:
        return _moments(one), _moments(two)
    if kinds[0] == kinds[1] and not kinds[0].is_nested():
        return one, two
    texts = _texts(one), _texts(two)
    numbers = [each.cast(pl.Float64, strict=False) for each in texts]
    are_numbers = all(
        each.null_count() == text.null_count() for each, text in zip(numbers, texts, strict=True)
    )
    return (numbers[0], numbers[1]) if are_numbers else texts


def _is_text(series: "pl.Series") -> bool:
    import polars as pl

    return isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum)


def _moments(series: "pl.Series") -> "pl.Series":
    import polars as pl

    return series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None))).to_physical()


def _texts(series: "pl.Series") -> "pl.Series":
    import polars as pl

    if series.dtype.is_nested() or isinstance(series.dtype, pl.Object):
        return pl.Series(
            [None if one is None else str(_plain(one)) for one in series], dtype=pl.String
        )
    return series.cast(pl.String)


def _plain(value: Any) -> Any:
    return value.to_list() if hasattr(value, "to_list") else value


def _missing(series: "pl.Series") -> "pl.Series":
    gone = series.is_null()
    return gone | series.is_nan().fill_null(False) if series.dtype.is_float() else gone


def _larger(one: "pl.Series", two: "pl.Series") -> "pl.Series":
    import polars as pl

    return pl.select(pl.max_horizontal(one, two)).to_series()


def _how(one: "pl.Series", two: "pl.Series", limits: SkewLimits) -> str:
    """Say what most rows that differ have in common: null, one value, an offset, a factor."""
    rows = len(one)
    if rows < 2:
        return ""
    gone_one, gone_two = _missing(one), _missing(two)
    if gone_one.sum() >= _KEPT * rows:
        return "null when served"
    if gone_two.sum() >= _KEPT * rows:
        return "null in the pipeline"
    counts = one.value_counts(sort=True)
    if counts[0, 1] >= _KEPT * rows and two.n_unique() > 1:
        return f"always {_shown(counts[0, 0])} when served"
    if not one.dtype.is_numeric():
        return ""
    for said, column in (
        ("{:.6g} more than computed", one - two),
        ("{:.6g} times what is computed", one.filter(two != 0) / two.filter(two != 0)),
    ):
        middle = column.drop_nulls().median()
        if not isinstance(middle, int | float) or len(column) < _KEPT * rows:
            continue
        near = (column - middle).abs() <= 1e3 * limits.relative * max(abs(middle), 1e-12)
        if near.sum() >= _KEPT * rows:
            return said.format(middle)
    return ""


def _examples(
    both: "pl.DataFrame", name: str, where: "pl.Series", most: int
) -> tuple[Example, ...]:
    rows = both.filter(where).head(most).select(_ID, _HERE + name, _THERE + name).iter_rows()
    return tuple(Example(str(row[0])[:_LETTERS], _shown(row[1]), _shown(row[2])) for row in rows)


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)[:_LETTERS]


def _lateness(both: "pl.DataFrame", differs: "pl.Series") -> Lateness | None:
    here, there = _HERE + "at", _THERE + "at"
    if here not in both.columns or there not in both.columns:
        return None
    if not (both[here].dtype.is_temporal() and both[there].dtype.is_temporal()):
        return None
    late = (_moments(both[here]) - _moments(both[there])) / 1e6
    there_is = late.drop_nulls()
    if not len(there_is):
        return None
    return Lateness(
        _number(there_is.median()),
        _number(there_is.quantile(0.95)),
        _number(there_is.max()),
        _number(late.filter(differs).median()) if differs.any() else None,
    )


def _number(value: Any) -> float:
    return float(value) if value is not None else 0.0


def piped_skew(found: Skew, pipes: Mapping[str, Pipe]) -> Skew:
    """Return skew that says which stage computes each column, as far as it is known."""
    return msgspec.structs.replace(
        found,
        columns=tuple(
            msgspec.structs.replace(one, pipe=pipes.get(one.name)) for one in found.columns
        ),
    )
