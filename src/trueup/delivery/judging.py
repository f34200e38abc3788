"""Judge a candidate on the project's evaluation data, beside the champion that is live now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trueup import git
from trueup.delivery import evidencing
from trueup.delivery.elsewhere.asking import Asking, NotComparable
from trueup.delivery.elsewhere.kept import keep_predictions
from trueup.delivery.evaluating import rows_of
from trueup.delivery.functions import project_functions
from trueup.delivery.opponents import Opponent, opponents_of
from trueup.delivery.points import points_of
from trueup.delivery.predicting import (
    asking_of,
    candidate_predictions,
    version_predictions,
)
from trueup.delivery.reusing import how_to_refresh, use_of
from trueup.delivery.sealed import Access, check_sealable, ready
from trueup.delivery.seen import PART, Seen, decode, rows_seen, seen_by_any
from trueup.delivery.subject import Candidate, Subject, is_here
from trueup.registry.history import History
from trueup.registry.records import Evidence, Registered

if TYPE_CHECKING:
    from trueup.gate.verdict import Verdict


class Judgement(msgspec.Struct, frozen=True):
    """A verdict and what a promotion needs of it; ``again``: it was there, nothing was spent."""

    model: str  # project/model
    environment: str
    verdict: "Verdict"
    evidence: Evidence
    version: int | None = None  # None: the file of this checkout, not registered
    again: bool = False
    live: bool = False  # the champion: shown is the verdict that it was promoted on
    since: tuple[str, ...] = ()  # of what that verdict is for, what has changed: rules, data

    @property
    def named(self) -> str:
        """Return what was judged, by its version where it has one."""
        return f"{self.model}/{self.version}" if self.version else self.model


@dataclass(frozen=True)
class _Field:
    """All models' predictions on the rows, by the gate's names, and which rows one has seen."""

    predicted: Mapping[str, Any]
    had: Mapping[str, str]  # how each was come by
    seen: Any  # a mask; None: no row is known to be seen
    seen_known: bool
    champion: Literal["there", "none", "not_comparable", "no_bucket"]
    why: str = ""
    unknown: tuple[str, ...] = ()  # why it is not known what a model has seen


def judged(subject: Subject, candidate: Candidate) -> Judgement:
    """Return the verdict on a candidate, and record it in the scope that this writer has.

    The same model, champion, data, rules and code again is the same verdict: it is looked up.
    """
    _refuse_unsealable(subject)
    history = subject.history()
    digests = _digests(subject, candidate, history)
    points = points_of(subject, candidate)
    found = evidencing.known(subject, history, digests, points)
    again = found is not None
    if found is None:
        verdict = _verdict(subject, candidate, history, digests, points)
        found = verdict, evidencing.record(subject, verdict)
    version = candidate.version.version if candidate.version else None
    return Judgement(
        subject.name,
        subject.environment,
        *found,
        version=version,
        again=again,
        live=digests["champion"] == digests["model"],
        since=tuple(
            name for name in ("rules", "data") if found[0].digests.get(name) != digests[name]
        ),
    )


def _digests(subject: Subject, candidate: Candidate, history: History) -> dict[str, str]:
    """Return what is judged, by digest: equal digests, equal verdict."""
    return {
        "model": candidate.model.digest,
        "champion": history.champion_digest(subject.environment),
        "data": subject.data,
        "rules": subject.rules,
        "code": candidate.code,
    }


def _verdict(
    subject: Subject,
    candidate: Candidate,
    history: History,
    digests: Mapping[str, str],
    points: Mapping[str, float],
) -> "Verdict":
    from trueup.gate.comparing import Circumstances, compare
    from trueup.gate.judging import judge, undecided
    from trueup.gate.rules import rules_of

    also = subject.rules_of_environment
    access = _access(subject)
    if not access.may:
        return undecided(rules_of(subject.entry.gate, also), access.why, digests)
    table = subject.table
    asking = asking_of(subject, table)
    field = _field(subject, candidate, asking, opponents_of(subject, candidate, history))
    use = use_of(subject, table, candidate.model.digest)
    refresh = how_to_refresh(subject.entry.gate, table.entry, use)
    with project_functions(subject, asking) as calls:
        known = Circumstances(
            champion=field.champion,
            why=field.why,
            seen_known=field.seen_known,
            expected=evidencing.slices_before(subject, history),
            measured=points,
            calls=calls,
            digests=digests,
            had=field.had,
            notes=tuple(note for note in (access.why, *field.unknown, refresh) if note),
        )
        comparison = compare(rows_of(table, field.predicted, field.seen), known)
        rules = rules_of(subject.entry.gate, also, use)
        verdict = judge(rules, comparison)
    keep_predictions(subject.results, candidate.model.digest, table, field.predicted["candidate"])
    return verdict


def _refuse_unsealable(subject: Subject) -> None:
    check_sealable(subject.entry, subject.graph, lambda paths: git.tracked(subject.root, paths))


def _access(subject: Subject) -> Access:
    """Return whether the rows may be read here; sealed ones are put in place where they may."""
    if subject.entry.evaluate is None:
        return Access(may=True)
    bucket = subject.registry.bucket
    return ready(subject.root, subject.entry.evaluate, subject.scope, bucket)


def _field(
    subject: Subject, candidate: Candidate, asking: Asking, opponents: Sequence[Opponent]
) -> _Field:
    """Return the predictions of the candidate and of whom it is compared with."""
    table = asking.evaluation
    mine = candidate_predictions(subject, candidate, asking)
    predicted, had = {"candidate": mine.predictions}, {"candidate": mine.how}
    seen_by_each = [_seen(subject, candidate)]
    champion: Literal["there", "none", "not_comparable", "no_bucket"] = (
        "none" if subject.has_bucket else "no_bucket"
    )
    why = ""
    for opponent in opponents:
        found = version_predictions(asking, opponent.version)
        if isinstance(found, NotComparable):
            if opponent.role == "champion":
                champion, why = "not_comparable", found.why
            continue
        champion = "there" if opponent.role == "champion" else champion
        predicted[opponent.role], had[opponent.role] = found.predictions, found.how
        seen_by_each.append(seen_of(subject, opponent.version))
    masks = [rows_seen(each, table) for each in seen_by_each]
    unknown = [
        one.how for one, mask in zip(seen_by_each, masks, strict=True) if mask is None or one.leaked
    ]
    seen, known = seen_by_any(masks)
    return _Field(predicted, had, seen, known, champion, why, tuple(dict.fromkeys(unknown)))


def _seen(subject: Subject, candidate: Candidate) -> Seen:
    """Return what a candidate was trained on: as declared where it is of here, else as kept."""
    if candidate.version is None or is_here(subject, candidate):
        return subject.seen
    return seen_of(subject, candidate.version)


def seen_of(subject: Subject, version: Registered) -> Seen:
    """Return which rows a version was trained on, as was kept with it."""
    part = version.parts.get(PART)
    if part is None:
        return Seen(how=f"version {version.version} was registered without what it has seen")
    body = subject.results.read(part)
    return decode(body, f"the rows that version {version.version} has seen")
