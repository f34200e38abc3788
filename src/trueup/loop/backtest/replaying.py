"""One policy taken through a history, step by step: what it decides, and what becomes of that.

A replay is a generator: it yields questions and is sent their answers, so that equal answers make
equal replays, and many replays can share the answers.
"""

from collections.abc import Callable, Generator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from trueup.loop.backtest.policies import Line
from trueup.loop.backtest.questions import (
    Answer,
    Judge,
    Look,
    Looked,
    Made,
    Make,
    Question,
    Verdict,
)
from trueup.loop.backtest.records import Outcome, Step
from trueup.loop.deciding import decide
from trueup.loop.events import Began, Decided, End, Ended
from trueup.loop.history import History
from trueup.loop.observations import Labels, Observations, WindowSeen
from trueup.loop.triggers import look

BY = "backtest"
Sets: TypeAlias = Callable[[Mapping[str, Any], datetime, datetime | None], tuple[str, ...]]
Replay: TypeAlias = "Generator[Question, Answer, Replayed]"


class Course(msgspec.Struct, frozen=True):
    """The moments at which something may be decided, and what is known of labels at each."""

    begin: datetime
    end: datetime
    step_s: float
    labels: Mapping[datetime, Labels] = {}  # that have arrived by then

    def moments(self) -> list[datetime]:
        """Return the moments of decisions: the end of each step but the last.

        >>> begin, end = datetime(2026, 1, 5), datetime(2026, 1, 8)
        >>> [one.day for one in Course(begin, end, 86400.0).moments()]
        [6, 7]
        """
        found, step = [], timedelta(seconds=self.step_s)
        moment = self.begin + step
        while moment < self.end:
            found.append(moment)
            moment += step
        return found


class Reign(msgspec.Struct, frozen=True):
    """A model that is live from a moment on."""

    begin: datetime
    made: Make
    digest: str


class Replayed(msgspec.Struct, frozen=True):
    """What a policy came to; ``hits`` are the triggers that had hit at a moment."""

    reigns: tuple[Reign, ...]
    steps: tuple[Step, ...]
    windows: tuple[tuple[datetime, WindowSeen], ...]  # and when each was seen first
    hits: dict[datetime, tuple[str, ...]]


class FirstFailed(Exception):
    """The first champion could not be made, so there is nothing to replay."""


def replay(line: Line, course: Course, sets: Sets) -> Replay:
    """Take a policy through a history; ``sets`` gives its parameters as of a moment and a hold-out.

    Raises FirstFailed where the pipeline fails as of the beginning.
    """
    replaying = _Replaying(line, course, sets)
    yield from replaying.begin()
    for now in course.moments():
        yield from replaying.step(now)
    return replaying.replayed()


