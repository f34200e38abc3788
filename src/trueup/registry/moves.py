"""Every other decision: register, judge, approve, reject, roll back, alias, deprecate, override."""

from typing import Literal

import msgspec

from trueup.registry.history import History
from trueup.registry.names import CHALLENGER, CHAMPION
from trueup.registry.promotion import authors_of, no_such_version
from trueup.registry.records import (
    AliasMoved,
    Approved,
    Deprecated,
    Evidence,
    Judged,
    Overridden,
    Registered,
    Rejected,
    RolledBack,
)
from trueup.registry.refusals import Refusal

Status = Literal["passed", "candidate", "refused"]


def status(history: History, number: int) -> Status:
    """Return what the gate has shown of a version: the last verdict that decided something.

    A refit stays a candidate until its own trial was judged.
    """
    refit = history.version(number).refit_of is not None
    for evidence in reversed(history.verdicts(number)):
        if evidence.basis == "recipe" or (refit and evidence.basis != "trial"):
            continue
        if evidence.outcome != "inconclusive":
            return "passed" if evidence.outcome == "pass" else "refused"
    return "candidate"


def latest_verdict(history: History, number: int, environment: str) -> Evidence | None:
    """Return the newest trusted verdict on a version, for this environment if there is one."""
    found = history.verdicts(number)
    here = tuple(evidence for evidence in found if evidence.environment == environment)
    return next(reversed(here or found), None)


def registration(history: History, wanted: Registered) -> Registered | Refusal | None:
    """Return the version with its number; None where the same model of the same code is one."""
    if same_version(history, wanted) is not None:
        return None
    recipe = None if wanted.copied_from else wanted.refit_of  # a copy's recipe stays elsewhere
    if recipe is not None and not history.has(recipe):
        return no_such_version(history, recipe)
    return msgspec.structs.replace(wanted, version=len(history.versions) + 1)


def same_version(history: History, wanted: Registered) -> int | None:
    """Return the version that is the same model, of the same code and recipe."""
    for version in reversed(history.versions):
        if (version.model.digest, version.code, version.refit_of) == (
            wanted.model.digest,
            wanted.code,
            wanted.refit_of,
        ):
            return version.version
    return None


def judgement(history: History, wanted: Judged) -> Judged | None:
    """Return the event that records a verdict; None where it was recorded before."""
    known = history.judged.get(wanted.evidence.model, ())
    return None if wanted.evidence in known else wanted


def answer(history: History, wanted: Approved | Rejected) -> Approved | Rejected | Refusal | None:
    """Return an approval or rejection, bound to a verdict; None if that was said before.

    The verdict is the one that it names, else the newest. An author may reject, and not approve.
    """
    if not history.has(wanted.version):
        return no_such_version(history, wanted.version)
    approves = isinstance(wanted, Approved)
    version = history.version(wanted.version)
    before = [
        one
        for one in history.standing(wanted.environment).answers
        if one.version == wanted.version and one.by.who == wanted.by.who
    ]
    takes_back = bool(before) and isinstance(before[-1], Rejected)
    if approves and wanted.by.names & authors_of(version) and not takes_back:
        return Refusal(
            "wrong use",
            f"{wanted.by} is an author of {history.model}/{wanted.version}: the own approval does"
            " not count",
            "Ask somebody else to approve it",
        )
    newest = latest_verdict(history, wanted.version, wanted.environment)
    verdict = wanted.verdict or (newest.verdict if newest else "")
    bound = msgspec.structs.replace(wanted, verdict=verdict)
    if before and type(before[-1]) is type(bound) and before[-1].verdict == bound.verdict:
        return None
    return bound


