"""Events and requests for the registry's tests, made short."""

from datetime import UTC, datetime

import msgspec

from trueup.registry.history import History
from trueup.registry.promotion import PromotionRequest, Terms
from trueup.registry.records import (
    AliasMoved,
    Approved,
    Deprecated,
    Evidence,
    Identity,
    Judged,
    Outcome,
    Promoted,
    Registered,
    Rejected,
    RolledBack,
)
from trueup.store.artifacts import Artifact
from trueup.store.hashing import digest_bytes

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADA, BOB, EVE = Identity("ada"), Identity("bob"), Identity("eve")
CI = Identity(
    "repo:team/flights:ref:refs/heads/main",
    verified=True,
    issuer="https://token.actions.githubusercontent.com",
    person="cy",
    account="team/flights",
)
RULES, TABLE = "rules-1", "data-1"
PROD = Terms("prod", rules=RULES, data=TABLE)


def digest(version: int) -> str:
    return digest_bytes(b"model %d" % version)


def registered(version: int, *, refit_of: int | None = None, by: Identity = ADA) -> Registered:
    return Registered(
        at=AT,
        by=by,
        version=version,
        model=Artifact(digest(version), 100 + version),
        code=f"code-{version}",
        lineage={"train": f"key-{version}"},
        run=f"run-{version}",
        refit_of=refit_of,
    )


def evidence(
    version: int, champion: int | None = None, outcome: Outcome = "pass", **other: object
) -> Evidence:
    found = Evidence(
        verdict="",
        model=digest(version),
        outcome=outcome,
        data=TABLE,
        rules=RULES,
        code=f"code-{version}",
        champion=digest(champion) if champion else "",
        environment="prod",
    )
    found = msgspec.structs.replace(found, **other)
    return msgspec.structs.replace(found, verdict=found.verdict or digest_bytes(body(found)))


def body(of: Evidence) -> bytes:
    """Return the record of a verdict with this evidence, as the gate would write it."""
    return msgspec.json.encode(msgspec.structs.replace(of, verdict=""))


def judged(of: Evidence) -> Judged:
    return Judged(at=AT, by=CI, evidence=of)


def promoted(history: History, version: int, environment: str = "prod") -> Promoted:
    return Promoted(
        at=AT,
        by=ADA,
        version=version,
        environment=environment,
        grounds="pass",
        before=history.champion(environment),
    )


def rolled_back(history: History, environment: str = "prod") -> RolledBack:
    standing = history.standing(environment)
    return RolledBack(
        at=AT,
        by=ADA,
        version=standing.champion or 0,
        environment=environment,
        to=standing.promotions[-2].version if len(standing.promotions) > 1 else None,
    )


def approved(version: int, by: Identity = BOB, verdict: str = "") -> Approved:
    return Approved(at=AT, by=by, version=version, environment="prod", verdict=verdict)


def rejected(version: int, by: Identity = BOB, verdict: str = "") -> Rejected:
    return Rejected(
        at=AT, by=by, version=version, environment="prod", verdict=verdict, why="too slow"
    )


def deprecated(version: int) -> Deprecated:
    return Deprecated(at=AT, by=ADA, version=version, why="leaks a label")


def moved(alias: str, version: int | None, **other: object) -> AliasMoved:
    event = AliasMoved(at=AT, by=ADA, alias=alias, environment="prod", version=version)
    return msgspec.structs.replace(event, **other)


def request(version: int, terms: Terms = PROD, **other: object) -> PromotionRequest:
    return msgspec.structs.replace(PromotionRequest(version, terms, ADA, AT), **other)


def with_versions(count: int) -> History:
    return History("flights/late").after(registered(number) for number in range(1, count + 1))