class _Replaying:
    """A policy on its way."""

    def __init__(self, line: Line, course: Course, sets: Sets) -> None:
        self.line, self.course, self.sets = line, course, sets
        self.history = History().then(Began(at=course.begin, by=BY, policy=line.policy.digest))
        self.reigns: list[Reign] = []
        self.numbers: dict[str, int] = {}  # of models, by digest
        self.withdrawn: set[str] = set()
        self.steps: list[Step] = []
        self.windows: dict[tuple[datetime, str], tuple[datetime, WindowSeen]] = {}
        self.hits: dict[datetime, tuple[str, ...]] = {}

    def begin(self) -> Generator[Question, Answer, None]:
        begin, held_s = self.course.begin, self.line.policy.holdout_s
        asked = self._make(begin, begin - timedelta(seconds=held_s) if held_s else None)
        made = yield asked
        assert isinstance(made, Made)  # noqa: S101 - the answer to a Make
        if made.failed:
            raise FirstFailed(made.failed)
        self._enthrone(self.course.begin, asked, made.digest)

    def step(self, now: datetime) -> Generator[Question, Answer, None]:
        seen = yield from self._observed(now)
        decision = decide(self.line.policy, self.history, seen, now)
        looks = [(one, look(one, seen, self.history, now)) for one in self.line.policy.triggers]
        self.hits[now] = tuple(one.text for one, found in looks if hasattr(found, "as_of"))
        for action in decision.actions:
            if not isinstance(action, Decided):
                self.history = self.history.then(msgspec.structs.replace(action, by=BY))
                continue
            decided = msgspec.structs.replace(action, by=BY)
            self.history = self.history.then(decided)
            end, step = yield from self._carried(decided)
            ended = Ended(at=now, by=BY, decision=decided.decision, epoch=0, end=end)
            self.history = self.history.then(ended)
            self.steps.append(step)

    def replayed(self) -> Replayed:
        seen = tuple(self.windows[key] for key in sorted(self.windows))
        return Replayed(tuple(self.reigns), tuple(self.steps), seen, self.hits)

    def _observed(self, now: datetime) -> Generator[Question, Answer, Observations]:
        live = self.reigns[-1]
        looked = Looked()
        if self.line.watches:
            found = yield Look(live.made, live.begin, now)
            assert isinstance(found, Looked)  # noqa: S101 - the answer to a Look
            looked = found
        number, before = self.numbers[live.digest], self._before()
        windows = tuple(msgspec.structs.replace(one, version=number) for one in looked.windows)
        for one in windows:
            self.windows[live.begin, one.name] = (
                self.windows.get((live.begin, one.name), (now, one))[0], one,
            )  # fmt: skip
        return Observations(
            registry_event=len(self.reigns),
            champion=number,
            previous=self.numbers[before.digest] if before else None,
            windows=windows,
            labels=self.course.labels.get(now),
            estimates_may_trigger=looked.may_trigger,
            why_not=looked.why_not,
        )

    def _carried(self, decided: Decided) -> Generator[Question, Answer, tuple[End, Step]]:
        cause = decided.cause
        step = Step(decided.at, decided.do, cause.kind, cause.says, "notified")
        if decided.do == "notify":
            return "notified", step
        if decided.do == "rollback":
            return self._rolled_back(decided, step)
        asked = self._make(cause.as_of, decided.holdout_from)
        made = yield asked
        assert isinstance(made, Made)  # noqa: S101 - the answer to a Make
        if made.failed:
            return "failed", _came(step, "failed", made, (made.failed,))
        live = self.reigns[-1]
        if made.digest == live.digest:
            says = "training has made the same model"
            return "no change", _came(step, "no change", made, (says,))
        verdict = Verdict("pass", go_on=True)
        if self.line.gated:
            found = yield Judge(asked, live.made)
            assert isinstance(found, Verdict)  # noqa: S101 - the answer to a Judge
            verdict = found
        if verdict.go_on and made.digest in self.withdrawn:
            says = "it was rolled back, which no loop undoes"
            return "refused", _came(step, "refused", made, (says,))
        if verdict.go_on:
            self._enthrone(decided.at, asked, made.digest)
            return "promoted", _came(step, "promoted", made, verdict.reasons)
        outcome: Outcome = _OUTCOMES[verdict.word]
        return outcome, _came(step, outcome, made, verdict.reasons)

    def _rolled_back(self, decided: Decided, step: Step) -> tuple[End, Step]:
        live, before = self.reigns[-1], self._before()
        assert before is not None  # noqa: S101 - decide has looked that there is one
        self.withdrawn.add(live.digest)
        self._enthrone(decided.at, before.made, before.digest)
        return "rolled back", msgspec.structs.replace(
            step, outcome="rolled back", candidate=before.digest
        )

    def _before(self) -> Reign | None:
        """Return the model that a rollback goes to: none that was itself rolled back."""
        past = (one for one in reversed(self.reigns) if one.digest not in self.withdrawn)
        return next((one for one in past if one.digest != self.reigns[-1].digest), None)

    def _make(self, as_of: datetime, holdout: datetime | None) -> Make:
        return Make(self.sets(self.line.policy.params, as_of, holdout), as_of, holdout)

    def _enthrone(self, at: datetime, asked: Make, digest: str) -> None:
        self.numbers.setdefault(digest, len(self.numbers) + 1)
        self.reigns.append(Reign(at, asked, digest))


_OUTCOMES: dict[str, Outcome] = {
    "fail": "refused", "inconclusive": "inconclusive", "no change": "no change",
}  # fmt: skip


def _came(step: Step, outcome: Outcome, made: Made, reasons: tuple[str, ...]) -> Step:
    return msgspec.structs.replace(
        step, outcome=outcome, candidate=made.digest, reasons=reasons, seconds=made.seconds
    )