def rollback(history: History, wanted: RolledBack) -> RolledBack | Refusal:
    """Return the event that takes the last promotion back, over what was deprecated since.

    ``wanted.version`` is the champion as whoever asks has seen it: if it has moved, nothing is
    done.
    """
    environment = wanted.environment
    standing = history.standing(environment)
    if standing.champion is None:
        return Refusal(
            "no champion",
            f"{history.model} has no champion in {environment}",
            f"Promote one with: trueup promote {history.model}/N --env {environment}",
        )
    if standing.champion != wanted.version:
        return Refusal(
            "champion moved",
            f"the champion of {environment} is version {standing.champion} by now, not"
            f" {wanted.version}",
            f"Look first: trueup history {history.model} --env {environment}",
        )
    earlier = [
        promoted.version
        for promoted in standing.promotions[:-1]
        if promoted.version not in history.deprecated and promoted.version != wanted.version
    ]
    if not earlier:
        return Refusal(
            "nothing before",
            f"{history.model}/{wanted.version} is the first champion of {environment}: there is"
            " nothing to go back to",
            f"Promote another version with: trueup promote {history.model}/N --env {environment}",
        )
    return msgspec.structs.replace(wanted, to=earlier[-1])


def alias_move(history: History, wanted: AliasMoved) -> AliasMoved | Refusal | None:
    """Return the event that moves an alias; None where it is there already.

    A version that was refused or deprecated may be challenger only if that is overridden.
    """
    if wanted.alias == CHAMPION:
        return Refusal(
            "wrong use",
            "champion is moved by promotion only",
            f"trueup promote {history.model}/N, or: trueup rollback {history.model}",
        )
    if history.standing(wanted.environment).aliases.get(wanted.alias) == wanted.version:
        return None
    if wanted.version is None:
        return wanted
    if not history.has(wanted.version):
        return no_such_version(history, wanted.version)
    if wanted.alias != CHALLENGER:
        return msgspec.structs.replace(wanted, overridden=False)
    refused = status(history, wanted.version) == "refused"
    deprecated = wanted.version in history.deprecated
    if (refused or deprecated) and not wanted.overridden:
        said = "was refused by the gate" if refused else "was deprecated"
        return Refusal(
            "failed" if refused else "deprecated",
            f"{history.model}/{wanted.version} {said} and cannot be {CHALLENGER}",
            "Choose another version, or: --override --why REASON",
        )
    return msgspec.structs.replace(wanted, overridden=refused or deprecated)


def deprecation(history: History, wanted: Deprecated) -> Deprecated | Refusal | None:
    """Return the event that deprecates a version; one that is live somewhere stays."""
    number = wanted.version
    if not history.has(number):
        return no_such_version(history, number)
    if number in history.deprecated:
        return None
    for environment in history.standings:
        names = [name for name, at in history.aliases(environment).items() if at == number]
        if names:
            return Refusal(
                "wrong use",
                f"{history.model}/{number} is {' and '.join(names)} of {environment}",
                f"Let another version take its place first: trueup rollback {history.model}"
                f" --env {environment}, or: trueup promote, trueup alias",
            )
    return wanted


def use(
    history: History, wanted: Overridden, *, is_dev: bool = False
) -> Overridden | Refusal | None:
    """Return None where a version may be served, built or deployed in an environment.

    Otherwise the refusal; with a reason (``why``) the event that records the override.
    """
    number, environment = wanted.version, wanted.environment
    if not history.has(number):
        return no_such_version(history, number)
    if is_dev or status(history, number) == "passed":
        return None
    standing = history.standing(environment)
    if any(promoted.version == number for promoted in standing.promotions):
        return None  # by a stand-in for a pass, which its promotion records
    if standing.aliases.get(CHALLENGER) == number:
        return None
    if wanted.why:
        return wanted
    refused = status(history, number) == "refused"
    return Refusal(
        "failed" if refused else "no verdict",
        f"{history.model}/{number} is {'refused' if refused else 'a candidate'}: it has no passing"
        f" verdict, and {environment} is not dev",
        f"Judge and promote it first, or: trueup {wanted.use} ... --override --why REASON",
    )
