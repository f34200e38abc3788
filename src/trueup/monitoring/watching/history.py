"""What happened in watching one model in one environment, as a value; and the log it is read of."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from trueup.captures.layout import model_folder
from trueup.monitoring.calibration.records import Rule
from trueup.monitoring.watching.events import (
    Acknowledged,
    Checked,
    Event,
    Matured,
    Rebased,
    Referenced,
    Revised,
    State,
    decode_event,
    encode_event,
)
from trueup.monitoring.watching.windows import Window
from trueup.pipeline.tracking.layout import stage_folder
from trueup.store import log
from trueup.store.bucket import Bucket

QUIET = Rule().quiet  # checks after which an alarm is a new incident


class History(msgspec.Struct, frozen=True, dict=True):
    """All events so far, in order: the event N is at N - 1.

    What is looked up by a version or a window is ordered once, as there may be thousands.
    """

    events: tuple[Event, ...] = ()

    def reference(self, version: int) -> tuple[int, Referenced] | None:
        """Return the reference of a version with its number; None before its first, or rebased."""
        return self._references.get(version)

    @cached_property
    def _references(self) -> dict[int, tuple[int, Referenced]]:
        found: dict[int, tuple[int, Referenced]] = {}
        for number, event in enumerate(self.events, 1):
            if isinstance(event, Rebased):
                found = {}
            elif isinstance(event, Referenced):
                found[event.version] = (number, event)
        return found

    def grid(self) -> Referenced | None:
        """Return the reference whose grid all others keep: the first since the last rebase."""
        first = None
        for event in reversed(self.events):
            if isinstance(event, Rebased):
                break
            if isinstance(event, Referenced):
                first = event
        return first

    def checks(self, version: int | None = None) -> tuple[Checked, ...]:
        """Return the checks of a version, or of all, in the order of their windows."""
        if version is None:
            return self._checks
        return self._checks_of.get(version, ())

    @cached_property
    def _checks(self) -> tuple[Checked, ...]:
        found = (one for one in self.events if isinstance(one, Checked))
        return tuple(sorted(found, key=lambda one: (one.window, one.version)))

    @cached_property
    def _checks_of(self) -> dict[int, tuple[Checked, ...]]:
        found: dict[int, list[Checked]] = {}
        for one in self._checks:
            found.setdefault(one.version, []).append(one)
        return {version: tuple(checks) for version, checks in found.items()}

    @cached_property
    def _check_of(self) -> dict[tuple[int, Window], Checked]:
        return {(one.version, one.window): one for one in self._checks}

    def check(self, version: int, window: Window) -> Checked | None:
        """Return the check of a version's window; None where it was not checked."""
        return self._check_of.get((version, window))

    def revisions(self) -> Mapping[tuple[int, Window], Revised]:
        """Return the last revision of each version's window."""
        return self._revisions

    @cached_property
    def _revisions(self) -> dict[tuple[int, Window], Revised]:
        return {(one.version, one.window): one for one in self.events if isinstance(one, Revised)}

    def matured(self) -> Mapping[tuple[int, Window], Matured]:
        """Return how well each window did, once its labels were there."""
        return self._matured

    @cached_property
    def _matured(self) -> dict[tuple[int, Window], Matured]:
        return {(one.version, one.window): one for one in self.events if isinstance(one, Matured)}

    def state(self, check: Checked) -> State:
        """Return how a window stands now: labels that came since may show a drop."""
        late = self.matured().get((check.version, check.window))
        if check.state != "broken" and late and any(one.alarmed for one in late.drops):
            return "alarm"
        return check.state

    def references(self) -> tuple[tuple[int, Referenced], ...]:
        """Return every reference there was, with its number."""
        numbered = enumerate(self.events, 1)
        return tuple((number, one) for number, one in numbered if isinstance(one, Referenced))

    def before(self, version: int, reference: int, window: Window) -> tuple[Checked, ...]:
        """Return the checks that a window's own continues: with that reference, before it.

        Windows in which nothing was captured are passed over.
        """
        return tuple(
            one
            for one in self.checks(version)
            if one.reference == reference and one.window < window and one.rows
        )

    def acknowledged(self) -> frozenset[tuple[int, Window]]:
        """Return the windows that somebody has seen.

        With a window its incident: alarms that follow each other with one reference, also later
        ones as far as they show no column that was not seen.
        """
        names = {one.window for one in self.events if isinstance(one, Acknowledged)}
        late = self.matured()
        shown = {
            (one.version, one.window): _shown(one, late.get((one.version, one.window)))
            for one in self.checks()
        }
        found: set[tuple[int, Window]] = set()
        for incident in _incidents(self.checks(), shown):
            seen = [k for k, one in enumerate(incident) if one[1].name in names]
            if not seen:
                continue
            until = incident[: seen[-1] + 1]
            known = {name for one in until for name in shown[one]}
            found |= {*until, *(one for one in incident if shown[one] <= known)}
        return frozenset(found)

    @property
    def last(self) -> Checked | None:
        """Return what was checked last."""
        return next((one for one in reversed(self.events) if isinstance(one, Checked)), None)


