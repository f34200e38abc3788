"""One table from beginning to end: part by part into the work folder, then out, all at once."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import msgspec

from trueup.captures.records import Rules
from trueup.errors import DataBroken, NotProven, WrongUsage
from trueup.serving.batch import places, publishing, writing
from trueup.serving.batch.parting import Answering, Scorer
from trueup.serving.batch.places import Found, Here, Target
from trueup.serving.batch.record import Counted, Decision, Job, Scored, Table, decide, last_scored
from trueup.serving.batch.scoring import Asking
from trueup.serving.batch.tables import Sizes, Tables, all_have
from trueup.serving.batch.work import REJECTED, ROWS, Begin, Work, work_in
from trueup.serving.profiling import Profiling
from trueup.serving.served import Served
from trueup.store.bucket import Bucket

_TELL_EVERY_S = 5.0
_REASONS = 10


class Order(msgspec.Struct, frozen=True):
    """Which table is scored into which, and how."""

    given: str  # a file, a folder, a pattern, or the same in a bucket
    out: str
    rejected: str = ""  # empty: beside out
    partition: str = ""
    id: str = ""
    usual_id: str = ""  # the column of ids where the tables have it, and no other is named
    at: str = ""  # the column that says when a row was asked
    most_rejected: float = 0.01
    replace: bool = False


class Setting(msgspec.Struct, frozen=True):
    """What a job runs in."""

    served: Served
    here: Here
    bucket: Bucket
    work: Path  # the folder of all work folders
    rules: Rules
    environment: str
    strict: bool  # what is unusual is rejected
    exact: bool  # the version was named, not followed by an alias
    by: str
    at: datetime
    release: str
    tell: Callable[[str], None]
    sizes: Sizes = Sizes()


class Predicted(msgspec.Struct, frozen=True):
    """What became of a table."""

    outcome: str  # scored, nothing
    why: str
    model: str
    version: int
    digest: str
    environment: str
    partition: str
    out: str
    counted: Counted
    rejected: str = ""  # where the rejected rows are; empty: there are none
    reasons: tuple[tuple[str, int, str], ...] = ()  # file, row from 1 on, why
    captured: int = 0  # rows that this call has captured
    resumed: int = 0  # rows that an earlier call had scored
    seconds: float = 0.0
    rows_per_s: float = 0.0


def score(setting: Setting, order: Order) -> Predicted:
    """Score a table, or say that this was done before. DataBroken where too much is rejected."""
    writing.require_format(order.out)
    target = Target(order.out, setting.here)
    places.require_apart(order.given, target, setting.here)
    found = places.found_at(order.given, setting.here)
    job = _job(setting, order, target, [one.table for one in found])
    with work_in(setting.work, job) as work:
        decision = _early(setting, order, job, target)
        if decision.word == "nothing":
            work.forget()
            return _nothing(setting, job, decision)
        whole, files = _digested(found, job, work)
        if not order.id and order.usual_id and all_have(files, order.usual_id):
            whole = msgspec.structs.replace(whole, id=order.usual_id)
        decision = _decision(setting, order, whole)
        if _is_done(decision, target):
            work.forget()
            return _nothing(setting, whole, decision)
        return _scored(setting, order, target, work, whole, files)


def _job(setting: Setting, order: Order, target: Target, tables: Sequence[Table]) -> Job:
    named = setting.served.named
    if order.rejected:
        writing.require_format(order.rejected)
    return Job(
        named.model, named.version, named.digest, setting.environment, tuple(tables),
        target.place, order.partition, order.id, order.at, setting.strict,
    )  # fmt: skip


def _decision(setting: Setting, order: Order, job: Job) -> Decision:
    if not job.partition:
        return Decision("score")
    events = publishing.Partition(setting.bucket, job).events()
    found = decide(events, job, exact=setting.exact, replace=order.replace)
    if found.word == "refuse":
        raise WrongUsage(
            f"{job.partition} of {job.model} is not scored again: {found.why}",
            remedy="Score it anew, in place of what is there: --replace",
        )
    return found


def _early(setting: Setting, order: Order, job: Job, target: Target) -> Decision:
    """Decide before a byte is read, where names, sizes and times tell enough."""
    if job.partition:
        events = publishing.Partition(setting.bucket, job).events()
        before = last_scored(events)
        if before and before.job.id == order.usual_id:
            job = msgspec.structs.replace(job, id=job.id or order.usual_id)
        found = decide(events, job, exact=setting.exact, replace=order.replace)
        if found.word == "nothing" and _is_done(found, target):
            return found
        return Decision("score")
    return Decision("score")


def _is_done(decision: Decision, target: Target) -> bool:
    """Say whether a table that was scored before is still where it was written."""
    before = decision.before
    return (
        decision.word == "nothing"
        and before is not None
        and target.size_bytes() == before.out_bytes
    )


def _digested(found: Sequence[Found], job: Job, work: Work) -> tuple[Job, list[tuple[Path, str]]]:
    read = [places.digested(one, work.inputs) for one in found]
    whole = msgspec.structs.replace(job, tables=tuple(table for table, _ in read))
    return whole, [(path, table.name) for table, path in read]


def _scored(
    setting: Setting,
    order: Order,
    target: Target,
    work: Work,
    job: Job,
    files: Sequence[tuple[Path, str]],
) -> Predicted:
    begun = time.perf_counter()
    at_ns = int(setting.at.timestamp() * 1_000_000) * 1000
    begin = work.begin(Begin(job, at_ns, setting.release))
    resumed = work.counted
    _require_free(target, order, work)
    _all_parts(setting, work, Answering(setting.served, job, begin.at_ns, setting.rules), files)
    total = work.counted
    if not total.rows + total.rejected:
        work.forget()
        raise WrongUsage("the table has no row", remedy="Write rows to it", place=order.given)
    _require_same(setting, order, job)
    refused = _write_rejected(setting, order, target, work)
    reasons = tuple(writing.first_reasons(work.parts(REJECTED), _REASONS))
    if total.share_rejected > order.most_rejected:
        raise _broken(total, order, refused, reasons)
    done = _publish(setting, target, work, job, begin)
    seconds = time.perf_counter() - begun
    fresh = total.rows + total.rejected - resumed.rows - resumed.rejected
    return Predicted(
        "scored", "", job.model, job.version, job.digest, job.environment, job.partition,
        target.place, total, refused, reasons, done, resumed.rows + resumed.rejected,
        round(seconds, 3), round(fresh / seconds, 1),
    )  # fmt: skip


def _require_free(target: Target, order: Order, work: Work) -> None:
    """Raise WrongUsage where another's file lies at out; ours, under way, may be written again."""
    if order.replace or work.marks:
        return
    if target.size_bytes() is not None:
        work.forget()
        raise WrongUsage(
            f"{target.place} is there already",
            remedy="Name another file, or write it anew with: --replace",
        )


