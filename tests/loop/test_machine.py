"""Whatever happens in whatever order, a loop keeps its promises."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.loop.scenes import BEGAN, DAY, MODEL, Rate, drift, labels, policy, scheduled, windows
from tests.loop.world import LOOPER, TERMS, World, loop_of
from tests.registry.events import AT
from trueup.errors import RemoteSilent
from trueup.loop.events import Decided, TrialWord
from trueup.loop.history import History
from trueup.loop.journal import Journal
from trueup.loop.points import POINTS
from trueup.loop.ticking import tick
from trueup.registry import moves
from trueup.registry.promotion import PromotionRequest
from trueup.registry.records import Promoted, RolledBack
from trueup.store.bucket import Bucket
from trueup.store.memory import MemoryBucket

COOLDOWN, BUDGET = 2 * DAY, Rate(3, 10 * 86400.0)
MADE = tuple(one for one in POINTS if one.endswith(" made"))  # and not written down yet


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def word(decided: Decided) -> str:
    """Return how the gate judges what a decision has trained: always the same."""
    return ("pass", "pass", "fail", "inconclusive")[int(decided.decision[0], 16) % 4]


def shown(decided: Decided) -> TrialWord:
    """Return what the live rows of a trial show: always the same."""
    words: tuple[TrialWord, ...] = ("pass", "fail", "errors", "undecided")
    return words[int(decided.decision[1], 16) % 4]


class LoopMachine(RuleBasedStateMachine):
    """Observations, clocks, kills, silence, people, and up to ten ticks at a time."""

    @initialize(then=st.sampled_from(["promote", "canary", "pull_request", "person"]))
    def begin(self, then: str) -> None:
        self.world = World(self.bucket(), outcome=word, live=shown)
        self.world.begin()
        self.loop = policy(
            drift(1, 1),
            scheduled("0 4 * * *"),
            labels(100),
            cooldown=COOLDOWN.total_seconds(),
            budget=BUDGET,
            then=then,
        )
        self.shown, self.clock, self.by_hand = "", BEGAN, 0
        self.pass_on()

    def bucket(self) -> Bucket:
        """Return an empty bucket for all of it."""
        return MemoryBucket()

    def reached(self) -> World:
        """Return the world as a tick reaches it."""
        return self.world

    def killed(self) -> None:
        """End the process, as this machine has it."""
        raise Killed

    def pass_on(self, *, jump: timedelta = timedelta(), point: str = "", worker: int = 0) -> None:
        """Make one pass; it dies at a point where one is named."""

        def die(at: str) -> None:
            if at == point:
                self.killed()

        loop = loop_of(
            self.reached(), self.loop, lambda now: windows(self.shown), point=die,
            clock=lambda: self.clock, by=f"worker {worker}", lease_s=3600.0,
        )  # fmt: skip
        try:
            tick(loop, self.clock + jump)
        except Killed:
            pass
        except RemoteSilent:
            assert self.world.fault()

    @rule(letters=st.text("D.b", min_size=1, max_size=3))
    def windows_close(self, letters: str) -> None:
        self.shown += letters

    @rule(hours=st.integers(0, 80))
    def time_passes(self, hours: int) -> None:
        self.clock += timedelta(hours=hours)

    @rule(letters=st.text("D.b", min_size=1, max_size=4))
    def days_go_by(self, letters: str) -> None:
        for letter in letters:
            self.shown += letter
            self.clock += DAY
            self.pass_on()

    @rule(hours=st.integers(-200, 200))
    def a_clock_is_wrong(self, hours: int) -> None:
        self.pass_on(jump=timedelta(hours=hours))

    def something_is_due(self) -> None:
        """Let so much time pass that no cooldown lasts, and inputs drift."""
        self.clock += 3 * DAY
        self.shown += "D"

    @rule(
        point=st.sampled_from(POINTS) | st.sampled_from(MADE),
        due=st.booleans(),
        hours=st.sampled_from([0, 2]),
    )
    def a_tick_is_killed(self, point: str, due: bool, hours: int) -> None:
        """And the next one comes when it is taken for dead, or who knows when."""
        if due:
            self.something_is_due()
        self.at_once([point])
        if hours:
            self.clock += timedelta(hours=hours)
            self.pass_on()

    @rule(many=st.integers(2, 10), point=st.sampled_from(["", *POINTS]))
    def many_tick_at_once(self, many: int, point: str) -> None:
        self.at_once([point, *[""] * (many - 1)])

    def at_once(self, points: Sequence[str]) -> None:
        """Make passes at the same time, each killed at its point."""
        with ThreadPoolExecutor(len(points)) as pool:
            for each in [
                pool.submit(self.pass_on, point=point, worker=nth)
                for nth, point in enumerate(points)
            ]:
                each.result()

    @rule()
    def another_passes_while_a_model_is_trained(self) -> None:
        self.something_is_due()
        self.world.training = lambda: self.pass_on(worker=1)
        self.pass_on()
        self.world.training = lambda: None

    @rule(silent=st.booleans())
    def the_world_falls_silent(self, silent: bool) -> None:
        self.world.fault = lambda: silent

    @rule(broken=st.booleans())
    def data_breaks(self, broken: bool) -> None:
        self.world.broken = broken

    @rule()
    def a_person_goes_back(self) -> None:
        live = self.world.history().champion("prod")
        wanted = RolledBack(at=AT, by=LOOPER, version=live or 0, environment="prod")
        if live not in (None, 1):
            self.world.registry.write(MODEL, lambda now: moves.rollback(now, wanted))

    @rule()
    def a_person_promotes_another(self) -> None:
        self.by_hand += 1
        number, _ = self.world._judge(9_000_000_000 + self.by_hand, "pass")
        self.world.registry.promote(MODEL, PromotionRequest(number, TERMS, LOOPER, AT))

    @property
    def history(self) -> History:
        return Journal(self.world.bucket, MODEL).history()

    @invariant()
    def nothing_is_done_twice_that_can_be_looked_up(self) -> None:
        trained = Counter(self.world.times("trained"))
        assert set(trained.values()) <= {1}
        assert set(trained) <= set(self.history.courses)

    @invariant()
    def cooldown_and_budget_hold(self) -> None:
        """Both count from a schedule's slot, however late somebody came to run it."""
        period = timedelta(seconds=BUDGET.period_s)
        spent: list[datetime] = []
        for one in reversed(self.history.retrains()):
            at = one.decided.at
            assert all(at - before >= COOLDOWN for before in spent)
            assert sum(before > at - period for before in spent) < BUDGET.times
            spent.append(one.decided.cools_from)

    @invariant()
    def nothing_is_promoted_without_a_passing_verdict(self) -> None:
        history = self.world.history()
        for one in history.events:
            if isinstance(one, Promoted):
                found = history.evidence(one)
                assert found is not None
                assert found.outcome == "pass"

    @invariant()
    def the_loop_promotes_a_version_once(self) -> None:
        """Also where a person went back from it before its decision had come to its end."""
        moved = Counter(
            one.version for one in self.world.history().events if isinstance(one, Promoted)
        )
        assert set(moved.values()) <= {1}

    @invariant()
    def the_champion_can_always_be_loaded(self) -> None:
        digest = self.world.history().champion_digest("prod")
        assert self.world.bucket.get(f"objects/{digest}") == b"a model"

    @invariant()
    def what_broke_trained_nothing(self) -> None:
        for one in self.history.courses.values():
            if one.guarded is not None and one.guarded.word == "stop":
                assert one.decided.decision not in self.world.times("trained")

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.fault = lambda: False
        for nth in range(6):  # a trial is looked at twice, and the last pass may begin one
            self.clock += timedelta(hours=2)
            self.pass_on()
            if nth > 1 and not self.history.open:
                break
        assert not self.history.open
        for one in self.history.courses.values():
            if one.ended is not None and self.clock - one.ended.at < timedelta(days=6):
                assert f"decision/{one.decided.decision}/ended" in self.history.sent


LoopMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestLoopMachine: Any = LoopMachine.TestCase
