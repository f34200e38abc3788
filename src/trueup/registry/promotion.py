"""May this version become the champion? A decision over values; nothing is read or written."""

from datetime import datetime

import msgspec

from trueup.config.records import Issuers
from trueup.registry.history import History
from trueup.registry.records import (
    Approved,
    Evidence,
    Grounds,
    Identity,
    Promoted,
    Registered,
    Rejected,
)
from trueup.registry.refusals import Refusal
from trueup.registry.vouching import counts

_SHOWN = 12  # of a digest


class Terms(msgspec.Struct, frozen=True):
    """What an environment asks of a promotion."""

    environment: str
    rules: str = ""  # digest of the rules that hold now
    data: str = ""  # digest of the evaluation data that holds now
    approvals: int = 0  # of so many people, the authors not among them
    protected: bool = False  # from a trusted scope only, and approved by verified people only
    issuers: Issuers = Issuers()  # whose word counts on who they are


class PromotionRequest(msgspec.Struct, frozen=True):
    """Who wants which version to be the champion of which environment."""

    version: int
    terms: Terms
    by: Identity
    at: datetime
    trusted: bool = True  # whether the writer's scope is
    override: str = ""  # why it is to be promoted without a passing verdict


def chosen_evidence(history: History, request: PromotionRequest) -> Evidence | None:
    """Return the verdict that speaks for this promotion best: exact, else the nearest to it."""
    if not history.has(request.version):
        return None
    version = history.version(request.version)
    found = history.judged.get(version.model.digest, ())
    return min(
        reversed(found),
        key=lambda evidence: len(_differences(history, version, evidence, request.terms)),
        default=None,
    )


def promotion(
    history: History, evidence: Evidence | None, request: PromotionRequest
) -> Promoted | Refusal | None:
    """Return the event that makes a version the champion, why it may not be; None: it is already.

    The evidence must be for exactly this model, code, data and rules, and for the champion that
    is live at this history's last event. Approvals are asked for whatever the evidence says.
    """
    refusal = _impossible(history, request)
    if refusal:
        return refusal
    environment = request.terms.environment
    if history.champion(environment) == request.version:
        return None
    version = history.version(request.version)
    objection = _objection(history, version, evidence, request)
    if objection and (not request.override or objection.reason == "refit"):
        return objection
    needed = objection is not None or request.version in history.deprecated
    grounds = _grounds(evidence, overridden=needed)
    asked = max(request.terms.approvals, 1 if grounds == "person" else 0)
    verdict = evidence.verdict if evidence else ""
    approvers = approved_by(history, version, request.terms, verdict)
    missing = _unapproved(history, version, request.terms, verdict)
    if missing is None and len(approvers) < asked:
        missing = _more_needed(history, version, asked - len(approvers), request)
    if missing:
        return missing
    return Promoted(
        at=request.at,
        by=request.by,
        version=request.version,
        environment=environment,
        grounds=grounds,
        verdict=verdict,
        before=history.champion(environment),
        approved_by=approvers,
        why=request.override if grounds == "override" else "",
    )


def approved_by(
    history: History, version: Registered, terms: Terms, verdict: str
) -> tuple[str, ...]:
    """Return who approves, one name for each person; the authors' own approvals do not count.

    Where the environment is protected, only those count whom an issuer vouches for that counts.
    """
    authors = authors_of(version)
    return tuple(
        str(answer.by)
        for answer in _last_answers(history, version.version, terms.environment, verdict)
        if isinstance(answer, Approved)
        and not answer.by.names & authors
        and (counts(answer.by, terms.issuers) or not terms.protected)
    )


def authors_of(version: Registered) -> set[str]:
    """Return the people whose own approval does not count."""
    return {*version.by.names, *(name.casefold() for name in version.authors)}


def _impossible(history: History, request: PromotionRequest) -> Refusal | None:
    wanted, terms = request.version, request.terms
    if not history.has(wanted):
        return no_such_version(history, wanted)
    named = f"{history.model}/{wanted}"
    if terms.protected and not request.trusted:
        return Refusal(
            "protected",
            f"{terms.environment} is protected: only a trusted scope may promote there",
            "Let CI promote it from a protected branch, or set TRUEUP_SCOPE=trusted where the"
            " bucket's policy allows that",
        )
    if wanted in history.deprecated and not request.override:
        return Refusal(
            "deprecated",
            f"{named} was deprecated: {history.deprecated[wanted].why or 'no reason was given'}",
            "Promote another version, or this one with: --override --why REASON",
        )
    return None


def no_such_version(history: History, wanted: int) -> Refusal:
    """Return the refusal of a version that the model does not have."""
    there = len(history.versions)
    return Refusal(
        "no such version",
        f"{history.model} has no version {wanted}",
        f"Its versions are 1 to {there}" if there else "Register one with: trueup register",
    )


