"""Ports over one bucket, a real registry among them: what survives the process that used them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tests.loop.scenes import MODEL
from tests.registry.events import AT, CI, body, evidence, judged, registered
from trueup import ids
from trueup.errors import RemoteSilent
from trueup.loop.equipment import Loop
from trueup.loop.events import Decided, Finding, PullRequestClosed, TrialWord
from trueup.loop.history import Course, Proposal
from trueup.loop.observations import Harm, Observations, WindowSeen
from trueup.loop.points import passes
from trueup.loop.policy import Policy
from trueup.loop.ports import (
    Found,
    GuardVerdict,
    Judgement,
    Message,
    Move,
    Ports,
    Proposed,
    Sent,
    Training,
)
from trueup.registry import moves
from trueup.registry.history import History
from trueup.registry.names import CHALLENGER
from trueup.registry.promotion import PromotionRequest, Terms
from trueup.registry.records import AliasMoved, Event, Identity, Promoted, RolledBack
from trueup.registry.refusals import ChampionMoved, Refused
from trueup.registry.registry import Registry
from trueup.registry.verdicts import keep_verdict
from trueup.store.bucket import Bucket
from trueup.store.hashing import digest_bytes

TERMS = Terms("prod", rules="rules-1", data="data-1")
LOOPER = Identity("loop")


@dataclass
class World:
    """All of it: what is called leaves an object in the bucket for each time."""

    bucket: Bucket
    outcome: Callable[[Decided], str] = lambda decided: "pass"
    fault: Callable[[], bool] = lambda: False
    broken: bool = False
    training: Callable[[], None] = lambda: None  # what happens while a model is trained
    live: Callable[[Decided], TrialWord] = lambda decided: "pass"  # what the second look finds

    @property
    def registry(self) -> Registry:
        return Registry(self.bucket)

    def history(self) -> History:
        return self.registry.so_far(MODEL)

    def times(self, what: str) -> list[str]:
        """Return what was done of a kind, each time once."""
        prefix = f"world/{what}/"
        return sorted(
            one.key.removeprefix(prefix).rpartition("/")[0] for one in self.bucket.list(prefix)
        )

    def _did(self, what: str, which: str) -> None:
        if self.fault():
            raise RemoteSilent("the world is silent", remedy="Wait")
        self.bucket.put(f"world/{what}/{which}/{ids.nonce()}", b"{}")

    def begin(self) -> None:
        """Make a first version champion."""
        self._judge(0, "pass")
        self.registry.promote(MODEL, PromotionRequest(1, TERMS, LOOPER, AT))

    def check(self, decided: Decided) -> GuardVerdict:
        self._did("guarded", decided.decision)
        if self.broken:
            return GuardVerdict(
                "stop", (Finding("nulls", "near is null", True, "near", "prepare"),)
            )
        return GuardVerdict("pass")

    def find(self, decided: Decided) -> Training | None:
        known = any(self.bucket.list(f"objects/trained-{decided.decision}"))
        return Training("done", decided.decision) if known else None

    def start(self, decided: Decided) -> Training:
        self._did("trained", decided.decision)
        self.training()
        self.bucket.create(f"objects/trained-{decided.decision}", b"{}")
        return Training("done", decided.decision)

    def find_refit(self, decided: Decided) -> Training | None:
        return None

    def refit(self, decided: Decided, version: int) -> Training:
        if not any(self.bucket.list(f"objects/refitted-{decided.decision}")):
            self._did("trained", f"{decided.decision}-refit")
            self.bucket.create(f"objects/refitted-{decided.decision}", b"{}")
        wanted = registered(int(decided.decision[:7], 16) + 1)
        wanted = msgspec.structs.replace(wanted, by=LOOPER, code="code", refit_of=version)
        self.bucket.create(f"objects/{wanted.model.digest}", b"a model")
        number = self.registry.register(MODEL, wanted)
        return Training("done", decided.decision, version=number)

    def judge(self, decided: Decided, training: str) -> Judgement:
        assert training == decided.decision
        word: Any = self.outcome(decided)
        number, verdict = self._judge(int(decided.decision[:7], 16), word)
        return Judgement(word, word == "pass", number, verdict)

    def _judge(self, seed: int, word: Any) -> tuple[int, str]:
        wanted = msgspec.structs.replace(registered(seed), by=LOOPER, code="code")
        self.bucket.create(f"objects/{wanted.model.digest}", b"a model")
        number = self.registry.register(MODEL, wanted)
        found = msgspec.structs.replace(
            evidence(0, outcome=word),
            verdict="",
            model=wanted.model.digest,
            code="code",
            champion=self.history().champion_digest("prod"),
        )
        record = body(found)
        found = msgspec.structs.replace(found, verdict=digest_bytes(record))
        keep_verdict(self.bucket, "trusted", record)
        self.registry.judge(MODEL, judged(found), record)
        return number, found.verdict

    def promote(self, decided: Decided, version: int) -> Move:
        self._did("promoting", decided.decision)
        for one in self._since(decided):
            if isinstance(one, Promoted) and one.version == version:
                return Move(True, version, one.before)
        request = PromotionRequest(version, TERMS, LOOPER, AT)
        try:
            event = self.registry.promote(MODEL, request)
        except ChampionMoved as error:
            return Move(False, version, says=error.problem, judge_again=True)
        except Refused as error:
            return Move(False, version, says=error.problem)
        return Move(True, version, event.before if event else None)

    def _since(self, decided: Decided) -> Sequence[Event]:
        return self.history().events[decided.registry_event :]

    def try_out(self, decided: Decided, version: int) -> Move:
        self._alias(version)
        return Move(True, version)

    def _alias(self, version: int | None) -> None:
        event = AliasMoved(at=AT, by=CI, alias=CHALLENGER, environment="prod", version=version)
        self.registry.write(MODEL, lambda now: moves.alias_move(now, event))

    def roll_back(self, decided: Decided) -> Move:
        if decided.cause.kind == "harm":
            self._alias(None)
            return Move(True, decided.cause.version)
        done = [one for one in self._since(decided) if isinstance(one, RolledBack)]
        if done:
            return Move(True, done[0].to, done[0].version)
        live = self.history().champion("prod")
        if live != decided.champion or live is None:
            return Move(False, decided.champion, says="another is champion")
        wanted = RolledBack(at=AT, by=LOOPER, version=live, environment="prod")
        try:
            self.registry.write(MODEL, lambda now: moves.rollback(now, wanted))
        except Refused as error:
            return Move(False, live, says=error.problem)
        return Move(True, self.history().champion("prod"), live)

    def waits(self, course: Course, now: datetime) -> str:
        return ""

    def look(self, course: Course, now: datetime) -> Found:
        """Find nothing at first, and then what live rows show."""
        decided, number = course.decided, course.acts["canary"].version
        self._did("looked", decided.decision)
        standing = self.history().standing("prod")
        if standing.aliases.get(CHALLENGER) != number:
            return Found("promoted" if standing.champion == number else "gone")
        if len(list(self.bucket.list(f"world/looked/{decided.decision}/"))) == 1:
            return Found("open", "no label yet")
        word, verdict = self.live(decided), ""
        if word in ("pass", "fail"):
            _, verdict = self._judge(int(decided.decision[:7], 16), word)
        return Found(word, f"it is {word}", verdict)

    def withdraw(self, course: Course) -> Move:
        number = course.acts["canary"].version
        if self.history().standing("prod").aliases.get(CHALLENGER) == number:
            self._alias(None)
        return Move(True, number)

    def propose(self, decided: Decided, version: int, known: Proposal | None) -> Proposed:
        self.bucket.create("objects/proposal", b"{}")
        return Proposed(1, "https://forge/1", "trueup/sale", f"head-{version}")

    def closed(self, known: Proposal) -> PullRequestClosed | None:
        if not any(self.bucket.list("objects/merged")):
            return None
        return PullRequestClosed(at=AT, by="forge", number=1, merged=True)

    def send(self, message: Message) -> Sent:
        self._did("sent", message.key)
        return Sent(("oncall",))

    def ports(self) -> Ports:
        mine: dict[str, Any] = {"forge": self, "messenger": self, "trial": self, "refitter": self}
        return Ports(self, self, self, self, **mine)

    def seen(self, windows: tuple[WindowSeen, ...], harm: bool = False) -> Observations:
        """Return what is so now; the windows are those of whoever is champion."""
        standing = self.history().standing("prod")
        live, on_trial = standing.champion, standing.aliases.get(CHALLENGER)
        before = standing.promotions[-2:-1]
        return Observations(
            registry_event=self.history().number,
            champion=live,
            previous=before[0].version if before else None,
            challenger=on_trial,
            windows=tuple(msgspec.structs.replace(one, version=live or 0) for one in windows),
            harm=Harm(on_trial, 1, AT, "it is worse") if harm and on_trial else None,
        )


def loop_of(
    world: World,
    policy: Policy,
    windows: Callable[[datetime], tuple[WindowSeen, ...]],
    **how: Any,
) -> Loop:
    """Return a loop over a world; its windows are a function of the moment."""
    harm = how.pop("harm", False)
    usual: dict[str, Any] = {"by": "ada", "point": passes}
    return Loop(
        policy=policy,
        bucket=world.bucket,
        observe=lambda now: world.seen(windows(now), harm),
        ports=world.ports(),
        **{**usual, **how},
    )
