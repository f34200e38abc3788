"""The rows of a trial: what both versions have answered, as the gate's evaluation data."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures.finding import Span
from trueup.captures.pairing import CHALLENGER, SLICE, Contest, paired
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.evaluating import Evaluation
from trueup.delivery.forecasting import LEAST_SERIES, series_columns
from trueup.delivery.prediction_columns import predicted
from trueup.delivery.truths import truth_of
from trueup.errors import WrongUsage
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

_ROWS = 1 << 16  # written at once while rows are digested
SHOWN_AS = "the captures"


class Versions(msgspec.Struct, frozen=True):
    """Which two versions of a model have answered."""

    model: str  # project/model
    champion: int
    challenger: int


@dataclass(frozen=True)
class Live:
    """Paired rows in the order of their times, labelled or not.

    ``chosen`` are those that are judged: all, or where labels depend on answers the explored.
    """

    versions: Versions
    entry: EvaluateEntry  # what of evaluate captures have
    every: "pl.DataFrame"
    chosen: "pl.DataFrame"
    lacking: tuple[str, ...] = ()  # columns that evaluate names and captures do not have
    selective: bool = False  # only explored rows are judged
    until: datetime | None = None  # rows after that wait for their labels

    @property
    def labelled(self) -> "pl.DataFrame":
        """The rows that are judged and have a label."""
        import polars as pl

        return self.chosen.filter(pl.col("truth").is_not_null())

    def column(self, name: str) -> "pl.Series | None":
        """Return a captured input of the chosen rows; None where there is none."""
        named = SLICE + name
        return self.chosen[named].alias(name) if name and named in self.chosen.columns else None


def live_rows(
    bucket: Bucket, model: ModelEntry, versions: Versions, asked: Span, now: datetime
) -> Live:
    """Return the rows that both versions have answered, as far as their labels are mature.

    Where `observed_if` or `propensity` says that not all get a label, only explored rows are
    chosen: the gate weighs no rows.
    """
    import polars as pl

    entry = model.evaluate or EvaluateEntry()
    mature = _mature(model, now)
    span = asked
    if mature is not None and (asked.until is None or mature < asked.until):
        span = msgspec.structs.replace(asked, until=mature)
    wanted = dict.fromkeys(
        filter(None, (*entry.slices, entry.id, entry.time, *series_columns(entry)))
    )
    contest = Contest(versions.champion, versions.challenger, tuple(wanted), entry.group)
    frame = paired(bucket, versions.model, contest, span).collect(engine="streaming")
    frame = frame.sort("time", "id")
    needed = dict.fromkeys(filter(None, (*entry.slices, entry.group, *series_columns(entry))))
    lacking = tuple(name for name in needed if SLICE + name not in frame.columns)
    selective = _selective(model)
    return Live(
        versions,
        msgspec.structs.replace(
            entry,
            data="",
            predictions="",
            slices=tuple(name for name in entry.slices if name not in lacking),
            group="" if entry.group in lacking else entry.group,
        ),
        frame,
        frame.filter(pl.col("propensity").is_not_null()) if selective else frame,
        lacking,
        selective,
        span.until if span is not asked else None,
    )


def digest_of(live: Live) -> str:
    """Return the digest of the labelled rows: what was asked of whom, answered, and true.

    Rows without a label are not part of it: they come and decide nothing.
    """
    from blake3 import blake3

    rows = live.labelled
    rows = rows.select(sorted(rows.columns))
    found = blake3(msgspec.json.encode(live.versions))
    for start in range(0, rows.height, _ROWS):
        found.update(rows.slice(start, _ROWS).write_ndjson().encode())
    return found.hexdigest()


def evaluation_of(live: Live, model: ModelEntry, data: str) -> Evaluation:
    """Return the chosen rows as what a model is evaluated on; times are those of the captures."""
    import polars as pl

    if model.task is None:
        raise WrongUsage(
            "the model does not say what it predicts",
            remedy="Write task: binary, multiclass, multilabel, regression, ranking or forecast.",
        )
    frame = live.chosen
    columns = [column for name in live.entry.slices if (column := live.column(name)) is not None]
    return Evaluation(
        task=model.task,
        entry=live.entry,
        frame=pl.DataFrame([frame["id"].alias("\x1fid"), *columns]),
        ids=frame["id"],
        time=frame["time"] if live.entry.time else None,
        group=live.column(live.entry.group) if live.entry.group else _many_series(live),
        features=(),
        data=data,
        truth=truth_of(frame.select("truth"), model.task, "", SHOWN_AS),
        shown_as=SHOWN_AS,
    )


def predictions_of(live: Live, table: Evaluation, side: str) -> Any:
    """Return what one version has answered, as the gate takes it; side is a prefix of pairs.

    What a version has never answered is another one's output.
    """
    frame = live.chosen
    named = {name: name.removeprefix(side) for name in frame.columns if name.startswith(side)}
    there = [name for name in named if frame[name].null_count() < frame.height]
    own = frame.select(there).rename({name: named[name] for name in there})
    which = live.versions.challenger if side == CHALLENGER else live.versions.champion
    return predicted(table.task, own, table.truth, f"{SHOWN_AS} of version {which}")


def _mature(model: ModelEntry, now: datetime) -> datetime | None:
    if model.monitor is None or model.monitor.performance.labels.mature_after is None:
        return None
    return now - timedelta(seconds=model.monitor.performance.labels.mature_after)


def _selective(model: ModelEntry) -> bool:
    """Say whether it is declared that labels depend on the row or on what was answered."""
    if model.monitor is None:
        return False
    labels = model.monitor.performance.labels
    return labels.observed_if is not None or labels.propensity is not None


def _many_series(live: Live) -> "pl.Series | None":
    """Return the series of a forecast as groups, where there are many."""
    import polars as pl

    columns = [live.column(name) for name in series_columns(live.entry)]
    there = [column.cast(pl.String).fill_null("null") for column in columns if column is not None]
    if not there or len(there) < len(columns):
        return None
    joined = pl.DataFrame(there).select(series=pl.concat_str(pl.all(), separator="\x1f"))["series"]
    return joined if joined.n_unique() >= LEAST_SERIES else None
