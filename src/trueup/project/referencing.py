"""The rows that a version's windows are compared with: as they would have been captured."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import msgspec

import trueup
from trueup import ids
from trueup.captures import reading
from trueup.captures.finding import Span
from trueup.captures.records import Rules
from trueup.delivery.seen import PART, decode, rows_seen
from trueup.errors import TrueupError, WrongUsage
from trueup.monitoring.watching.counting import ALL, LIVE, Rows, table_of
from trueup.monitoring.watching.events import Basis
from trueup.monitoring.watching.performing import TASKS
from trueup.project.gating import subject_of
from trueup.project.loading import entry_of, form_of
from trueup.project.registering import stamp_of
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.registry.registry import Resolved
from trueup.serving.batch.places import Here
from trueup.serving.batch.running import Order, Setting, score
from trueup.serving.served import Named, Pool, Served, Terms
from trueup.store.memory import MemoryBucket

if TYPE_CHECKING:
    import polars as pl

    from trueup.delivery.evaluating import Evaluation

_ROW, _TIME = "trueup.row", "trueup.at"
_STEPS = 1e8  # numbers below are no seconds since 1970
_FROM_CAPTURES = "--reference captures:2026-01-01..2026-02-01"


class Referential(msgspec.Struct, frozen=True):
    """Rows to compare with, and how they were come by."""

    table: Any  # a frame, of polars
    timed: bool
    basis: Basis
    source: str
    rows: int
    left_out: int = 0  # rows that the version has seen
    says: tuple[str, ...] = ()
    answers: Any = None  # a frame of captures with labels; None: there are none
    classes: tuple[str, ...] = ()


def evaluation_rows(workspace: Workspace, model: str, found: Resolved) -> Referential:
    """Return the rows that a version is judged on and was not trained on, with its answers.

    They go the way that a batch goes, into a bucket in memory: so the columns are
    just what is captured of the version, redaction included.
    """
    table = _evaluation(workspace, model, found)
    unseen, left_out, says = _unseen(workspace, table, found)
    times = _times(table)
    with _folder(workspace) as folder:
        bucket = MemoryBucket()
        served = _served(workspace, model, found)
        given = _given(table, unseen, times, served)
        given.write_ipc(folder / "given.arrow")
        _score(workspace, served, bucket, folder, timed=times is not None)
        rows = Rows(bucket, model, found.version.version, ALL)
        frame: pl.DataFrame = table_of(rows, Span()).lazy().collect()
        answers = _answers(table, bucket, model) if times is not None else None
    basis: Basis = "evaluation"
    if left_out == table.frame.height:
        basis, frame, answers = "training", frame.select(_inputs(frame)), None
        says = (
            f"{model}/{found.version.version} has seen every row that it is judged on: they are"
            " compared as inputs only, and say nothing of its predictions",
        )
    lost = given.height - frame.height
    if lost:
        says = (*says, f"{lost} rows could not be predicted, and are left out")
    return Referential(
        frame, times is not None, basis, table.data, frame.height,
        left_out if basis == "evaluation" else 0, (*says, *_same_rows(table, found)),
        answers, table.truth.classes,
    )  # fmt: skip


def answers_to(
    workspace: Workspace, model: str, found: Resolved, given: "pl.DataFrame"
) -> "pl.DataFrame":
    """Return what a version answers to rows by ``id``, as its captures; nothing is kept of it.

    Rows that it refuses are not there.
    """
    with _folder(workspace) as folder:
        bucket = MemoryBucket()
        given.rename({"id": _ROW}).write_ipc(folder / "given.arrow")
        _score(workspace, _served(workspace, model, found), bucket, folder, timed=False)
        return reading.captures(bucket, model, labels=False).collect()


def captured_rows(workspace: Workspace, model: str, found: Resolved, span: Span) -> Referential:
    """Return a span of the version's own captures, with the labels that have come."""
    import polars as pl

    for roles in (LIVE, ALL):
        rows = Rows(workspace.bucket, model, found.version.version, roles, found.environment)
        frame = table_of(rows, span, size_bytes=1 << 62)
        count = _height(frame)
        if count:
            exact = msgspec.structs.replace(
                span, version=rows.version, environment=found.environment
            )
            answers = reading.captures(workspace.bucket, model, exact).filter(
                pl.col("label").is_not_null() & pl.col("role").is_in(list(roles))
            )
            return Referential(
                frame, True, "captures", source_of(span), count,
                answers=answers.collect(), classes=_classes(workspace, model, found),
            )  # fmt: skip
    raise WrongUsage(
        f"{model}/{found.version.version} has no captures in that span",
        remedy=f"See what there is with: trueup captures show {model}",
    )


def _answers(table: "Evaluation", bucket: MemoryBucket, model: str) -> "pl.DataFrame | None":
    """Return what was answered with the truth of each row, where a row has one."""
    import polars as pl

    if table.task not in TASKS or len(table.truth.columns) != 1:
        return None
    truth = table.frame.select(
        pl.int_range(pl.len()).cast(pl.String).alias("id"),
        pl.col(table.truth.columns[0]).alias("label"),
    )
    frame = reading.captures(bucket, model, labels=False).collect()
    joined = frame.join(truth, on="id", how="left").filter(pl.col("label").is_not_null())
    return joined.with_columns(pl.col("at").alias("labelled_at"))


