"""How often test rows were used: a log in the bucket, over branches and people."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from trueup.config.model_entries import EvaluateEntry, GateEntry
from trueup.registry.copying import Stamp
from trueup.registry.records import Identity
from trueup.registry.registry import Registry
from trueup.store.bucket import Bucket
from trueup.store.formats import Stored
from trueup.store.log import Event, Log

if TYPE_CHECKING:
    from trueup.delivery.evaluating import Evaluation

FORMAT = 1


class Use(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One model that was judged on the rows for the first time."""

    model: str  # digest
    at: datetime
    by: Identity
    branch: str = ""
    number: int = 0  # among the distinct models on these rows, from 1; known once it is written


class _Stored(msgspec.Struct, frozen=True):
    """What is written; its number is its place in the log, which a body cannot contradict."""

    model: str
    at: datetime
    by: Identity
    branch: str = ""
    format: int = FORMAT


def evaluation_digest(data: str, target: str, task: str) -> str:
    """Return what names the test rows and the question asked of them."""
    from blake3 import blake3

    named = {"data": data, "target": target, "task": task}
    return blake3(msgspec.json.encode(named, order="sorted")).hexdigest()


class Judge(Protocol):
    """Who judges a model, where, and on which branch."""

    @property
    def registry(self) -> Registry:
        """Return the registry, in whose bucket uses are counted."""
        ...

    @property
    def own(self) -> Path:
        """Return the project's folder for what can be lost."""
        ...

    @property
    def stamp(self) -> Stamp:
        """Return who, and when."""
        ...

    @property
    def branch(self) -> str:
        """Return the branch, if there is one."""
        ...


def use_of(judge: Judge, table: "Evaluation", model: str) -> int:
    """Return which distinct model this digest is on these rows, from 1; counted once."""
    evaluation = evaluation_digest(table.data, table.entry.target, table.task)
    wanted = Use(model=model, at=judge.stamp.at, by=judge.stamp.by, branch=judge.branch)
    cache = judge.own / "state" / "reuse" if judge.own.is_dir() else None
    return first_use(judge.registry.bucket, evaluation, wanted, cache).number


def uses(bucket: Bucket, evaluation: str, cache: Path | None = None) -> list[Use]:
    """Return the distinct models that were judged on these rows, in order: the k-th is number k.

    With a cache folder, what was read of a remote bucket is not read again.
    """
    log = _log(bucket, evaluation, cache)
    return _folded(log, log.read())


def first_use(bucket: Bucket, evaluation: str, wanted: Use, cache: Path | None = None) -> Use:
    """Return a model's first use of these rows, which is written down if this is it.

    Whoever else writes at the same moment gets another number, and the same model again keeps
    its own. Raises AccessRefused where nothing may be written: what is not counted is not judged.
    """
    log = _log(bucket, evaluation, cache)
    made = wanted

    def decide(events: list[Event]) -> bytes | None:
        nonlocal made
        before = _folded(log, events)
        there = next((use for use in before if use.model == wanted.model), None)
        made = there or msgspec.structs.replace(wanted, number=len(before) + 1)
        stored = _Stored(wanted.model, wanted.at, wanted.by, wanted.branch)
        return None if there else msgspec.json.encode(stored)

    log.append_when(decide)
    return made


def how_to_refresh(gate: GateEntry, evaluate: EvaluateEntry, use: int) -> str:
    """Return what to do once these rows were used more often than planned; empty before that."""
    if use <= gate.reuse:
        return ""
    rows = evaluate.data or evaluate.predictions
    used = (
        f"This is candidate {use} on the rows of {rows}, and reuse: {gate.reuse} plans for"
        f" {gate.reuse}: from here on only evidence: point is judged."
        f" Take rows that no candidate was judged on, such as newer ones, into {rows}: the count"
        " begins again at 1."
    )
    if gate.spending == "even":
        return f"{used} A larger reuse would spend error twice: under spending: even it is used up."
    return (
        f"{used} Or raise reuse: under spending: series all candidates together still err no more"
        " than is declared, but each later one has less to pass with."
    )


def _log(bucket: Bucket, evaluation: str, cache: Path | None) -> Log:
    return Log(bucket, f"reuse/{evaluation}", cache=cache)


def _folded(log: Log, events: list[Event]) -> list[Use]:
    found: dict[str, Use] = {}
    for event in events:
        one = _decoded(event, log.prefix)
        if one.model not in found:
            number = len(found) + 1
            use = Use(model=one.model, at=one.at, by=one.by, branch=one.branch, number=number)
            found[one.model] = use
    return list(found.values())


def _decoded(event: Event, prefix: str) -> _Stored:
    return _USES.read(event.body, f"{prefix} event {event.number}")


_USES: Stored[_Stored] = Stored(
    msgspec.json.Decoder(_Stored), FORMAT, "the uses of these rows are", "not a use of test rows"
)
