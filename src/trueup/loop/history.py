"""What happened in one model's loop, as a value: a pure fold of its events, one after another."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from trueup.errors import NotProven
from trueup.loop.events import (
    Acted,
    Aftermath,
    Began,
    Claimed,
    Decided,
    Ended,
    Event,
    Guarded,
    IncidentClosed,
    IncidentOpened,
    MessageSent,
    PullRequestClosed,
    PullRequestOpened,
    PullRequestUpdated,
    Resumed,
    Step,
)


class Course(msgspec.Struct, frozen=True):
    """What became of one decision so far."""

    decided: Decided
    number: int  # of its event
    claim: Claimed | None = None  # the last one
    guarded: Guarded | None = None
    acts: dict[Step, Acted] = {}  # the last of each step
    rested: int = 0  # epoch that came to an end of its own: a trial was looked at
    left: int = 0  # passes since then that gave it back, for the next one
    ended: Ended | None = None
    aftermath: Aftermath | None = None

    @property
    def epoch(self) -> int:
        """Return the epoch of the last claim; 0 before the first."""
        return self.claim.epoch if self.claim else 0

    def free(self, now: datetime) -> bool:
        """Say whether it is to be carried on, and nobody does."""
        return self.ended is None and (self.claim is None or self.claim.until <= now)

    def done(self, step: Step) -> Acted | None:
        """Return a step that is over, however it came out; None where it is not."""
        act = self.acts.get(step)
        return act if act is not None and act.state != "started" else None

    @property
    def trial(self) -> Acted | None:
        """Return how a version was put on trial; None where none is on trial for it."""
        out = self.done("canary")
        return out if out is not None and out.state == "done" and self.ended is None else None

    @property
    def spent(self) -> bool:
        """Say whether it counts against cooldown and budget: a retrain that no guard stopped."""
        stopped = self.guarded is not None and self.guarded.word == "stop"
        return self.decided.do == "retrain" and not stopped


class Proposal(msgspec.Struct, frozen=True):
    """The model's one pull request, as far as the loop has seen it."""

    opened: PullRequestOpened
    updated: PullRequestUpdated | None = None
    closed: PullRequestClosed | None = None


class History(msgspec.Struct, frozen=True):
    """Everything that happened in the loop of one model, up to event ``number``."""

    number: int = 0
    began: Began | None = None  # the first tick
    courses: dict[str, Course] = {}  # of each decision, in the order in which they were taken
    open: tuple[str, ...] = ()  # decisions that have not ended
    incidents: dict[str, IncidentOpened] = {}  # those that are open
    past_incidents: dict[str, IncidentClosed] = {}
    incidents_opened: dict[str, IncidentOpened] = {}  # all there were
    sent: dict[str, MessageSent] = {}  # by key
    proposals: tuple[Proposal, ...] = ()  # the last one may be open
    resumed: Resumed | None = None  # the last one
    resumed_at: int = 0  # its number

    def then(self, event: Event) -> "History":
        """Return the history with one event more; NotProven for one that cannot follow."""
        return self.after((event,))

    def after(self, events: Iterable[Event]) -> "History":
        """Return the history with these events more: then for each, without a copy for each."""
        draft = _Draft(self)
        for event in events:
            draft.take(event)
        return draft.history()

    @property
    def proposal(self) -> Proposal | None:
        """Return the pull request that is open."""
        last = self.proposals[-1] if self.proposals else None
        return last if last and last.closed is None else None

    @property
    def awaited(self) -> Proposal | None:
        """Return the pull request that is open, or was merged and waits for an approval."""
        last = self.proposals[-1] if self.proposals else None
        return last if last and (last.closed is None or last.closed.waits) else None

    def retrains(self) -> list[Course]:
        """Return the retrains that cost something, the newest first."""
        return [one for one in reversed(self.courses.values()) if one.spent]


class _Draft:
    """A history in the making: the same, but changed in place."""

    def __init__(self, history: History) -> None:
        self.number, self.began = history.number, history.began
        self.courses = dict(history.courses)
        self.open = dict.fromkeys(history.open)
        self.incidents = dict(history.incidents)
        self.past_incidents = dict(history.past_incidents)
        self.incidents_opened = dict(history.incidents_opened)
        self.sent = dict(history.sent)
        self.proposals = list(history.proposals)
        self.resumed, self.resumed_at = history.resumed, history.resumed_at

    def history(self) -> History:
        return History(
            self.number,
            self.began,
            self.courses,
            tuple(self.open),
            self.incidents,
            self.past_incidents,
            self.incidents_opened,
            self.sent,
            tuple(self.proposals),
            self.resumed,
            self.resumed_at,
        )

    def take(self, event: Event) -> None:
        self.number += 1
        match event:
            case Began():
                self._must(self.began is None)
                self.began = event
            case Decided():
                self._must(event.decision not in self.courses)
                self.courses[event.decision] = Course(event, self.number)
                self.open[event.decision] = None
            case Claimed() | Guarded() | Acted() | Ended() | Aftermath():
                self._carry_on(event)
            case IncidentOpened():
                self._must(event.incident not in self.incidents_opened)
                self.incidents[event.incident] = self.incidents_opened[event.incident] = event
            case IncidentClosed():
                self._must(self.incidents.pop(event.incident, None) is not None)
                self.past_incidents[event.incident] = event
            case MessageSent():
                self.sent[event.key] = event
            case Resumed():
                self.resumed, self.resumed_at = event, self.number
            case PullRequestOpened() | PullRequestUpdated() | PullRequestClosed():
                self._propose(event)

    def _carry_on(self, event: Claimed | Guarded | Acted | Ended | Aftermath) -> None:
        course = self.courses.get(event.decision)
        if course is None:
            raise self._impossible()
        if isinstance(event, Aftermath):
            self._must(course.ended is not None and course.aftermath is None)
            self.courses[event.decision] = msgspec.structs.replace(course, aftermath=event)
            return
        self._must(course.ended is None)
        if isinstance(event, Claimed):
            self._must(event.epoch >= course.epoch)
            left = course.left + (event.until <= event.at)
            self.courses[event.decision] = msgspec.structs.replace(course, claim=event, left=left)
            return
        self._must(event.epoch == course.epoch)  # what was fenced writes nothing
        if isinstance(event, Guarded):
            course = msgspec.structs.replace(course, guarded=event)
        elif isinstance(event, Acted):
            course = msgspec.structs.replace(course, acts={**course.acts, event.step: event})
            if event.step == "trial" and event.state == "done":
                course = msgspec.structs.replace(course, rested=event.epoch, left=0)
        else:
            course = msgspec.structs.replace(course, ended=event)
            del self.open[event.decision]
        self.courses[event.decision] = course

    def _propose(self, event: PullRequestOpened | PullRequestUpdated | PullRequestClosed) -> None:
        last = self.proposals[-1] if self.proposals else None
        if isinstance(event, PullRequestOpened):
            self._must(last is None or last.closed is not None)
            self.proposals.append(Proposal(event))
            return
        if last is None or last.opened.number != event.number:
            raise self._impossible()
        field = "updated" if isinstance(event, PullRequestUpdated) else "closed"
        self._must(last.closed is None or (last.closed.waits and field == "closed"))
        self.proposals[-1] = msgspec.structs.replace(last, **{field: event})

    def _must(self, true: bool) -> None:
        """Refuse what no decision of ours makes: a log that somebody wrote by hand."""
        if not true:
            raise self._impossible()

    def _impossible(self) -> NotProven:
        return NotProven(
            f"event {self.number} of the loop cannot follow those before it",
            remedy="Restore the log from a copy of the bucket; see: trueup doctor --bucket",
        )
