"""The data plane: a model's name and rows in, the answer of one of its versions out.

It knows no HTTP, no file and no bucket. Whoever asks takes a version, reads the rows as that
version needs them, has them answered, and releases it: a swap never mixes two versions.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from trueup.captures.ids import new_ids
from trueup.captures.records import Captured, Labelled, Matrix, Role
from trueup.errors import did_you_mean
from trueup.models.outputs import Outputs
from trueup.serving.counting import Counts
from trueup.serving.fields import Flag
from trueup.serving.refusals import FieldsWrong, NotServed, TooBusy
from trueup.serving.rows import Rows
from trueup.serving.served import Served, Terms


class Captures(Protocol):
    """Where answered rows and labels go: a spool, which never makes anybody wait."""

    def offer(self, batch: Captured | Labelled) -> bool:
        """Take rows, or say at once that there is no room for them; they are counted there."""
        ...


class Answer(msgspec.Struct):
    """What one version answered."""

    served: Served
    ids: Sequence[str]
    outputs: Outputs
    flags: tuple[Flag, ...]


class Line:
    """One model that is served, under its own name, by whichever version is live."""

    def __init__(self, name: str, live: Served, terms: Terms) -> None:
        self.name, self.live, self.terms = name, live, terms
        self.trouble = ""  # why the newest version is not the live one

    @property
    def model(self) -> str:
        """The model's full name."""
        return self.live.named.model


class Taken:
    """A version for the time of one request; what of its rows is refused is captured."""

    __slots__ = ("_plane", "_served")

    def __init__(self, plane: "Plane", served: Served) -> None:
        self._plane, self._served = plane, served

    def __enter__(self) -> Served:
        self._served.open += 1
        return self._served

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._served.release()
        if isinstance(error, FieldsWrong):
            self._plane.refused(self._served, error)


class Plane:
    """Everything that is served in this process."""

    def __init__(self, lines: Sequence[Line], captures: Captures, release: str = "") -> None:
        self.lines = {line.name: line for line in lines}
        self.release = release  # of trueup
        self.captures, self.counts = captures, Counts()
        self.look: Callable[[], Awaitable[None]] = _nothing_new
        self.ready = True
        self.open = 0
        self._most = min(line.terms.limits.concurrency for line in lines)
        for line in lines:
            line.live.batcher.on_batch = self.counts.batch

    @property
    def only(self) -> Line:
        """The first model; the only one as a rule."""
        return next(iter(self.lines.values()))

    def line(self, name: str = "", version: str = "") -> Line:
        """Return the line of a model; NotServed for another name, or a version that is not live."""
        found = self.lines.get(name) or self._in_full(name) if name else self.only
        if found is None:
            near = did_you_mean(name, self.lines)
            raise NotServed(
                f"there is no model {name[:80]!r} here",
                remedy=f"{near}It serves: {', '.join(self.lines)}",
            )
        if version and version != str(found.live.named.version):
            raise NotServed(
                f"{found.name} is served in version {found.live.named.version}, not"
                f" {version[:20]!r}",
                remedy="Leave the version out to ask the one that is live",
            )
        return found

    def enter(self) -> None:
        """Count a request in; TooBusy where there are too many."""
        if self.open >= self._most:
            self.counts.refused("busy")
            raise TooBusy(
                f"{self.open} requests are under way, at most {self._most} may be",
                remedy="Try again in a moment, or start more replicas",
            )
        self.open += 1

    def leave(self) -> None:
        """Count a request out."""
        self.open -= 1

    def taken(self, line: Line) -> Taken:
        """Take the version that is live now, for a ``with``."""
        return Taken(self, line.live)

    async def answer(self, line: Line, served: Served, rows: Rows) -> Answer:
        """Have rows answered by a version that was taken, and captured."""
        start = time.perf_counter()
        taken = rows.given if rows.coded is None else rows.coded
        outputs = await served.batcher.answer(taken, rows.count, alone=self.open <= 1)
        ids = rows.ids or new_ids(rows.count)
        spent_s = time.perf_counter() - start
        self.captures.offer(self._captured(served, rows, ids, outputs, spent_s))
        self.counts.answered(line.name, rows, spent_s)
        return Answer(served, ids, outputs, rows.flags)

    def refused(self, served: Served, error: FieldsWrong) -> None:
        """Capture what was not answered, and why, as text; the spool bounds how much of it."""
        named, sent = served.named, error.sent
        count = max((len(one) for one in sent.values()), default=1)
        self.counts.refused("fields")
        self.captures.offer(
            Captured(
                named.model, named.version, named.digest, time.time_ns(), new_ids(count), sent,
                {}, refused=error.problem[:500],
            )
        )  # fmt: skip

    def labelled(self, line: Line, ids: Sequence[str], labels: Any, source: str = "") -> bool:
        """Take the truths for predictions; whether there was room for them."""
        kept = self.captures.offer(Labelled(line.model, ids, labels, time.time_ns(), source))
        self.counts.labelled(line.name, len(ids), kept=kept)
        return kept

    def _captured(
        self, served: Served, rows: Rows, ids: Sequence[str], outputs: Outputs, spent_s: float
    ) -> Captured:
        named = served.named
        flags = _words(rows) if rows.flags else {}
        role: Role = "champion"
        inputs: Any = rows.given
        if served.fields.plain and rows.coded is not None:
            inputs = Matrix(served.fields.names, rows.coded.T)
        return Captured(
            named.model, named.version, named.digest, time.time_ns(), ids, inputs, outputs,
            flags, spent_s, role,
        )  # fmt: skip

    def _in_full(self, name: str) -> Line | None:
        return next((one for one in self.lines.values() if one.model == name), None)


class Nowhere:
    """Captures that nobody keeps."""

    def offer(self, batch: Captured | Labelled) -> bool:
        """Take them and forget them."""
        return True


async def _nothing_new() -> None:
    """Look nowhere: what is served is pinned."""


def _words(rows: Rows) -> dict[str, list[str]]:
    """Return a word a row for each flagged column; empty for nothing unusual."""
    found: dict[str, list[str]] = {}
    for flag in rows.flags:
        words = found.setdefault(flag.column, [""] * rows.count)
        for row in flag.rows:
            words[row] = flag.kind
    return found
