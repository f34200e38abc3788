"""Whether a run that was made again is the same: by digests, else by numbers."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from trueup.pipeline.lock import LockFile

Proof = Literal["digests", "values", "nothing"]


class Difference(msgspec.Struct, frozen=True):
    """One place where the two are not the same."""

    stage: str
    path: str
    was: Any
    now: Any


class Reproduction(msgspec.Struct, frozen=True):
    """What was proved of a run, and everything that differs."""

    run: str
    proof: Proof
    outputs: int  # compared
    digests: tuple[Difference, ...] = ()  # outputs whose bytes differ
    values: tuple[Difference, ...] = ()  # metrics and predictions beyond the tolerance
    unproven: tuple[str, ...] = ()  # outputs whose bytes differ and that hold no numbers to compare
    environment: tuple[str, ...] = ()  # how this software differs from that of the run
    tolerance: float = 0.0


def differing_outputs(was: LockFile, now: LockFile) -> tuple[int, tuple[Difference, ...]]:
    """Return how many outputs there are, and those whose bytes are not the same."""
    differences = []
    count = 0
    for name, locked in was.stages.items():
        again = now.stages[name].outs if name in now.stages else {}
        for path, artifact in locked.outs.items():
            count += 1
            made = again.get(path)
            if made is None or made.digest != artifact.digest:
                there = made.digest if made else None
                differences.append(Difference(name, path, artifact.digest, there))
    return count, tuple(differences)


def beyond(stage: str, path: str, was: Any, now: Any, tolerance: float) -> tuple[Difference, ...]:
    """Return the leaves of two trees of values that differ by more than a relative tolerance."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        names = [*was, *(name for name in now if name not in was)]
        return tuple(
            found
            for name in names
            for found in beyond(stage, f"{path}:{name}", was.get(name), now.get(name), tolerance)
        )
    if isinstance(was, list | tuple) and isinstance(now, list | tuple) and len(was) == len(now):
        return tuple(
            found
            for index, (one, other) in enumerate(zip(was, now, strict=True))
            for found in beyond(stage, f"{path}[{index}]", one, other, tolerance)
        )
    return () if _close(was, now, tolerance) else (Difference(stage, path, was, now),)


def concluded(reproduction: Reproduction) -> Reproduction:
    """Return the record with its proof: the strongest that nothing contradicts."""
    proof: Proof = "digests"
    if reproduction.digests:
        proof = "nothing" if reproduction.values or reproduction.unproven else "values"
    return msgspec.structs.replace(reproduction, proof=proof)


def _close(one: Any, other: Any, tolerance: float) -> bool:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    if not numbers:
        return type(one) is type(other) and bool(one == other)
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
