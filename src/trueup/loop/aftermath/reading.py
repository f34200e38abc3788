"""The aftermath's edge: losses of two versions from captures, as their labels were at a moment."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from trueup.captures import pairing
from trueup.captures.finding import Span
from trueup.captures.frames import INPUT, OUTPUT
from trueup.captures.losses import Measure, losses
from trueup.captures.pairing import CHALLENGER, CHAMPION, SLICE, Contest
from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, np
from trueup.loop.aftermath.records import Losses
from trueup.loop.guard.reading import labels_at
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

Asks: TypeAlias = "Callable[[pl.DataFrame], pl.DataFrame]"  # rows by id; answers as captures
_ANSWERED = ("champion", "challenger", "explore")


def shadowed(
    bucket: Bucket, model: str, contest: Contest, span: Span, at: tuple[Measure, datetime]
) -> Losses:
    """Return both versions' losses on the rows that both have answered, one for comparison.

    ``contest.champion`` is the new version, ``contest.challenger`` the old one; ``at`` is the
    measure, and the moment whose labels count.
    """
    measure, now = at
    frame = pairing.paired(bucket, model, contest, span)
    labels = labels_at(bucket, model, span, now).select("id", truth="label")
    both = frame.drop("truth").join(labels, on="id", how="inner").sort("time", "id").collect()
    new, old = (_loss(both, side, measure) for side in (CHAMPION, CHALLENGER))
    group = SLICE + contest.group
    return Losses(
        new=new,
        old=old,
        basis="shadow",
        time=both["time"].dt.replace_time_zone(None).to_numpy(),
        group=both[group].to_numpy() if contest.group and group in both.columns else None,
    )


def split(
    bucket: Bucket, model: str, contest: Contest, span: Span, at: tuple[Measure, datetime]
) -> Losses:
    """Return each row's loss under the version that answered it; nan for the other's.

    Only for a share drawn at random: rows that were given to a version on purpose differ.
    """
    measure, now = at
    frame = pairing.answered(bucket, model, contest, span)
    import polars as pl  # pairing has said what to do where it is missing

    labels = labels_at(bucket, model, span, now).select("id", truth="label")
    rows = (
        frame.filter(pl.col("role").is_in(_ANSWERED))
        .unique("id", keep="last", maintain_order=True)
        .join(labels, on="id", how="inner")
        .sort("at", "id")
        .collect()
    )
    loss = _loss(rows, OUTPUT, measure)
    by_new = rows["version"].to_numpy() == contest.champion
    group = INPUT + contest.group
    return Losses(
        new=np.where(by_new, loss, np.nan),
        old=np.where(by_new, np.nan, loss),
        basis="live split",
        time=rows["at"].dt.replace_time_zone(None).to_numpy(),
        group=rows[group].to_numpy() if contest.group and group in rows.columns else None,
    )


def replayed(
    bucket: Bucket,
    model: str,
    contest: Contest,
    asked_of: tuple[Span, Asks],
    at: tuple[Measure, datetime],
) -> Losses:
    """Return both versions' losses on what the new one has answered; the old one is asked now.

    Where an input was not captured the old version refuses the rows, and there are none.
    """
    (span, ask), (measure, now) = asked_of, at
    frame = pairing.answered(bucket, model, contest, span)
    import polars as pl  # pairing has said what to do where it is missing

    labels = labels_at(bucket, model, span, now).select("id", truth="label")
    rows = (
        frame.filter((pl.col("role") != "shadow") & (pl.col("version") == contest.champion))
        .unique("id", keep="last", maintain_order=True)
        .join(labels, on="id", how="inner")
        .sort("at", "id")
        .collect()
    )
    if not rows.height:
        return Losses(new=np.empty(0), old=np.empty(0), basis="replay")
    given = rows.select("id", pl.col(f"^{INPUT}.*$").name.map(lambda one: one.removeprefix(INPUT)))
    asked = ask(given).select("id", pl.col(f"^{OUTPUT}.*$").name.prefix(CHALLENGER))
    both = rows.join(asked, on="id", how="inner", maintain_order="left")
    group = INPUT + contest.group
    return Losses(
        new=_loss(both, OUTPUT, measure),
        old=_loss(both, CHALLENGER + OUTPUT, measure),
        basis="replay",
        time=both["at"].dt.replace_time_zone(None).to_numpy(),
        group=both[group].to_numpy() if contest.group and group in both.columns else None,
    )


def _loss(frame: "pl.DataFrame", prefix: str, measure: Measure) -> Floats:
    import polars as pl

    found = {one.measure: one.of[prefix] for one in losses(frame, "truth", (prefix,))}
    if measure not in found:
        raise WrongUsage(
            f"{measure} cannot be told of what was captured",
            remedy=f"There are: {', '.join(found) or 'none'}",
        )
    loss = found[measure].cast(pl.Float64).fill_null(float("nan"))
    each: Floats = frame.select(loss.alias("loss"))["loss"].to_numpy()
    return each
