"""One part of a table: read, answered, and made into what is written and what is captured."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.captures import keeping
from trueup.captures.frames import frames_of
from trueup.captures.records import Captured, Rules
from trueup.models.signature import Field
from trueup.serving.batch import writing
from trueup.serving.batch.cells import cells_of
from trueup.serving.batch.keeping import Kept, frames_kept
from trueup.serving.batch.reading import Read, Wishes, read, said_of
from trueup.serving.batch.record import Counted, Job
from trueup.serving.batch.rowids import Seed, moment_of, row_ids
from trueup.serving.batch.scoring import Answered, Asking
from trueup.serving.batch.tables import Cursor, Part, Tables
from trueup.serving.batch.work import REJECTED, ROWS, Done, Work
from trueup.serving.served import Served

if TYPE_CHECKING:
    import polars as pl

_SENT_LETTERS = 200


class Answering(msgspec.Struct, frozen=True):
    """Who answers a job's rows, and what is kept of them."""

    served: Served
    job: Job
    at_ns: int  # when the job was begun
    rules: Rules


class Scorer:
    """Scores parts one after the other into a work folder."""

    def __init__(self, answering: Answering, asking: Asking, work: Work) -> None:
        self._served, self._job, self._rules = answering.served, answering.job, answering.rules
        self._asking, self._work = asking, work
        moment = moment_of(self._job.partition)
        self._at_ns = answering.at_ns if moment is None else int(moment.timestamp()) * 10**9
        form = self._served.form
        self._wishes = Wishes(form.coded, self._job.strict, self._job.id)
        self._seeds = _seeds(self._job)

    def parts(self, tables: Tables) -> Iterator[Part]:
        """Yield the parts that are not scored yet."""
        at = self._work.marks[-1].end if self._work.marks else Cursor()
        while (part := tables.part(at)) is not None:
            yield part
            at = part.end

    def score(self, part: Part) -> None:
        """Score a part and keep what comes of it."""
        found = read(self._served.fields, part, self._wishes)
        moments = self._moments(part, found)
        begun = time.perf_counter()
        answered = self._answered(found)
        spent_s = time.perf_counter() - begun
        for place, why in answered.failed.items():
            found.wrong[int(found.places[place])] = [why]
        ids = self._ids(part, found, answered)
        rows = self._rows(found, answered, ids)
        refused, taken = self._refusals(part, found)
        frames = list(frames_of(refused))
        if len(ids):
            kept = self._kept(found, answered, ids, moments)
            latency_s = spent_s / found.rows.count
            frames = [*frames_kept(self._served.named, kept, self._rules, latency_s), *frames]
        file = self._job.tables[part.begin.file].name
        tables = {
            ROWS: rows,
            REJECTED: writing.rejected(part.frame, found.wrong, part.begin.row, file),
        }
        counted = Counted(len(ids), len(found.wrong), _flagged(found, answered))
        mark = Done(part.end, counted, self._refusals_before() + taken, spent_s)
        self._work.keep(tables, frames, mark)

    def _answered(self, found: Read) -> Answered:
        if not found.rows.count:
            return Answered({}, np.zeros(0, np.int64), {})
        return self._asking.answers(found.rows)

    def _ids(self, part: Part, found: Read, answered: Answered) -> "pl.Series":
        import polars as pl

        if found.ids is not None:
            return found.ids.gather(answered.kept)
        made = row_ids(self._seeds[part.begin.file], part.begin.row, part.frame.height)
        return pl.Series("id", made, dtype=pl.String).gather(found.places[answered.kept])

    def _rows(self, found: Read, answered: Answered, ids: "pl.Series") -> "pl.DataFrame":
        if not len(ids):
            return writing.nothing_predicted(self._job.id or "id", self._served.outputs)
        said = said_of(found.rows, answered.kept)
        wanted = writing.Answers(self._job.id or "id", ids, answered.outputs, said)
        return writing.predictions(self._served.named, wanted)

    def _kept(
        self, found: Read, answered: Answered, ids: "pl.Series", moments: "list[int] | None"
    ) -> Kept:
        kept, rows = answered.kept, found.rows
        some = len(kept) < rows.count
        return Kept(
            ids,
            {n: one.gather(kept) if some else one for n, one in rows.given.items()},
            answered.outputs,
            said_of(rows, kept),
            self._at_ns if moments is None else [moments[k] for k in kept.tolist()],
        )

    def _moments(self, part: Part, found: Read) -> "list[int] | None":
        """Return when each row was asked, in nanoseconds; rows that do not say it are rejected."""
        if not self._job.at:
            return None
        field = Field(self._job.at, "time")
        cells = cells_of(field, part.frame[field.name], as_text=part.as_text)
        times = cells.values
        late = {int(k) for k in times.is_null().arg_true().to_list()} - set(found.wrong)
        if late:
            for place in late:
                says = cells.wrong.get(place, "has no value, but says when a row was asked")
                found.wrong[place] = [f"{field.name} {says}"]
            keep = np.flatnonzero(~np.isin(found.places, list(late)))
            found.rows = _some(found.rows, keep)
            found.places = found.places[keep]
            found.ids = None if found.ids is None else found.ids.gather(keep)
        said = times.gather(found.places).dt.epoch("us").to_list()
        return [one * 1000 for one in said]

    def _refusals(self, part: Part, found: Read) -> tuple[list[Captured], int]:
        """Return the first rejected rows of a job as captures, within the bound on refusals."""
        left = self._rules.refusals_per_minute - self._refusals_before()
        places = sorted(found.wrong)[: max(0, left)]
        named = self._served.named
        seed = self._seeds[part.begin.file]
        made = []
        for place in places:
            row = part.frame.row(place, named=True)
            sent = {name: [_sent(row[name])] for name in self._served.fields.names}
            ids = row_ids(seed, part.begin.row + place, 1)
            why = "; ".join(found.wrong[place])
            one = Captured(
                named.model, named.version, named.digest, self._at_ns, ids, sent, {},
                role="batch", refused=why[:500], environment=named.environment,
            )  # fmt: skip
            made.append(keeping.redacted(one, self._rules))
        return made, len(places)

    def _refusals_before(self) -> int:
        return self._work.marks[-1].refusals if self._work.marks else 0


