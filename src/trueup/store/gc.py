"""Remove what nothing refers to: marked first, removed a week later, and only if untouched since.

Never removed: events of models and loops, verdicts, and whatever they name. Kept as well: what the
roots name, what runs within ``keep_runs`` name, and what is younger than the grace.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from trueup import clock
from trueup.errors import SomebodyElseFirst
from trueup.store.bucket import Bucket, Entry, Missing
from trueup.store.folder import FolderBucket
from trueup.store.gcroots import BucketContents, Contents
from trueup.store.gcsurvey import Survey
from trueup.store.gcturn import Turn, Watch

__all__ = ["GRACE", "BucketContents", "Contents", "GcReport", "Rules", "Watch", "collect"]

GRACE = timedelta(days=7)
_MARKS = "gc/marks.json"
_BATCH = 1000
_SCRATCH_S = 24 * 3600.0


class Rules(msgspec.Struct, frozen=True):
    """How to collect. now is asked again between removals."""

    keep_runs: timedelta = timedelta(days=90)
    grace: timedelta = GRACE
    dry_run: bool = False
    now: Callable[[], datetime] = clock.now


class GcReport(msgspec.Struct, frozen=True):
    """What a collection found and did; in a dry run: would do."""

    at: datetime
    dry_run: bool
    kept: int  # objects that are referred to
    kept_bytes: int
    marked: int  # objects that nothing refers to and that still have grace
    marked_bytes: int
    removed: tuple[str, ...]  # keys
    removed_bytes: int
    format: int = 1


class _Marks(msgspec.Struct, frozen=True):
    marked: dict[str, datetime]  # key: since when nothing is known to refer to it
    format: int = 1


def collect(
    bucket: Bucket, roots: Iterable[str], contents: Contents, rules: Rules | None = None
) -> GcReport:
    """Mark what neither roots (digests) nor records refer to; remove what was marked a grace ago.

    SomebodyElseFirst if another collection is under way. A dry run writes nothing at all.
    """
    rules = rules or Rules()
    at = rules.now()
    turn = None if rules.dry_run else Turn(bucket, at)
    # What follows is seen after the turn was taken: a writer whose Watch was undisturbed till then
    # has already dated anew what it builds on, and any other will look again when we are done.
    survey = Survey(bucket, contents, roots)
    survey.look(runs_since=at - rules.keep_runs, young_since=at - rules.grace)
    marks = _marks(bucket)
    marked = {entry.key: _marked(entry, marks, at) for entry in survey.garbage}
    due = [entry for entry in survey.garbage if marked[entry.key] <= at - rules.grace]
    if turn:
        _remove(bucket, due, turn, rules)
        waiting = marked.keys() - {entry.key for entry in due}
        left = _Marks({key: marked[key] for key in sorted(waiting)})
        bucket.put(_MARKS, msgspec.json.encode(left))
        turn.end(rules.now(), removed=len(due), removed_bytes=_size(due))
    return GcReport(
        at=at,
        dry_run=rules.dry_run,
        kept=len(survey.kept),
        kept_bytes=_size(survey.kept),
        marked=len(survey.garbage) - len(due),
        marked_bytes=_size(survey.garbage) - _size(due),
        removed=tuple(entry.key for entry in due),
        removed_bytes=_size(due),
    )


def _marks(bucket: Bucket) -> dict[str, datetime]:
    """Return the marks of earlier collections; without them everything has its whole grace."""
    try:
        return msgspec.json.decode(bucket.get(_MARKS), type=_Marks).marked
    except (Missing, msgspec.DecodeError):
        return {}


def _marked(entry: Entry, marks: dict[str, datetime], at: datetime) -> datetime:
    """Return since when an object is marked; what was written since then is marked anew."""
    since = marks.get(entry.key, at)
    return since if entry.modified <= since else at


def _remove(bucket: Bucket, due: list[Entry], turn: Turn, rules: Rules) -> None:
    for start in range(0, len(due), _BATCH):
        if not turn.lasts(rules.now()):
            raise SomebodyElseFirst(
                f"the collection in {bucket.url} took so long that its turn is over",
                remedy="Run it again; it goes on where it stopped",
            )
        bucket.delete([entry.key for entry in due[start : start + _BATCH]])
    if isinstance(bucket, FolderBucket):
        bucket.sweep(older_than_s=_SCRATCH_S, now=rules.now())


def _size(entries: list[Entry]) -> int:
    return sum(entry.size_bytes for entry in entries)
