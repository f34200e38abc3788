"""Which rows a model has seen: recorded with its version, and found among those it is judged on."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.config.paths import normal
from trueup.delivery.scanning import Unreadable, columns_of, is_table, tables_in
from trueup.delivery.training import Training, holds, training_of
from trueup.pipeline.graph import Graph
from trueup.store.formats import Stored

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from trueup.gate.arrays import Truths

FORMAT = 1
PART = "seen"  # what it is called among a version's parts
_DECLARE = "name the tables that it was trained on under seen: of the model"
_NAMED = 4  # tables in a sentence


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rows a model was trained, tuned, stopped or calibrated on; unknown where none of three.

    ``ids`` are BLAKE3 digests of 8 bytes, sorted, each once. ``cutoff`` is the last time in the
    tables, where they have no ids. ``leaked`` is the path of evaluation data that training reads,
    where neither ids nor times say which of its rows those are: all.
    """

    how: str  # a sentence for people
    ids: bytes = b""
    cutoff: str = ""
    leaked: str = ""
    by_ids: bool = False  # ids holds all there are, be it none

    @property
    def known(self) -> bool:
        """Whether it can be told which rows were seen."""
        return self.by_ids or bool(self.cutoff or self.leaked)

    @property
    def rows(self) -> int:
        """How many rows are known by id."""
        return len(self.ids) // 8


class Judged(Protocol):
    """The rows that models are judged on, as far as this looks at them."""

    @property
    def entry(self) -> EvaluateEntry:
        """Return what the project says of them."""
        ...

    @property
    def frame(self) -> "pl.DataFrame":
        """Return all rows."""
        ...

    @property
    def ids(self) -> "pl.Series | None":
        """Return the id of each."""
        ...

    @property
    def time(self) -> "pl.Series | None":
        """Return the time of each."""
        ...


def seen_by(root: Path, model: ModelEntry, graph: Graph) -> Seen:
    """Return which rows the model at its path was trained on.

    From the tables under ``seen:``, else from those that the training stages read. A table that
    is not here or cannot be read makes it unknown, never less.
    """
    evaluate = model.evaluate
    if evaluate is None:
        return _unknown("the model has no evaluate: that names the column of ids")
    rows = normal(evaluate.data or evaluate.predictions, ".", str(root))
    if model.seen:
        read = Training(reads=tuple(normal(path, ".", str(root)) for path in model.seen))
        whose = "seen: of the model"
    else:
        if not model.path:
            return _unknown("a file of predictions does not say what its model was trained on")
        read = training_of(graph, normal(model.path, ".", str(root)), rows)
        whose = f"{'stages' if len(read.stages) > 1 else 'stage'} {_listed(read.stages)}"
    if read.why_not:
        return _unknown(read.why_not)
    found = _found(root, read.reads, evaluate, whose)
    leaked = next((path for path in read.reads if holds(path, rows) or holds(rows, path)), "")
    if not leaked:
        return found
    how = f"{whose} reads {leaked}, in which lie the rows it is judged on ({rows}); {found.how}"
    wholly = "" if found.known else evaluate.data or evaluate.predictions
    return msgspec.structs.replace(found, leaked=wholly, how=how)


def rows_seen(seen: Seen, judged: Judged) -> "Truths | None":
    """Return a mask of the rows that a model has seen; None where it cannot be known.

    A row without id (or time, where that decides) cannot be shown to be new, so it is seen.
    """
    import numpy as np

    from trueup.delivery import identities, moments

    entry = judged.entry
    if seen.leaked and seen.leaked == (entry.data or entry.predictions):
        return np.ones(judged.frame.height, dtype=np.bool_)
    if seen.by_ids:
        if judged.ids is None:
            return None
        try:
            text = identities.texts(judged.ids)
        except identities.NoIds:
            return None
        known = identities.among(identities.digests(text), identities.unpacked(seen.ids))
        mask: Truths = known | text.is_null().to_numpy()
        return mask
    if seen.cutoff and judged.time is not None:
        times = moments.moments(judged.time)
        return None if times is None else times.until(seen.cutoff)
    return None


def seen_by_any(masks: Sequence["Truths | None"]) -> tuple["Truths | None", bool]:
    """Return the rows that some model has seen, and whether that is known of every model."""
    known = [mask for mask in masks if mask is not None]
    if not known:
        return None, not masks
    joined = known[0].copy()
    for mask in known[1:]:
        joined |= mask
    return joined, len(known) == len(masks)