def _all_parts(
    setting: Setting, work: Work, answering: Answering, files: Sequence[tuple[Path, str]]
) -> None:
    """Score what is not scored yet, one part after the other."""
    served, job = setting.served, answering.job
    writing.require_names(job.id, served.outputs)
    needed = [*served.fields.names, *(one for one in (job.id, job.at) if one)]
    tables = Tables(files, needed, setting.sizes)
    told, since = time.perf_counter(), 0
    with ThreadPoolExecutor(os.cpu_count() or 1, "predict") as threads:
        asking = Asking(served.form, served.fields, threads)
        scorer = Scorer(answering, asking, work)
        for part in scorer.parts(tables):
            scorer.score(part)
            since += part.frame.height
            now = time.perf_counter()
            if now - told >= _TELL_EVERY_S:
                rows = work.counted.rows + work.counted.rejected
                setting.tell(f"{rows:,} rows, {since / (now - told):,.0f} a second")
                told, since = now, 0


def _require_same(setting: Setting, order: Order, job: Job) -> None:
    other = places.changed(job.tables, order.given, setting.here)
    if other:
        raise NotProven(
            f"{other} in {order.given} changed while it was scored; nothing was written",
            remedy="Run the same command again once it is written",
        )


def _write_rejected(setting: Setting, order: Order, target: Target, work: Work) -> str:
    """Write what was rejected, and return where; remove what an earlier scoring left there."""
    named = order.rejected or writing.rejected_place(target.place)
    place = Target(named, setting.here)
    parts = work.parts(REJECTED)
    if parts:
        writing.assemble(parts, place, work.folder)
        return place.place
    if order.replace or order.partition:
        place.remove()
    return ""


def _broken(
    total: Counted, order: Order, refused: str, reasons: Sequence[tuple[str, int, str]]
) -> DataBroken:
    shown = "".join(f"\n  {file} row {row}: {why}" for file, row, why in reasons[:3])
    return DataBroken(
        f"{total.rejected} of {total.rejected + total.rows} rows are rejected,"
        f" more than {order.most_rejected:g} of all; no prediction was written or captured{shown}",
        remedy=f"All of them, with reasons, are in {refused}. Mend them, or allow more with:"
        " --max-rejected SHARE",
    )


def _publish(setting: Setting, target: Target, work: Work, job: Job, begin: Begin) -> int:
    """Bring captures, table and record where they belong; each step may be done again."""
    partition = publishing.Partition(setting.bucket, job) if job.partition else None
    if partition:
        partition.begin(setting.at, setting.by)
    profiling = _profiling(setting, job)
    captured = publishing.ship(setting.bucket, job, work.captured(), profiling)
    if partition:
        partition.supersede(profiling)
    rows = work.parts(ROWS)
    served = setting.served
    empty = writing.nothing_predicted(job.id or "id", served.outputs)
    size = writing.assemble(rows or empty, target, work.folder)
    if partition:
        partition.end(
            Scored(at=setting.at, by=setting.by, job=job, counted=work.counted, out_bytes=size)
        )
    work.forget()
    return captured


def _profiling(setting: Setting, job: Job) -> Profiling | None:
    """Return what keeps the profile of what is captured; None where monitoring has no grid yet."""
    from trueup.monitoring.profiles.served import scheme_of

    scheme = scheme_of(setting.bucket, job.model, setting.environment)
    return Profiling(setting.bucket, lambda _: scheme, setting.tell) if scheme else None


def _nothing(setting: Setting, job: Job, decision: Decision) -> Predicted:
    before = decision.before
    if before is None:
        raise AssertionError("nothing is done only where something was")
    done = before.job
    return Predicted(
        "nothing", decision.why, done.model, done.version, done.digest, done.environment,
        done.partition, done.out, before.counted,
    )  # fmt: skip
