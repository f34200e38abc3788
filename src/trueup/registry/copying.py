"""Bring a version from another bucket: the version, its verdicts and every digest, as they are."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

import msgspec

from trueup.registry.records import Identity, Judged, Origin, Registered
from trueup.registry.registry import Registry, Resolved
from trueup.registry.verdicts import read_verdict
from trueup.store.artifacts import Artifact
from trueup.store.scopes import TRUSTED

Bring: TypeAlias = Callable[[Iterable[Artifact]], None]


class Stamp(msgspec.Struct, frozen=True):
    """Who does something, and when."""

    by: Identity
    at: datetime


def contents(version: Registered) -> tuple[Artifact, ...]:
    """Return everything whose bytes belong to a version."""
    return (version.model, *version.parts.values())


def copy_version(
    source: Resolved, origin: Registry, target: Registry, bring: Bring, stamp: Stamp
) -> int:
    """Copy a version into another bucket and return its number there; again changes nothing.

    Content comes first (``bring``), then the trusted verdicts, each against its digest, then the
    events. Approvals and aliases are the other bucket's own and stay there.
    """
    version, model = source.version, source.history.model
    bring(contents(version))
    bodies = [
        (evidence, read_verdict(origin.bucket, TRUSTED, evidence.verdict))
        for evidence in source.history.verdicts(version.version)
    ]
    copied = msgspec.structs.replace(
        version,
        at=stamp.at,
        by=stamp.by,
        authors=(*version.authors, *sorted(version.by.names)),
        copied_from=Origin(origin.bucket.url, version.version),
    )
    number = target.register(model, copied)
    for evidence, body in bodies:
        judged = Judged(at=stamp.at, by=stamp.by, evidence=evidence, copied_from=origin.bucket.url)
        target.judge(model, judged, body)
    return number