def _objection(
    history: History,
    version: Registered,
    evidence: Evidence | None,
    request: PromotionRequest,
) -> Refusal | None:
    """Return why the evidence is not a pass for exactly this promotion."""
    named = f"{history.model}/{version.version}"
    by = " --trial" if version.refit_of is not None else ""
    again = f"Judge it with: trueup gate {named}{by} --env {request.terms.environment}"
    basis = evidence.basis if evidence else "recipe"
    if version.refit_of is not None and basis != "trial":
        return Refusal(
            "refit",
            f"{named} is a refit of version {version.refit_of}: the gate has judged its recipe,"
            " never this model",
            f"Put it on trial with: trueup alias {named} challenger; then: trueup gate"
            f" {named} --trial",
        )
    if evidence is None or evidence.model != version.model.digest:
        return Refusal("no verdict", f"{named} has no verdict", again)
    differences = _differences(history, version, evidence, request.terms)
    if differences:
        return msgspec.structs.replace(differences[0], remedy=again)
    if evidence.outcome == "fail":
        return Refusal(
            "failed",
            f"the gate refused {named}{_because(evidence)}",
            "Train a better one; only --override --why REASON moves this one, and that is"
            " recorded for ever",
        )
    if evidence.no_change:
        return Refusal(
            "no change",
            f"{named} predicts what the champion predicts: there is nothing to win",
            "Keep the champion; or promote it all the same: --override --why REASON",
        )
    if evidence.outcome == "inconclusive" and evidence.when_inconclusive == "block":
        return Refusal(
            "inconclusive",
            f"the gate could not decide on {named}{_because(evidence)}",
            "See what would decide it with: trueup gate; or set on_inconclusive: person",
        )
    return None


def _differences(
    history: History, version: Registered, evidence: Evidence, terms: Terms
) -> list[Refusal]:
    """Return in what the evidence is not for this promotion; the gravest comes first."""
    live = history.champion_digest(terms.environment)
    trial = evidence.basis == "trial"  # its rows are the live ones, not those of the test table
    was = f"the verdict {evidence.verdict[:_SHOWN]} on {history.model}/{version.version}"
    checks = (
        ("not trusted", evidence.scope != "trusted", f"was given in the scope {evidence.scope}"),
        ("refit", evidence.basis == "recipe", "is on its recipe, not on this model"),
        ("refit", version.refit_of is not None and not trial, "is not on its trial"),
        ("code differs", evidence.code != version.code, "is for other code"),
        ("rules changed", evidence.rules != terms.rules, "is by other rules than those of now"),
        ("data changed", not trial and evidence.data != terms.data, "is on other evaluation data"),
        (
            "champion moved",
            evidence.champion != live,
            f"compares it with {_model(evidence.champion)}, but the champion of"
            f" {terms.environment} is {_model(live)}",
        ),
    )
    return [
        Refusal(reason, f"{was} {says}", "")  # type: ignore[arg-type]  # a literal in a tuple
        for reason, differs, says in checks
        if differs
    ]


def _grounds(evidence: Evidence | None, *, overridden: bool) -> Grounds:
    if overridden or evidence is None:
        return "override"
    if evidence.outcome == "pass":
        return "pass"
    return "person" if evidence.when_inconclusive == "person" else "inconclusive"


def _last_answers(
    history: History, version: int, environment: str, verdict: str
) -> list[Approved | Rejected]:
    """Return each person's last word on a version; an approval holds for its verdict only."""
    last: dict[str, Approved | Rejected] = {}
    for answer in history.standing(environment).answers:
        if answer.version == version:
            last.pop(answer.by.who, None)
            last[answer.by.who] = answer
    return [
        answer
        for answer in last.values()
        if isinstance(answer, Rejected) or answer.verdict == verdict
    ]


def _unapproved(
    history: History, version: Registered, terms: Terms, verdict: str
) -> Refusal | None:
    named = f"{history.model}/{version.version}"
    for answer in _last_answers(history, version.version, terms.environment, verdict):
        if isinstance(answer, Rejected):
            why = f": {answer.why}" if answer.why else ""
            return Refusal(
                "rejected",
                f"{answer.by} rejected {named} for {terms.environment}{why}",
                f"Whoever rejected it can take that back: trueup approve {named}"
                f" --env {terms.environment}",
            )
    return None


def _more_needed(
    history: History, version: Registered, missing: int, request: PromotionRequest
) -> Refusal:
    environment = request.terms.environment
    named = f"{history.model}/{version.version}"
    people = "one more person" if missing == 1 else f"{missing} more people"
    verified = ", verified," if request.terms.protected else ""
    return Refusal(
        "approval missing",
        f"{named} needs the approval of {people} for {environment}",
        f"Somebody{verified} who is not its author says: trueup approve {named}"
        f" --env {environment}",
    )


def _because(evidence: Evidence) -> str:
    return f": {'; '.join(evidence.reasons[:3])}" if evidence.reasons else ""


def _model(digest: str) -> str:
    return f"the model {digest[:_SHOWN]}" if digest else "none"
