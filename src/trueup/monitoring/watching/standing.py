"""How a watched model stands: the windows that are shown, and what is to be done about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trueup.monitoring.watching.events import Checked, Referenced, State
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.settings import Settings

TROUBLE: tuple[State, ...] = ("broken", "alarm")


class Standing(msgspec.Struct, frozen=True):
    """What watching a model has come to."""

    model: str
    environment: str
    version: int  # that is live, or was named
    checks: tuple[Checked, ...]  # that are shown, in order
    history: History
    settings: Settings
    fresh: int = 0  # windows checked just now
    open: int = 0  # windows that are not closed yet

    @property
    def reference(self) -> Referenced | None:
        """Return what the version's windows are compared with now."""
        found = self.history.reference(self.version)
        return found[1] if found else None

    @property
    def troubles(self) -> tuple[Checked, ...]:
        """Return the windows of the version that alarm or are broken, and nobody has seen."""
        seen = self.history.acknowledged()
        found = self.history.reference(self.version)
        return tuple(
            one
            for one in self.checks
            if self.history.state(one) in TROUBLE
            and found is not None
            and (one.version, one.reference) == (self.version, found[0])
            and (one.version, one.window) not in seen
        )

    @property
    def word(self) -> State | None:
        """Return broken where any window is, else alarm where any is; None where none is."""
        states = {self.history.state(one) for one in self.troubles}
        return next((one for one in TROUBLE if one in states), None)


def record_of(standing: Standing) -> dict[str, Any]:
    """Return a standing as what JSON shows."""
    seen, revised = standing.history.acknowledged(), standing.history.revisions()
    matured = standing.history.matured()
    return {
        "format": 1,
        "model": standing.model,
        "environment": standing.environment,
        "version": standing.version,
        "alarm": standing.word == "alarm",
        "broken": standing.word == "broken",
        "fresh": standing.fresh,
        "open": standing.open,
        "reference": standing.reference,
        "windows": [
            {
                "name": one.window.name,
                "acknowledged": (one.version, one.window) in seen,
                "late": late.rows if (late := revised.get((one.version, one.window))) else 0,
                **msgspec.to_builtins(one),
                "state": standing.history.state(one),
                "matured": matured.get((one.version, one.window)),
            }
            for one in standing.checks
        ],
    }


def resets(history: History, checks: Sequence[Checked]) -> Mapping[int, str]:
    """Return the references that the shown windows begin anew with, and why; by their number."""
    shown = {one.reference for one in checks}
    found = {}
    for number, event in history.references():
        if number in shown:
            found[number] = f"version {event.version} from window {_first(checks, number)}: "
            found[number] += f"{event.why}; alarms before it do not count on"
    return found


def _first(checks: Sequence[Checked], number: int) -> str:
    return next(one.window.name for one in checks if one.reference == number)