def encode(seen: Seen) -> bytes:
    """Return it as bytes, the same for the same rows: MessagePack, as ids are no text."""
    return msgspec.msgpack.encode({"format": FORMAT, **msgspec.structs.asdict(seen)})


def decode(body: bytes, place: str) -> Seen:
    """Return what was encoded; WrongUsage for a newer format, NotProven for anything else."""
    return _STORED.read(body, place)


_STORED: Stored[Seen] = Stored(
    msgspec.msgpack.Decoder(Seen), FORMAT, "seen rows are", "not the seen rows of a version"
)


class _Unknown(Exception):
    """Why it cannot be told what was seen."""


class _Found:
    """What the tables hold: ids where there are any, else times."""

    def __init__(self, evaluate: EvaluateEntry) -> None:
        self.id, self.time = evaluate.id, evaluate.time
        self.ids: list[NDArray[np.uint64]] = []
        self.named: list[str] = []  # tables with ids
        self.latest: list[str] = []
        self.timed: list[str] = []  # tables with times
        self.without: list[str] = []  # tables without ids

    def look(self, table: Path, shown_as: str) -> None:
        """Take the ids of a table, or its last time."""
        from trueup.delivery import identities
        from trueup.delivery.moments import moments

        wanted = [name for name in (self.id, self.time) if name]
        try:
            frame = columns_of(table, list(dict.fromkeys(wanted)))
            if self.id in frame.columns:
                text = identities.texts(frame[self.id]).drop_nulls().unique()
                self.ids.append(identities.digests(text))
                self.named.append(shown_as)
                return
        except (Unreadable, identities.NoIds) as error:
            raise _Unknown(f"{shown_as} cannot be read: {error}") from error
        self.without.append(shown_as)
        if self.time in frame.columns:
            times = moments(frame[self.time])
            last = times.latest() if times else None
            if last:
                self.latest.append(last)
                self.timed.append(shown_as)

    def seen(self, whose: str) -> Seen:
        """Return the record; raises _Unknown."""
        if self.ids:
            import numpy as np

            from trueup.delivery.identities import packed

            body = packed(np.concatenate(self.ids))
            rows = len(body) // 8
            count = f"{rows:,} {'row' if rows == 1 else 'rows'} by {self.id}"
            but = f"; without {self.id}: {_listed(self.without)}" if self.without else ""
            how = f"{whose}: {count}, from {_listed(self.named)}{but}"
            return Seen(how, ids=body, by_ids=True)
        if self.latest:
            return self._until(whose)
        if not (self.id or self.time):
            raise _Unknown("evaluate: names no column of ids (id:) and none of times (time:)")
        columns = " or ".join(name for name in (self.id, self.time) if name)
        raise _Unknown(f"{whose} reads no table with {columns}")

    def _until(self, whose: str) -> Seen:
        import polars as pl

        from trueup.delivery.moments import moments

        together = moments(pl.Series(self.latest))
        cutoff = together.latest() if together else None
        if cutoff is None:
            raise _Unknown(f"the times in {_listed(self.timed)} cannot be compared")
        no_ids = f"no table has {self.id}, so " if self.id else ""
        how = f"{whose}: {no_ids}rows until {cutoff} by {self.time}, from {_listed(self.timed)}"
        return Seen(how, cutoff=cutoff)


def _found(root: Path, reads: Iterable[str], evaluate: EvaluateEntry, whose: str) -> Seen:
    found = _Found(evaluate)
    try:
        for path in reads:
            _check_here(root, path)
            for table in tables_in(root, path):
                below = table.relative_to(root / path)
                found.look(table, (Path(path) / below).as_posix())
        return found.seen(whose)
    except _Unknown as unknown:
        return _unknown(str(unknown))


def _check_here(root: Path, path: str) -> None:
    """A table that was not fetched may hold any rows; a script that is missing holds none."""
    may_hold = is_table(path) or not Path(path).suffix
    if may_hold and not (root / path).exists():
        raise _Unknown(f"{path} is not here (fetch it with: trueup pull)")


def _unknown(why: str) -> Seen:
    return Seen(f"not known: {why}; {_DECLARE}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
