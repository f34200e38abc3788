"""The history of one model as a value: a pure fold of its events, one after another."""

from collections.abc import Iterable

import msgspec

from trueup.errors import NotProven
from trueup.registry.names import CHALLENGER, CHAMPION
from trueup.registry.records import (
    AliasMoved,
    Approved,
    Deprecated,
    Event,
    Evidence,
    Judged,
    Overridden,
    Promoted,
    Registered,
    Rejected,
    RolledBack,
)


class Standing(msgspec.Struct, frozen=True):
    """What is so in one environment: who has been champion and not rolled back, and the aliases."""

    promotions: tuple[Promoted, ...] = ()  # the last one is live
    aliases: dict[str, int] = {}  # without champion
    answers: tuple[Approved | Rejected, ...] = ()

    @property
    def champion(self) -> int | None:
        """Return the version that is live; None before the first promotion."""
        return self.promotions[-1].version if self.promotions else None

    def rolled_back(self, to: int | None) -> "Standing":
        """Return the standing without the last promotion, and without those behind ``to``."""
        left = self.promotions[:-1]
        while left and left[-1].version != to:
            left = left[:-1]
        return msgspec.structs.replace(self, promotions=left)


class History(msgspec.Struct, frozen=True):
    """Everything that happened to one model, up to event ``number``."""

    model: str
    number: int = 0
    events: tuple[Event, ...] = ()
    versions: tuple[Registered, ...] = ()  # version N is at N - 1
    judged: dict[str, tuple[Evidence, ...]] = {}  # digest of a model: its verdicts, newest last
    standings: dict[str, Standing] = {}  # environment: what is so there
    deprecated: dict[int, Deprecated] = {}
    overrides: dict[int, tuple[Promoted | AliasMoved | Overridden, ...]] = {}

    def then(self, event: Event) -> "History":
        """Return the history with one event more; NotProven for one that cannot follow."""
        return self.after((event,))

    def after(self, events: Iterable[Event]) -> "History":
        """Return the history with these events more: then for each, without a copy for each."""
        draft = _Draft(self)
        for event in events:
            draft.take(event)
        return draft.history(self.model)

    def standing(self, environment: str) -> Standing:
        """Return what is so in an environment; of one never written to, nothing."""
        return self.standings.get(environment, Standing())

    def champion(self, environment: str) -> int | None:
        """Return the version that is live in an environment: last promoted, not rolled back."""
        return self.standing(environment).champion

    def champion_digest(self, environment: str) -> str:
        """Return the digest of the model that is live in an environment; empty if none is."""
        live = self.champion(environment)
        return "" if live is None else self.version(live).model.digest

    def aliases(self, environment: str) -> dict[str, int]:
        """Return every alias in an environment, champion first."""
        standing = self.standing(environment)
        live = standing.champion
        return ({} if live is None else {CHAMPION: live}) | standing.aliases

    def has(self, number: int) -> bool:
        """Say whether there is a version of this number."""
        return 1 <= number <= len(self.versions)

    def version(self, number: int) -> Registered:
        """Return a version that is there."""
        return self.versions[number - 1]

    def verdicts(self, number: int) -> tuple[Evidence, ...]:
        """Return the trusted verdicts on a version's model, the newest last."""
        found = self.judged.get(self.version(number).model.digest, ())
        return tuple(one for one in found if one.scope == "trusted")

    def anchor(self, environment: str) -> int | None:
        """Return the last champion that was shown superior, or the first there was.

        What has to be no worse than the anchor cannot decay in many small steps.
        """
        anchor = None
        for promoted in self.standing(environment).promotions:
            evidence = self.evidence(promoted)
            if anchor is None or (evidence is not None and evidence.superior):
                anchor = promoted.version
        return anchor

    def evidence(self, promoted: Promoted) -> Evidence | None:
        """Return the evidence that a promotion rests on; None for one without any."""
        found = self.judged.get(self.version(promoted.version).model.digest, ())
        return next((one for one in reversed(found) if one.verdict == promoted.verdict), None)


class _Draft:
    """A history in the making: the same, but changed in place."""

    def __init__(self, history: History) -> None:
        self.model = history.model
        self.events = list(history.events)
        self.versions = list(history.versions)
        self.judged = dict(history.judged)
        self.standings = dict(history.standings)
        self.deprecated = dict(history.deprecated)
        self.overrides = dict(history.overrides)

    def history(self, model: str) -> History:
        return History(
            model,
            len(self.events),
            tuple(self.events),
            tuple(self.versions),
            self.judged,
            self.standings,
            self.deprecated,
            self.overrides,
        )

    def take(self, event: Event) -> None:
        match event:
            case Registered():
                self._must(event.version == len(self.versions) + 1)
                self.versions.append(event)
            case Judged(evidence=evidence):
                digest = evidence.model
                self.judged[digest] = (*self.judged.get(digest, ()), evidence)
            case Promoted() | RolledBack():
                self._move(event)
            case Approved() | Rejected():
                self._know(event.version)
                old = self._standing(event.environment)
                self._stand(event.environment, old, answers=(*old.answers, event))
            case AliasMoved():
                self._alias(event)
            case Deprecated():
                self._know(event.version)
                self.deprecated[event.version] = event
            case Overridden():
                self._note(event)
        self.events.append(event)

    def _move(self, event: Promoted | RolledBack) -> None:
        old = self._standing(event.environment)
        if isinstance(event, RolledBack):
            self._must(old.champion == event.version)
            self.standings[event.environment] = old.rolled_back(event.to)
            self._must(self._standing(event.environment).champion == event.to)
            return
        self._know(event.version)
        self._must(event.before == old.champion)
        aliases = old.aliases
        if aliases.get(CHALLENGER) == event.version:  # its trial is over
            aliases = {name: at for name, at in aliases.items() if name != CHALLENGER}
        self._stand(event.environment, old, promotions=(*old.promotions, event), aliases=aliases)
        if event.grounds == "override":
            self._note(event)

    def _alias(self, event: AliasMoved) -> None:
        self._must(event.alias != CHAMPION)
        old = self._standing(event.environment)
        aliases = {name: at for name, at in old.aliases.items() if name != event.alias}
        if event.version is not None:
            self._know(event.version)
            aliases[event.alias] = event.version
            if event.overridden:
                self._note(event)
        self._stand(event.environment, old, aliases=aliases)

    def _note(self, event: Promoted | AliasMoved | Overridden) -> None:
        if event.version is not None:
            self._know(event.version)
            self.overrides[event.version] = (*self.overrides.get(event.version, ()), event)

    def _standing(self, environment: str) -> Standing:
        return self.standings.get(environment, Standing())

    def _stand(self, environment: str, old: Standing, **changes: object) -> None:
        self.standings[environment] = msgspec.structs.replace(old, **changes)

    def _know(self, version: int) -> None:
        self._must(1 <= version <= len(self.versions))

    def _must(self, true: bool) -> None:
        """Refuse what no decision of ours makes: a log that somebody wrote by hand."""
        if not true:
            raise NotProven(
                f"event {len(self.events) + 1} of {self.model} cannot follow those before it",
                remedy="Restore the log from a copy of the bucket; see: trueup doctor --bucket",
            )
