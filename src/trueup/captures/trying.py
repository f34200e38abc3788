"""The figures of a trial, from what two versions have answered; pure but for reading the rows."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures import pairing
from trueup.captures.finding import EVERYTHING, Span
from trueup.captures.frames import INPUT, OUTPUT
from trueup.captures.losses import Loss, losses
from trueup.captures.pairing import CHALLENGER, CHAMPION, SLICE, Contest
from trueup.captures.trials import Difference, Latency, Slice, Trial
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

_FEWEST = 30  # rows, or groups, that an interval needs
_VALUES = 50  # of a slice's column that are looked at: the most frequent ones
_BOTH = (CHAMPION, CHALLENGER)


def tried(bucket: Bucket, begun: Trial, contest: Contest, span: Span = EVERYTHING) -> Trial:
    """Return a record with everything that the captured rows say."""
    both = pairing.paired(bucket, begun.model, contest, span).collect(engine="streaming")
    every = pairing.answered(bucket, begun.model, contest, span)
    there = [one.removeprefix(SLICE) for one in both.columns if one.startswith(SLICE)]
    wanted = dict.fromkeys((*contest.slices, *filter(None, (contest.group,))))
    begun = msgspec.structs.replace(
        begun,
        since=span.since,
        until=span.until,
        group=contest.group if contest.group in there else "",
        missing=tuple(name for name in wanted if name not in there),
        latencies=_latencies(every),
        apart=_apart(every, contest, begun.confidence),
    )
    return compared(both, begun, [one for one in contest.slices if one in there])


def compared(both: "pl.DataFrame", begun: Trial, slices: Sequence[str] = ()) -> Trial:
    """Return a record with what a paired frame says of two versions."""
    import polars as pl

    differing, distance = _differing(both), _distance(both)
    measured = losses(both, "truth", _BOTH)
    frame = both.with_columns(
        (differing if differing is not None else pl.lit(None, pl.Boolean)).alias("differs"),
        (distance if distance is not None else pl.lit(None, pl.Float64)).alias("distance"),
        *(one.of[side].alias(side + one.measure) for one in measured for side in _BOTH),
    )
    group = SLICE + begun.group if begun.group else ""
    explored = frame.filter(pl.col("propensity").is_not_null())
    found, left_out = _slices(frame, slices, measured, group, begun.confidence)
    return msgspec.structs.replace(
        begun,
        first=frame["time"].min(),
        last=frame["time"].max(),
        rows=frame.height,
        labelled=frame.height - frame["truth"].null_count(),
        explored=explored.height,
        decided=frame.height - frame["differs"].null_count(),
        differing=int(frame["differs"].sum() or 0),
        distance_mean=_number(frame["distance"].mean()),
        distance_max=_number(frame["distance"].max()),
        differences=_differences(frame, measured, group, begun.confidence),
        explored_only=_differences(explored, measured, group, begun.confidence, weighted=True),
        slices=found,
        left_out=left_out,
    )


def interval(
    differences: "pl.DataFrame", confidence: float
) -> tuple[float, float | None, float | None]:
    """Return the weighted mean of ``d`` and an interval that holds it; rows of one ``g`` are one.

    By the normal approximation, groups as clusters (Liang and Zeger 1986, with the usual factor
    for few of them); no interval for fewer than 30 rows or groups.
    """
    import polars as pl

    whole = float(differences["w"].sum())
    mean = float((differences["d"] * differences["w"]).sum()) / whole
    residual = (pl.col("w") * (pl.col("d") - mean)).alias("r")
    if "g" in differences.columns:
        sums = differences.group_by("g").agg(residual.sum())["r"]
    else:
        sums = differences.select(residual)["r"]
    count = len(sums)
    if count < _FEWEST:
        return mean, None, None
    spread = (float((sums**2).sum()) * count / (count - 1)) ** 0.5 / whole
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * spread
    return mean, mean - half, mean + half


def _differences(
    frame: "pl.DataFrame",
    measured: Sequence[Loss],
    group: str,
    confidence: float,
    *,
    weighted: bool = False,
) -> tuple[Difference, ...]:
    import polars as pl

    found = []
    for one in measured:
        columns = [pl.col(side + one.measure) for side in _BOTH]
        weight = 1 / pl.col("propensity") if weighted else pl.lit(1.0)
        rows = frame.select(
            columns[0].alias("a"),
            columns[1].alias("b"),
            weight.alias("w"),
            *((pl.col(group).alias("g"),) if group else ()),
        ).drop_nulls(["a", "b"])
        if not rows.height:
            continue
        mean, low, high = interval(
            rows.with_columns((pl.col("b") - pl.col("a")).alias("d")), confidence
        )
        total = float(rows["w"].sum())
        sides = [float((rows[name] * rows["w"]).sum()) / total for name in ("a", "b")]
        found.append(Difference(one.measure, rows.height, sides[0], sides[1], mean, low, high))
    return tuple(found)


def _slices(
    frame: "pl.DataFrame",
    slices: Sequence[str],
    measured: Sequence[Loss],
    group: str,
    confidence: float,
) -> tuple[tuple[Slice, ...], int]:
    import polars as pl

    found, left_out = [], 0
    for column in slices:
        value = pl.col(SLICE + column).cast(pl.String)
        counts = frame.select(value)[SLICE + column].value_counts().drop_nulls()
        largest = counts.sort("count", SLICE + column, descending=[True, False])
        left_out += max(0, largest.height - _VALUES)
        for name in sorted(largest.head(_VALUES)[SLICE + column].to_list()):
            part = frame.filter(value == name)
            found.append(
                Slice(
                    column,
                    name,
                    part.height,
                    part.height - part["truth"].null_count(),
                    int(part["differs"].sum() or 0),
                    _differences(part, measured, group, confidence),
                )
            )
    return tuple(found), left_out


def _apart(every: "pl.LazyFrame", contest: Contest, confidence: float) -> tuple[Difference, ...]:
    """Compare versions that answered rows of their own; fair where chance has shared these out.

    Only over the time in which the challenger has answered any.
    """
    import polars as pl

    of_challenger = pl.col("version") == contest.challenger
    own = every.filter(pl.col("role").is_in(["champion", "challenger", "explore"]))
    names = own.collect_schema().names()
    outputs = [one for one in names if one.startswith(OUTPUT)]
    grouped = [pl.col(INPUT + one).alias("g") for one in (contest.group,) if INPUT + one in names]
    rows = own.filter(pl.col("label").is_not_null())
    frame = rows.select("version", "at", "label", *outputs, *grouped).collect(engine="streaming")
    span = frame.filter(of_challenger)["at"]
    if not len(span):
        return ()
    frame = frame.filter(pl.col("at").is_between(pl.lit(span.min()), pl.lit(span.max())))
    found = []
    for one in losses(frame, "label", (OUTPUT,)):
        frame = frame.with_columns(one.of[OUTPUT].alias("d"), pl.lit(1.0).alias("w"))
        known = frame.drop_nulls("d")
        arms = [known.filter(~of_challenger), known.filter(of_challenger)]
        if min(arm.height for arm in arms):
            found.append(_arms(one, arms, confidence))
    return tuple(found)


def _arms(measured: Loss, arms: "Sequence[pl.DataFrame]", confidence: float) -> Difference:
    """Return the difference of two means over rows that have nothing to do with each other."""
    (one, _, top), (other, _, far) = (interval(arm, confidence) for arm in arms)
    gap, half = other - one, None
    if top is not None and far is not None:
        half = ((top - one) ** 2 + (far - other) ** 2) ** 0.5
    return Difference(
        measured.measure,
        arms[1].height,
        one,
        other,
        gap,
        None if half is None else gap - half,
        None if half is None else gap + half,
        arms[0].height,
    )


def _latencies(every: "pl.LazyFrame") -> tuple[Latency, ...]:
    import polars as pl

    spent = pl.col("latency_s").cast(pl.Float64) * 1000
    frame = (
        every.group_by("version", "role")
        .agg(
            pl.len().alias("rows"),
            spent.quantile(0.5).alias("p50"),
            spent.quantile(0.99).alias("p99"),
        )
        .sort("version", "role")
        .collect(engine="streaming")
    )
    return tuple(Latency(*row) for row in frame.iter_rows())


def _differing(both: "pl.DataFrame") -> "pl.Expr | None":
    """Return whether decisions differ: outputs named prediction that are no fractions."""
    import polars as pl

    names = [
        name
        for name in _common(both)
        if name.startswith("prediction")
        and not any(both[side + name].dtype.is_float() for side in _BOTH)
    ]
    if not names:
        return None
    return pl.any_horizontal(
        pl.col(CHAMPION + one).cast(pl.String).ne_missing(pl.col(CHALLENGER + one).cast(pl.String))
        for one in names
    )


def _distance(both: "pl.DataFrame") -> "pl.Expr | None":
    """Return how far scores and numbers lie apart, a row's columns averaged."""
    import polars as pl

    names = [
        name for name in _common(both) if all(both[side + name].dtype.is_float() for side in _BOTH)
    ]
    if not names:
        return None
    return pl.mean_horizontal(
        (pl.col(CHAMPION + one) - pl.col(CHALLENGER + one)).abs() for one in names
    )


def _common(both: "pl.DataFrame") -> list[str]:
    names = [one.removeprefix(CHAMPION) for one in both.columns if one.startswith(CHAMPION)]
    return [one for one in names if CHALLENGER + one in both.columns]


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