def _some(rows: Any, keep: "np.ndarray[Any, Any]") -> Any:
    """Return some of read rows."""
    from trueup.serving.fields import Flag

    place_of = {int(old): new for new, old in enumerate(keep.tolist())}
    flags = []
    for flag in rows.flags:
        left = tuple(place_of[row] for row in flag.rows if row in place_of)
        if left:
            flags.append(Flag(flag.column, flag.kind, left))
    return msgspec.structs.replace(
        rows,
        count=len(keep),
        given={name: one.gather(keep) for name, one in rows.given.items()},
        coded=None if rows.coded is None else rows.coded[:, keep],
        flags=tuple(flags),
    )


def _flagged(found: Read, answered: Answered) -> dict[str, dict[str, int]]:
    kept = set(answered.kept.tolist()) if answered.failed else None
    counted: dict[str, dict[str, int]] = {}
    for flag in found.rows.flags:
        rows = len(flag.rows) if kept is None else len(kept.intersection(flag.rows))
        if rows:
            counted.setdefault(flag.column, {})[flag.kind] = rows
    return counted


def _seeds(job: Job) -> list[Seed]:
    seen: dict[str, int] = {}
    made = []
    for one in job.tables:
        nth = seen[one.digest] = seen.get(one.digest, -1) + 1
        made.append(Seed(job.model, job.partition, one.digest, nth))
    return made


def _sent(value: Any) -> str | None:
    return None if value is None else str(value)[:_SENT_LETTERS]
