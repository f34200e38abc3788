"""One pass of the loop: observe, decide, act. Run it as often as you like, from wherever."""

from datetime import datetime

import msgspec

from trueup.errors import TrueupError
from trueup.loop.carrying import Carried, carry
from trueup.loop.deciding import Action, Decision, decide
from trueup.loop.equipment import Loop
from trueup.loop.events import Aftermath, Began, Event, MessageSent
from trueup.loop.heartbeat import missing_beats
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal
from trueup.loop.listening import silences
from trueup.loop.observations import Observations
from trueup.loop.owing import owed

_LOOKED_AT = 16  # of the latest promoted retrains, for their aftermath
_HELPS_AT_ALL = ("promoted", "on trial", "proposed", "asked")


class Ticked(msgspec.Struct, frozen=True):
    """What one pass has seen, done, and left."""

    model: str
    environment: str
    at: datetime  # the moment that was decided for
    decision: Decision  # what was decided in this pass, and what is left with its reasons
    carried: tuple[Carried, ...] = ()
    messages: int = 0  # that went out
    dead: tuple[str, ...] = ()  # channels that took none
    dry_run: bool = False
    says: tuple[str, ...] = ()  # what could not be looked at, and what became of a pull request


def tick(loop: Loop, now: datetime | None = None, *, dry_run: bool = False) -> Ticked:
    """Make one pass and return what came of it; again, at once, it does nothing more.

    Any number of processes may do so at a time, and each may die at any point: the next pass goes
    on from there. ``now`` decides for another moment; a dry run only looks.
    """
    return _Pass(loop, now or loop.clock()).run(dry_run=dry_run)


class _Pass:
    def __init__(self, loop: Loop, now: datetime) -> None:
        self.loop, self.now = loop, now
        self.journal: Journal = loop.journal()
        self.seen_at = 0  # the log's last event when the model was looked at

    def run(self, *, dry_run: bool) -> Ticked:
        loop, policy = self.loop, self.loop.policy
        history = self.journal.history()
        self.seen_at = history.number
        loop.point("history read")
        seen = loop.observe(self.now)
        loop.point("observed")
        if dry_run:
            decision = decide(policy, history, seen, self.now)
            waiting = tuple(Carried(one, "it goes on with the next pass") for one in history.open)
            done = self._ticked(decision, waiting, dry_run=True)
            return msgspec.structs.replace(done, says=seen.says)
        self._begin()
        self._tell()  # what a killed pass owes, before it is overtaken by what is so now
        self._listen()
        closed = self._close_proposal()
        decision = self._decide(seen)
        carried = [carry(loop, self.journal, one, self.now) for one in self.journal.history().open]
        self._look_back()
        sent, dead = self._tell()
        loop.point("tick done")
        done = self._ticked(decision, tuple(carried))
        return msgspec.structs.replace(done, messages=sent, dead=dead, says=closed + seen.says)

    def _ticked(
        self, decision: Decision, carried: tuple[Carried, ...], *, dry_run: bool = False
    ) -> Ticked:
        policy = self.loop.policy
        return Ticked(
            policy.model, policy.environment, self.now, decision, carried, dry_run=dry_run
        )

    def _begin(self) -> None:
        if self.journal.history().began is None:
            began = Began(at=self.now, by=self.loop.by, policy=self.loop.policy.digest)
            self.journal.write(lambda history: began if history.began is None else None)
            self.loop.point("began written")

    def _decide(self, seen: Observations) -> Decision:
        """Write all that is to be done, one event after another, each over all before it."""
        loop, actions = self.loop, list[Action]()
        known, latest = self.seen_at, Decision()

        def make(history: History) -> Event | None:
            nonlocal seen, latest, known
            if history.number != known:  # others have acted: what was seen may not be so any more
                seen, known = loop.observe(self.now), history.number
            latest = decide(loop.policy, history, seen, self.now)
            if not latest.actions:
                return None
            loop.point("decision made")
            return msgspec.structs.replace(latest.actions[0], by=loop.by)

        while True:
            known = self.journal.write(make).number
            if not latest.actions:
                return Decision(tuple(actions), latest.left)
            actions.append(latest.actions[0])
            loop.point("decision written")

    def _close_proposal(self) -> tuple[str, ...]:
        """Write down that the request was closed, or approved; return what came of it."""
        forge, proposal = self.loop.ports.forge, self.journal.history().awaited
        if forge is None or proposal is None:
            return ()
        try:
            found = forge.closed(proposal)
        except TrueupError as error:  # the next pass asks again, and nothing waits for it
            return (f"pull request {proposal.opened.number}: {error.problem}",)
        if found is None:
            return ()
        closed = msgspec.structs.replace(found, at=self.now, by=self.loop.by)
        self.loop.point("proposal closed")
        self.journal.write(lambda history: closed if history.awaited == proposal else None)
        return (closed.says,) if closed.says else ()

    def _listen(self) -> None:
        """Write down which heartbeats of this model's loop are missing, and which beat again."""
        loop, model = self.loop, self.loop.policy.model
        try:
            missing = missing_beats(loop.bucket, model, loop.clock())
        except TrueupError:
            return  # the next pass listens again

        def make(history: History) -> Event | None:
            found = next(silences(model, history, missing, self.now), None)
            return msgspec.structs.replace(found, by=loop.by) if found else None

        while next(silences(model, self.journal.history(), missing, self.now), None):
            self.journal.write(make)

    def _look_back(self) -> None:
        lookback = self.loop.ports.lookback
        if lookback is None:
            return
        for course in _unanswered(self.journal.history()):
            try:
                found = lookback.look(course, self.journal.history(), self.now)
            except TrueupError:
                continue  # the next pass asks again
            if found is not None:
                self.loop.point("aftermath made")
                self._write_aftermath(found)
                self.loop.point("aftermath written")

    def _write_aftermath(self, found: Aftermath) -> None:
        def make(history: History) -> Aftermath | None:
            known = history.courses[found.decision].aftermath
            return found if known is None else None

        self.journal.write(make)

    def _tell(self) -> tuple[int, tuple[str, ...]]:
        """Send what is owed; what no channel took is owed again in the next pass."""
        messenger, sent, dead = self.loop.ports.messenger, 0, dict[str, None]()
        if messenger is None:
            return 0, ()
        while True:
            history = self.journal.history()
            owing = list(owed(self.loop.policy.model, history, self.now))
            if not owing:
                return sent, tuple(dead)
            message = owing[0]
            self.loop.point("message made")
            came = messenger.send(message)
            self.loop.point("message sent")
            dead |= dict.fromkeys(came.dead)
            if not came.channels and not came.held:
                return sent, tuple(dead)
            sent += bool(came.channels)
            event = MessageSent(
                at=self.now,
                by=self.loop.by,
                key=message.key,
                incident=message.incident,
                decision=message.decision,
                topic=message.topic,
                channels=came.channels,
                dead=came.dead,
                held=came.held,
            )
            self._write_sent(event)
            self.loop.point("message written")

    def _write_sent(self, event: MessageSent) -> None:
        self.journal.write(lambda history: None if event.key in history.sent else event)


def _unanswered(history: History) -> list[Course]:
    """Return the latest retrains of which it is not told yet whether they helped."""
    found = [
        one
        for one in history.retrains()
        if one.ended is not None and one.ended.end in _HELPS_AT_ALL
    ]
    return [one for one in found[:_LOOKED_AT] if one.aftermath is None]
