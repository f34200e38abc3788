"""Register, judge and promote one model: what a run ends with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from trueup.config.model_entries import ModelEntry
from trueup.config.target_entries import TargetEntry
from trueup.delivery.installed import lacking
from trueup.delivery.subject import Candidate, Subject
from trueup.registry.history import History
from trueup.registry.promotion import PromotionRequest
from trueup.registry.records import Promoted, Registered, RolledBack
from trueup.registry.refusals import ChampionMoved, Refusal, Refused
from trueup.registry.reports import notes

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement

# How the command ends that delivered it: 0, 3, 4 or 7.
Ending: TypeAlias = Literal["done", "failed", "open", "moved"]
Register: TypeAlias = Callable[[], Registered]


class Delivered(msgspec.Struct, frozen=True):
    """What became of one model at the end of a run."""

    model: str  # project/model
    environment: str
    version: int | None = None  # None: not registered, for this reason
    unregistered: str = ""
    judgement: "Judgement | None" = None  # None: no rule asks for anything, or champion already
    promoted: Promoted | None = None
    refusal: Refusal | None = None  # why it was not promoted though its verdict is not a failure
    champion: int | None = None  # the version that is live, where its model is just this one
    notes: tuple[str, ...] = ()  # of a champion: what stood in for a pass
    mode: Literal["off", "warn", "enforce"] = "enforce"  # warn: nothing stops here
    manual: bool = False  # promote: manual
    withdrawn: RolledBack | None = None  # it was rolled back, which a run does not undo
    told: tuple[str, ...] = ()  # what its registration could not do, each in a line

    @property
    def ending(self) -> Ending:
        """Return how the command ends."""
        if self.mode == "warn" or self.judgement is None or self.promoted is not None:
            return "done"
        if self.refusal is not None:
            return "open" if self.refusal.ending == "usage" else self.refusal.ending
        return ending_of(self.judgement)


def ending_of(judgement: "Judgement") -> Ending:
    """Return how a command ends with a verdict."""
    verdict = judgement.verdict
    if verdict.mode == "warn" or verdict.word == "pass":
        return "done"
    if verdict.word == "fail":
        return "failed"
    return "done" if verdict.on_inconclusive == "promote" or verdict.lacks_only_bucket else "open"


def deliver(subject: Subject, candidate: Candidate, register: Register) -> Delivered:
    """Register a candidate, judge it, and promote it where the project says so.

    Outside a trusted scope it is judged only: nothing is registered there.
    """
    entry, history = subject.entry, subject.history()
    live = history.champion(subject.environment)
    is_live = history.champion_digest(subject.environment) == candidate.model.digest
    known = registered(history, candidate)
    gated = is_gated(entry, subject.target)
    if (error := lacking()) and gated and not is_live:
        raise error
    done = Delivered(
        subject.name,
        subject.environment,
        unregistered=_unregistered(subject) or ("" if known else _unknowable(subject)),
        champion=live if is_live else None,
        notes=tuple(notes(history, live)) if is_live and live else (),
        mode=entry.gate.mode,
        manual=entry.promote == "manual",
    )
    if not done.unregistered:
        version = known or register()
        candidate = msgspec.structs.replace(candidate, version=version)
        done = msgspec.structs.replace(done, version=version.version)
    if is_live or not gated:
        return done
    from trueup.delivery.judging import judged

    done = msgspec.structs.replace(
        done,
        judgement=judged(subject, candidate),
        withdrawn=_withdrawn(history, subject, candidate),
    )
    if done.version is None or not _to_promote(done):
        return done
    return _promoted(subject, done, done.version)


def _unregistered(subject: Subject) -> str:
    """Return why a candidate cannot become a version here; empty where it can."""
    if not subject.scope.is_trusted:
        return (
            f"the scope {subject.scope.name} is not trusted. CI does it on a protected branch, or"
            " whoever sets TRUEUP_SCOPE=trusted where the bucket's policy allows that"
        )
    return "" if subject.entry.path else "its predictions alone are known, no file of it"


def _unknowable(subject: Subject) -> str:
    """Return why a version's belongings cannot be made here: without them it is never compared."""
    error = lacking() if subject.entry.evaluate else None
    return f"{error.problem}. {error.remedy}" if error else ""


def registered(history: History, candidate: Candidate) -> Registered | None:
    """Return the version that the candidate is already: the same model of the same code."""
    for version in reversed(history.versions):
        known = (version.model.digest, version.code, version.refit_of)
        if known == (candidate.model.digest, candidate.code, None):
            return version
    return None


def is_gated(entry: ModelEntry, target: TargetEntry | None) -> bool:
    """Say whether any rule asks something of a model, its own or an environment's."""
    asked = entry.gate.rules or (target and target.rules)
    return bool(asked) and entry.gate.mode != "off"


def _to_promote(done: Delivered) -> bool:
    verdict = done.judgement.verdict if done.judgement else None
    if verdict is None or verdict.no_change or verdict.word == "fail" or done.withdrawn:
        return False
    return not done.manual


def _withdrawn(history: History, subject: Subject, candidate: Candidate) -> RolledBack | None:
    """Return who rolled this model back in the environment, if nobody has promoted it since."""
    for event in reversed(history.events):
        if (
            isinstance(event, Promoted | RolledBack)
            and event.environment == subject.environment
            and history.version(event.version).model.digest == candidate.model.digest
        ):
            return event if isinstance(event, RolledBack) else None
    return None


def _promoted(subject: Subject, done: Delivered, version: int) -> Delivered:
    stamp = subject.stamp
    request = PromotionRequest(
        version,
        subject.terms(),
        by=stamp.by,
        at=stamp.at,
        trusted=subject.scope.is_trusted,
    )
    try:
        event = subject.registry.promote(subject.name, request)
    except (Refused, ChampionMoved) as error:
        return msgspec.structs.replace(done, refusal=error.refusal)
    return msgspec.structs.replace(done, promoted=event)