def _classes(workspace: Workspace, model: str, found: Resolved) -> tuple[str, ...]:
    """Return the classes in the order of their scores, as far as evaluation data tells them."""
    try:
        return _evaluation(workspace, model, found).truth.classes
    except WrongUsage:
        return ()


def source_of(span: Span) -> str:
    """Return what a span of captures is written down as."""
    return f"captures:{_iso(span.since)}..{_iso(span.until)}"


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}"


def _height(frame: "pl.LazyFrame | pl.DataFrame") -> int:
    import polars as pl

    return int(frame.lazy().select(pl.len()).collect().item())


def _evaluation(workspace: Workspace, model: str, found: Resolved) -> "Evaluation":
    project, _, own = model.partition("/")
    if project != workspace.project.name or own not in workspace.project.models:
        raise WrongUsage(
            f"the rows that {model} is judged on are not known in this project",
            remedy=f"Name a span of captures to compare with: {_FROM_CAPTURES}",
        )
    try:
        return subject_of(workspace, own, found.environment).table
    except TrueupError as error:
        raise WrongUsage(
            f"there are no rows to compare {model} with: {error.problem}",
            remedy=f"{error.remedy}\n  Or name a span of captures: {_FROM_CAPTURES}",
        ) from error


def _unseen(
    workspace: Workspace, table: "Evaluation", found: Resolved
) -> tuple[Any, int, tuple[str, ...]]:
    """Return a mask of the rows to take, how many the version has seen, and what to say of it."""
    import numpy as np

    everything = np.ones(table.frame.height, dtype=np.bool_)
    part = found.version.parts.get(PART)
    seen = decode(workspace.results.read(part), "the version's seen rows") if part else None
    mask = rows_seen(seen, table) if seen else None
    if mask is None:
        why = seen.how if seen else "it was registered without its seen rows"
        return everything, 0, (f"whether the version was trained on these rows is {why}"[:300],)
    left_out = int(mask.sum())
    if left_out == len(mask):
        return everything, left_out, ()
    says = (f"{left_out} rows that the version has seen are left out",) if left_out else ()
    return ~mask, left_out, says


def _same_rows(table: "Evaluation", found: Resolved) -> tuple[str, ...]:
    judged = found.history.verdicts(found.version.version)
    if judged and all(one.data != table.data for one in judged):
        return (f"{table.shown_as} has changed since the version was judged on it",)
    return ()


def _times(table: "Evaluation") -> "pl.Series | None":
    """Return when each row was, in UTC; None where there are only steps, or nothing."""
    import polars as pl

    if table.time is None:
        return None
    times = table.time
    if times.dtype.is_numeric():
        largest: Any = times.abs().max()
        if largest is None or largest < _STEPS:
            return None
        times = (times.cast(pl.Float64) * 1e6).cast(pl.Int64).cast(pl.Datetime("us"))
    if getattr(times.dtype, "time_zone", None) is None:
        times = times.dt.replace_time_zone("UTC")
    return times.dt.cast_time_unit("us")


def _given(
    table: "Evaluation", unseen: Any, times: "pl.Series | None", served: Served
) -> "pl.DataFrame":
    import polars as pl

    names = [one for one in served.fields.names if one in table.frame.columns]
    absent = [one for one in served.fields.names if one not in table.frame.columns]
    if absent:
        raise WrongUsage(
            f"{table.shown_as} lacks what {served.named} takes: {', '.join(absent[:5])}",
            remedy="Check out the version's commit and make its evaluation rows, or name a span of"
            f" captures: {_FROM_CAPTURES}",
        )
    given = table.frame.select(names).with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias(_ROW)
    )
    if times is not None:
        given = given.with_columns(times.alias(_TIME))
    return given.filter(pl.Series(unseen))


def _inputs(frame: "pl.DataFrame") -> list[str]:
    return [name for name in frame.columns if not name.startswith("output.")]


def _served(workspace: Workspace, model: str, found: Resolved) -> Served:
    """Return the version in memory; that it may be served somewhere is not asked here."""
    form, signature = form_of(workspace, model, found.version)
    label = Named(model, found.version.version, found.version.model.digest)

    return Served(label, form, signature, Pool(ThreadPoolExecutor(2, "model"), 2), Terms())


def _score(
    workspace: Workspace, served: Served, bucket: MemoryBucket, folder: Path, *, timed: bool
) -> None:
    entry, stamp = entry_of(workspace, served.named.model), stamp_of(workspace)
    setting = Setting(
        served=served,
        here=Here(folder, folder, workspace.env),
        bucket=bucket,
        work=folder / "work",
        rules=Rules(redact=entry.serve.capture.redact),
        environment="",
        strict=False,
        exact=True,
        by=str(stamp.by),
        at=stamp.at,
        release=trueup.__version__,
        tell=lambda text: None,
    )
    order = Order(
        str(folder / "given.arrow"), str(folder / "out.arrow"), id=_ROW,
        at=_TIME if timed else "", most_rejected=1.0,
    )  # fmt: skip
    score(setting, order)


@contextmanager
def _folder(workspace: Workspace) -> Iterator[Path]:
    folder = prepare_own_folder(workspace.root) / "monitor" / ids.nonce()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
