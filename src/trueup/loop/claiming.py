"""A claim on a decision: taken, renewed while a step lasts, given back; who is fenced stops."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event as Flag
from threading import Thread

from trueup.errors import SomebodyElseFirst, TrueupError
from trueup.loop.equipment import Loop
from trueup.loop.events import Claimed, Event
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal

_RENEWALS = 3  # in the time of a lease


class Fenced(SomebodyElseFirst):
    """Somebody else has taken a decision up since: what this process still does for it is void."""

    def __init__(self, decision: str) -> None:
        super().__init__(
            f"decision {decision} was taken up by somebody else",
            remedy="Nothing is to be done: see how it went with: trueup loop explain",
        )


class Claim:
    """This worker's claim on one decision; every event under it is refused once it is fenced."""

    def __init__(self, loop: Loop, journal: Journal, decision: str, epoch: int) -> None:
        self.decision, self.epoch = decision, epoch
        self._loop, self._journal = loop, journal

    def write(self, make: Callable[[History], Event | None]) -> Course:
        """Write an event about the decision; Fenced where the claim is not the last any more."""
        return self._write(self._journal, make)

    def release(self) -> None:
        """Let others go on with it at once."""
        self.write(lambda history: self._claimed(0.0))

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Keep the claim while something lasts; on a log of its own, beside this thread."""
        over = Flag()
        thread = Thread(target=self._renew, args=(over,), daemon=True, name="trueup-claim")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _renew(self, over: Flag) -> None:
        every_s = self._loop.lease_s / _RENEWALS
        journal = None
        while not over.wait(every_s):
            try:
                journal = journal or self._loop.journal()
                self._write(journal, lambda history: self._claimed(self._loop.lease_s))
            except Fenced:
                return
            except TrueupError:
                continue  # the bucket is silent: as long as the lease lasts it may come back

    def _write(self, journal: Journal, make: Callable[[History], Event | None]) -> Course:
        def decide(history: History) -> Event | None:
            course = history.courses[self.decision]
            mine = course.claim is not None and course.claim.worker == self._loop.worker
            if not mine or course.epoch != self.epoch or course.ended is not None:
                raise Fenced(self.decision)
            return make(history)

        return journal.write(decide).courses[self.decision]

    def _claimed(self, lease_s: float) -> Claimed:
        now = self._loop.clock()
        return Claimed(
            at=now,
            by=self._loop.by,
            decision=self.decision,
            epoch=self.epoch,
            worker=self._loop.worker,
            until=now + timedelta(seconds=lease_s),
        )


def claimed(loop: Loop, journal: Journal, decision: str) -> Claim | None:
    """Claim a decision; None where it is over, or somebody is at it."""
    made: list[Claimed] = []

    def decide(history: History) -> Claimed | None:
        made.clear()
        course, now = history.courses[decision], loop.clock()
        if not course.free(now):
            return None
        until = now + timedelta(seconds=loop.lease_s)
        made.append(
            Claimed(
                at=now,
                by=loop.by,
                decision=decision,
                epoch=course.epoch + 1,
                worker=loop.worker,
                until=until,
            )
        )
        return made[0]

    journal.write(decide)
    return Claim(loop, journal, decision, made[0].epoch) if made else None
