"""The registry of a bucket: reads histories, and writes what a decision makes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from trueup import ids
from trueup.errors import WrongUsage
from trueup.registry import layout, moves
from trueup.registry.history import History
from trueup.registry.names import (
    CHAMPION,
    AliasNotFound,
    ModelNotFound,
    VersionName,
    VersionNotFound,
)
from trueup.registry.promotion import PromotionRequest, chosen_evidence, promotion
from trueup.registry.records import (
    Event,
    Judged,
    Promoted,
    Registered,
    decode_event,
    encode_event,
)
from trueup.registry.refusals import Refusal
from trueup.registry.verdicts import keep_verdict, read_verdict
from trueup.store import log
from trueup.store.abreast import abreast
from trueup.store.bucket import Bucket
from trueup.store.scopes import TRUSTED

_THREADS = 16

Decide: TypeAlias = Callable[[History], Event | Refusal | None]


class Written(msgspec.Struct, frozen=True):
    """What came of a decision: the event and the history with it; no event: nothing to do."""

    history: History
    event: Event | None = None


class Resolved(msgspec.Struct, frozen=True):
    """The version that a name stands for at this moment, with all its digests."""

    version: Registered
    history: History
    environment: str
    alias: str = ""


class Registry:
    """The models of one bucket. With a cache folder, what was read of a remote one stays known."""

    def __init__(self, bucket: Bucket, cache: Path | None = None) -> None:
        self.bucket = bucket
        self._cache = cache
        self._logs: dict[str, log.Log] = {}
        self._known: dict[str, History] = {}

    def models(self) -> list[str]:
        """Return the names of all models, in full and sorted."""
        found = []
        for entry in self.bucket.list(layout.INDEX):
            found.append(layout.model_of(entry.key) or _Mark.read(self.bucket.get(entry.key)))
        return sorted(found)

    def history(self, model: str) -> History:
        """Return what happened to a model; raises ModelNotFound."""
        history = self._read(model)
        if not history.versions:
            raise ModelNotFound(model, self.models())
        return history

    def so_far(self, model: str) -> History:
        """Return what happened to a model until now: nothing where it is not known yet."""
        return self._read(model)

    def histories(self) -> list[History]:
        """Return the histories of all models that have a version, side by side where that pays."""
        threads = _THREADS if self.bucket.remote else 1
        found = abreast(self._read, self.models(), threads)
        return [history for history in found if history.versions]

    def resolve(self, name: VersionName, environment: str) -> Resolved:
        """Return the version that a name stands for in an environment; of a model, the champion.

        Raises ModelNotFound, VersionNotFound or AliasNotFound.
        """
        history = self.history(name.model)
        if name.version is not None:
            if not history.has(name.version):
                raise VersionNotFound(name.model, name.version, len(history.versions))
            return Resolved(history.version(name.version), history, environment)
        alias = name.alias or CHAMPION
        known = history.aliases(environment)
        if alias not in known:
            raise AliasNotFound(name.model, alias, environment, known)
        return Resolved(history.version(known[alias]), history, environment, alias)

    def write(self, model: str, decide: Decide) -> Written:
        """Write the event that a decision makes of everything before it, synced, exactly once.

        The decision is made again whenever somebody else was first. Raises what a refusal says.
        """
        made = Written(History(model))

        def decided(events: list[log.Event]) -> bytes | None:
            nonlocal made
            last = self._last(model)
            history = self._folded(last, events[last.number :])
            event = decide(history)
            if isinstance(event, Refusal):
                raise event.error()
            made = Written(history, event)
            return encode_event(event) if event is not None else None

        self._log(model).append_when(decided)
        if made.event is None:
            return made
        self._known[model] = history = made.history.then(made.event)
        return Written(history, made.event)

    def register(self, model: str, wanted: Registered) -> int:
        """Make a model a version and return its number; the same model again is the same one."""
        key = layout.index_key(model)
        if not any(entry.key == key for entry in self.bucket.list(key)):
            self.bucket.create(key, _Mark(model, ids.nonce()).encode())
        written = self.write(model, lambda history: moves.registration(history, wanted))
        if isinstance(written.event, Registered):
            return written.event.version
        there = moves.same_version(written.history, wanted)
        assert there is not None  # noqa: S101 - the decision has just found it
        return there

    def judge(self, model: str, wanted: Judged, body: bytes) -> Written:
        """Store a verdict's record in its scope, then write down that the model was judged.

        Its evidence must name the record's digest.
        """
        digest = keep_verdict(self.bucket, wanted.evidence.scope, body)
        if digest != wanted.evidence.verdict:
            raise WrongUsage(
                f"the evidence names the verdict {wanted.evidence.verdict[:12]}, its record is"
                f" {digest[:12]}",
                remedy="Judge the model again with: trueup gate",
            )
        return self.write(model, lambda history: moves.judgement(history, wanted))

    def promote(self, model: str, request: PromotionRequest) -> Promoted | None:
        """Make a version the champion; None where it is. Its verdict must lie in trusted.

        Raises Refused, or ChampionMoved where the verdict is against another champion than the
        one that is live at the number of the event that would be written.
        """
        proven: set[str] = set()

        def decide(history: History) -> Promoted | Refusal | None:
            evidence = chosen_evidence(history, request)
            event = promotion(history, evidence, request)
            if isinstance(event, Promoted) and event.grounds != "override":
                if event.verdict not in proven:
                    read_verdict(self.bucket, TRUSTED, event.verdict)
                proven.add(event.verdict)
            return event

        event = self.write(model, decide).event
        return event if isinstance(event, Promoted) else None

    def _read(self, model: str) -> History:
        last = self._last(model)
        return self._folded(last, self._log(model).read(last.number))

    def _log(self, model: str) -> log.Log:
        if model not in self._logs:
            prefix = layout.log_prefix(model)
            self._logs[model] = log.Log(self.bucket, prefix, cache=self._cache)
        return self._logs[model]

    def _last(self, model: str) -> History:
        return self._known.get(model) or History(model)

    def _folded(self, last: History, events: list[log.Event]) -> History:
        prefix = layout.log_prefix(last.model)
        new = (decode_event(one.body, f"{prefix} event {one.number}") for one in events)
        self._known[last.model] = history = last.after(new)
        return history


class _Mark(msgspec.Struct, frozen=True):
    model: str
    nonce: str
    format: int = 1

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @staticmethod
    def read(body: bytes) -> str:
        return msgspec.json.decode(body, type=_Mark).model
