"""From the gate's verdict to what a promotion rests on; its record in the bucket, and back."""

from typing import Any

import msgspec

from trueup.errors import NotProven
from trueup.gate import verdict as gate
from trueup.gate.verdict import Finding, Verdict
from trueup.registry.names import CHAMPION
from trueup.registry.records import Basis, Evidence

_REASONS = 5  # kept with the event; the record has them all


class JudgedFor(msgspec.Struct, frozen=True):
    """What a verdict does not say of itself: for where, by whose word, on what basis."""

    environment: str = ""
    scope: str = "trusted"
    basis: Basis = "test"


def evidence_of(verdict: Verdict, judged_for: JudgedFor) -> Evidence:
    """Return what a promotion needs of a verdict; NotProven for one that was not sealed."""
    if not verdict.digest or not verdict.digests.get("model"):
        raise NotProven(
            "the verdict names neither itself nor the model that was judged",
            remedy="Judge the model again with: trueup gate",
        )
    compared = [one for one in verdict.findings if _is_with_champion(one)]
    return Evidence(
        verdict=verdict.digest,
        model=verdict.digests["model"],
        outcome=verdict.word,
        data=verdict.digests.get("data", ""),
        rules=verdict.digests.get("rules", ""),
        code=verdict.digests.get("code", ""),
        champion=verdict.digests.get("champion", ""),
        environment=judged_for.environment,
        scope=judged_for.scope,
        when_inconclusive=verdict.on_inconclusive,
        basis=judged_for.basis,
        superior=bool(compared) and all(_is_superior(one) for one in compared),
        no_change=verdict.no_change,
        estimates={one.metric: one.estimate for one in compared if one.estimate is not None},
        reasons=verdict.reasons[:_REASONS],
    )


def record_of(verdict: Verdict) -> bytes:
    """Return the bytes to store: their BLAKE3 is the verdict's digest, so they prove themselves.

    Also to a trueup that is too old to know all their fields.
    """
    return gate.encode(msgspec.structs.replace(verdict, digest=""))


def verdict_of(record: bytes, digest: str) -> Verdict:
    """Return a stored verdict; NotProven where it is not what its digest says."""
    try:
        fields = msgspec.json.decode(record, type=dict[str, Any])
        return gate.decode(msgspec.json.encode({**fields, "digest": digest}))
    except msgspec.DecodeError as error:
        raise NotProven(
            f"{digest[:12]} is no verdict: {error}",
            remedy="Judge the model again with: trueup gate",
        ) from error


def _is_with_champion(finding: Finding) -> bool:
    whole = not finding.slice and finding.rule >= 0  # -1 is the comparison with the anchor
    return whole and finding.versus == CHAMPION and finding.evidence == "interval"


def _is_superior(finding: Finding) -> bool:
    """Say whether a difference was shown; of several metrics all must be, or a trade is a win."""
    interval = finding.interval
    return interval is not None and interval.lower is not None and interval.lower > 0