def _shown(one: Checked, late: Matured | None) -> set[str]:
    """Return what a window shows that is to be acted on; nothing where it is quiet."""
    drops = (*one.drops, *(late.drops if late else ()))
    worse = {f"{drop.kind} drop" for drop in drops if drop.alarmed}
    if one.state not in ("alarm", "broken"):
        return worse
    broken = {f"{part.check} {part.column}" for part in one.broken}
    fired = {f"detector {name}" for name in (one.detected.triggers if one.detected else ())}
    return {*(one.drift.moved if one.drift else ()), *broken, *worse, *fired}


def _incidents(
    checks: Sequence[Checked], shown: Mapping[tuple[int, Window], set[str]]
) -> list[list[tuple[int, Window]]]:
    """Return stretches of windows that show something, with few that are quiet between them."""
    found: dict[tuple[int, int], list[list[tuple[int, Window]]]] = {}
    quiet: dict[tuple[int, int], int] = {}
    for one in checks:
        key, window = (one.version, one.reference), (one.version, one.window)
        if not shown[window]:
            quiet[key] = quiet.get(key, 0) + bool(one.rows)
            continue
        stretches = found.setdefault(key, [])
        if not stretches or quiet.get(key, 0) >= QUIET:
            stretches.append([])
        stretches[-1].append(window)
        quiet[key] = 0
    return [stretch for stretches in found.values() for stretch in stretches]


class Diary:
    """The numbered events of watching one model in one environment."""

    def __init__(
        self, bucket: Bucket, model: str, environment: str, cache: Path | None = None
    ) -> None:
        self.prefix = f"monitoring/{model_folder(model)}/{stage_folder(environment)}"
        self._log = log.Log(bucket, self.prefix, cache=cache)
        self._known = History()

    def history(self) -> History:
        """Return everything until now."""
        return self._folded(self._log.read())

    def known(self) -> History:
        """Return everything that was there when this diary last looked; it looks the first time."""
        return self._known if self._known.events else self.history()

    def add(self, decide: Callable[[History], Event | None]) -> History:
        """Write the event that a decision makes of everything before it; None writes nothing.

        Whenever somebody else was first it is decided again, over what is there then.
        """

        def decided(events: list[log.Event]) -> bytes | None:
            event = decide(self._folded(events))
            return None if event is None else encode_event(event)

        self._log.append_when(decided)
        return self.history()

    def _folded(self, events: Sequence[log.Event]) -> History:
        known = self._known.events
        if len(events) > len(known):
            new = events[len(known) :]
            more = (decode_event(one.body, f"{self.prefix} event {one.number}") for one in new)
            self._known = History((*known, *more))
        return self._known
