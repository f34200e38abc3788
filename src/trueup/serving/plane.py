"""The data plane: a model's name and rows in, the answer of one of its versions out.

It knows no HTTP, no file and no bucket. Whoever asks takes a version, reads the rows as that
version needs them, has them answered, and releases it: a swap never mixes two versions.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from trueup.captures.ids import new_ids
from trueup.captures.records import Captured, Labelled
from trueup.errors import did_you_mean
from trueup.models.outputs import Outputs
from trueup.serving.beside import Beside
from trueup.serving.capturing import captured
from trueup.serving.counting import Counts
from trueup.serving.fields import Flag
from trueup.serving.refusals import FieldsWrong, NotServed, TooBusy
from trueup.serving.routing import Routing
from trueup.serving.rows import Rows
from trueup.serving.served import Served, Terms
from trueup.serving.shadows import Shadows
from trueup.serving.syncing import Syncing
from trueup.serving.trial import Trial


class Captures(Protocol):
    """Where answered rows and labels go: a spool, which never makes anybody wait."""

    def offer(self, batch: Captured | Labelled) -> bool:
        """Take rows, or say at once that there is no room for them; they are counted there."""
        ...

    def drain(self, *, timeout_s: float = 10.0) -> bool:
        """Return when no crash can cost what was taken; False where that takes longer."""
        ...


class Answer(msgspec.Struct):
    """What one version answered."""

    served: Served
    ids: Sequence[str]
    outputs: Outputs
    flags: tuple[Flag, ...]
    explored: tuple[int, ...] = ()  # rows whose label is to be brought, whatever was answered

    @property
    def to_be_labelled(self) -> list[str]:
        """The ids of these rows."""
        return [self.ids[k] for k in self.explored]


class Line:
    """One model that is served, under its own name, by whichever version is live."""

    def __init__(
        self, name: str, live: Served, terms: Terms, routing: Routing | None = None
    ) -> None:
        self.name, self.live, self.terms, self.routing = name, live, terms, routing
        self.trouble = ""  # why the newest version is not the live one
        self.trial: Trial | None = None  # where its routing says that there may be a challenger

    @property
    def model(self) -> str:
        """The model's full name."""
        return self.live.named.model

    @property
    def on_trial(self) -> dict[str, object]:
        """What is said of a challenger; nothing where there may be none."""
        if self.trial is None:
            return {}
        challenger = self.trial.challenger
        version = None if challenger is None else challenger.named.version
        return {"challenger": version, "challenger_trouble": self.trial.trouble}


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
        self._syncing = Syncing(captures.drain)
        for line in lines:
            line.live.batcher.on_batch = self.counts.batch
            if line.routing is not None:
                beside = Beside(line.name, captures.offer, self.counts)
                shadows = Shadows(beside, lambda: self.open > 0)
                line.trial = Trial(line.routing, line.terms.limits, beside, shadows)

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

    async def answer(
        self, line: Line, served: Served, rows: Rows, *, exactly: bool = False
    ) -> Answer:
        """Have rows answered, and captured: by the version that was taken, where that was asked.

        Else by the challenger, where they belong to its share.
        """
        if line.trial is not None and line.trial.on:
            tried = await line.trial.answer(served, rows, alone=self.open <= 1, exactly=exactly)
            return Answer(tried.served, tried.ids, tried.outputs, tried.rows.flags, tried.explored)
        start = time.perf_counter()
        taken = rows.given if rows.coded is None else rows.coded
        outputs = await served.batcher.answer(taken, rows.count, alone=self.open <= 1)
        ids = rows.ids or new_ids(rows.count)
        spent_s = time.perf_counter() - start
        self.captures.offer(captured(served, rows, ids, outputs, spent_s))
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
                {}, refused=error.problem[:500], environment=named.environment,
            )
        )  # fmt: skip

    async def labelled(self, line: Line, ids: Sequence[str], labels: Any, source: str = "") -> bool:
        """Take the truths for predictions; whether they are safe now, also if the power fails."""
        kept = self.captures.offer(Labelled(line.model, ids, labels, time.time_ns(), source))
        kept = kept and await self._syncing.synced(line.terms.limits.answer_s / 2)
        self.counts.labelled(line.name, len(ids), kept=kept)
        return kept

    def end(self) -> None:
        """End what goes on beside the requests."""
        for line in self.lines.values():
            if line.trial is not None:
                line.trial.shadows.end()

    def _in_full(self, name: str) -> Line | None:
        return next((one for one in self.lines.values() if one.model == name), None)


class Nowhere:
    """Captures that nobody keeps."""

    def offer(self, batch: Captured | Labelled) -> bool:
        """Take them and forget them."""
        return True

    def drain(self, *, timeout_s: float = 10.0) -> bool:
        """Return at once: nothing is ever on its way."""
        return True


async def _nothing_new() -> None:
    """Look nowhere: what is served is pinned."""
