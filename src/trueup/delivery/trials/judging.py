"""Judge a version on the live rows that it and the champion have both answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup import clock
from trueup.captures.finding import EVERYTHING, Span
from trueup.captures.pairing import CHALLENGER, CHAMPION
from trueup.delivery import evidencing
from trueup.delivery.evaluating import Evaluation, rows_of
from trueup.delivery.functions import project_functions
from trueup.delivery.judging import Judgement, seen_of
from trueup.delivery.points import points_of
from trueup.delivery.predicting import asking_of
from trueup.delivery.seen import seen_by_any
from trueup.delivery.subject import Candidate, Subject
from trueup.delivery.trials.live import (
    Live,
    Versions,
    digest_of,
    evaluation_of,
    live_rows,
    predictions_of,
)
from trueup.delivery.trials.looks import Look, number_of
from trueup.delivery.trials.recording import keep_record
from trueup.delivery.trials.seen_rows import live_seen
from trueup.delivery.trials.telling import Told, cannot, notes_of
from trueup.errors import WrongUsage
from trueup.registry.evidence import JudgedFor, evidence_of
from trueup.registry.history import History
from trueup.registry.records import Evidence, Registered

if TYPE_CHECKING:
    from trueup.gate.verdict import Verdict


@dataclass(frozen=True)
class _Trial:
    """Everything that one judgement is of."""

    subject: Subject
    history: History
    champion: Registered
    challenger: Registered
    live: Live
    digests: Mapping[str, str]
    points: Mapping[str, float] = field(default_factory=dict)


def judged_on_trial(
    subject: Subject, challenger: Registered, asked: Span = EVERYTHING
) -> Judgement:
    """Return the verdict on a version's live rows, and record it as evidence of a trial.

    The same labelled rows, champion, rules and code again are the same verdict. Where no row has
    a label yet it is inconclusive, and nothing is recorded or spent.
    """
    history = subject.history()
    champion = _champion(subject, history)
    if champion.model.digest == challenger.model.digest:
        found = evidencing.promoted_on(subject, history)
        since = () if found[0].digests.get("rules") == subject.rules else ("rules",)
        return _judgement(subject, challenger, found, again=True, live=True, since=since)
    versions = Versions(subject.name, champion.version, challenger.version)
    live = live_rows(subject.registry.bucket, subject.entry, versions, asked, clock.now())
    trial = _Trial(
        subject, history, champion, challenger, live, _digests(subject, champion, challenger, live)
    )
    if not live.labelled.height:
        return _judgement(subject, challenger, _nothing_yet(trial))
    return _judged(trial)


def _judged(trial: _Trial) -> Judgement:
    subject, challenger = trial.subject, trial.challenger
    points = points_of(subject, Candidate(challenger.model, challenger.code, challenger))
    known = evidencing.known(subject, trial.history, trial.digests, points, "trial")
    if known is not None:
        return _judgement(subject, challenger, known, again=True)
    verdict = _verdict(trial, points)
    return _judgement(subject, challenger, (verdict, evidencing.record(subject, verdict)))


def _champion(subject: Subject, history: History) -> Registered:
    live = history.champion(subject.environment)
    if live is None:
        raise WrongUsage(
            f"{subject.name} has no champion in {subject.environment}, and a trial is beside one",
            remedy=f"Judge it on the test rows: trueup gate {subject.name.partition('/')[2]}",
        )
    return history.version(live)


def _digests(
    subject: Subject, champion: Registered, challenger: Registered, live: Live
) -> dict[str, str]:
    return {
        "model": challenger.model.digest,
        "champion": champion.model.digest,
        "data": digest_of(live),
        "rules": subject.rules,
        "code": challenger.code,
    }


def _judgement(
    subject: Subject, challenger: Registered, found: "tuple[Verdict, Evidence]", **how: Any
) -> Judgement:
    where = subject.environment
    return Judgement(subject.name, where, *found, version=challenger.version, **how)


def _nothing_yet(trial: _Trial) -> "tuple[Verdict, Evidence]":
    """Return that nothing can be said: as a verdict, but no history has it, as it is of nothing."""
    from trueup.gate.judging import undecided
    from trueup.gate.rules import rules_of

    subject, live = trial.subject, trial.live
    one, other = live.versions.champion, live.versions.challenger
    why = f"no row was answered by both version {one} and version {other}"
    if live.every.height:
        which = "explored rows" if live.selective else "rows"
        why = f"of {live.chosen.height} {which} that both have answered none has a label yet"
    rules = rules_of(subject.entry.gate, subject.rules_of_environment)
    verdict = undecided(rules, why, trial.digests, "trial")
    judged_for = JudgedFor(subject.environment, subject.scope.name, "trial")
    return verdict, evidence_of(verdict, judged_for)


def _verdict(trial: _Trial, points: Mapping[str, float]) -> "Verdict":
    from trueup.gate.comparing import Circumstances, compare
    from trueup.gate.judging import judge
    from trueup.gate.rules import rules_of

    subject, live = trial.subject, trial.live
    table = evaluation_of(live, subject.entry, trial.digests["data"])
    answers, why = _answers(live, table)
    each_seen = [seen_of(subject, one) for one in (trial.challenger, trial.champion)]
    masks = [live_seen(one, live) for one in each_seen]
    unknown = [one.how for one, mask in zip(each_seen, masks, strict=True) if mask is None]
    seen, seen_known = seen_by_any(masks)
    rules = rules_of(subject.entry.gate, subject.rules_of_environment, _use(trial))
    told = Told(
        record=keep_record(subject, trial.champion, trial.challenger, live),
        slices_before=evidencing.slices_before(subject, trial.history),
        unknown=tuple(dict.fromkeys(unknown)),
        exhausted=rules.spending.exhausted,
    )
    with project_functions(subject, asking_of(subject, table)) as calls:
        known = Circumstances(
            champion="not_comparable" if why else "there",
            why=why,
            seen_known=seen_known,
            measured=points,
            calls=calls,
            digests=trial.digests,
            had=dict.fromkeys(answers, "as captured"),
            notes=tuple(notes_of(subject, trial.history, live, told)),
            basis="trial",
            cannot=cannot(subject.entry, live),
        )
        return judge(rules, compare(rows_of(table, answers, seen), known))


def _answers(live: Live, table: Evaluation) -> tuple[dict[str, Any], str]:
    """Return what both have answered; where the champion's is of no use, why."""
    found = {"candidate": predictions_of(live, table, CHALLENGER)}
    try:
        found["champion"] = predictions_of(live, table, CHAMPION)
    except WrongUsage as error:
        return found, f"{error.place}: {error.problem}"
    return found, ""


def _use(trial: _Trial) -> int:
    """Return which look this is, counted once."""
    rows, stamp = trial.live.labelled["time"], trial.subject.stamp
    return number_of(
        trial.subject,
        Look(
            model=trial.digests["model"],
            champion=trial.digests["champion"],
            data=trial.digests["data"],
            first=rows[0],
            last=rows[-1],
            at=stamp.at,
            by=stamp.by,
            branch=trial.subject.branch,
        ),
    )
