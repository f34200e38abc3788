"""River's drift detectors behind our port: one for each column, through the rows in their order.

They fire by thresholds of their own, at a rate that depends on the data and that River does not
state; so the score is how often they fire in a window, to be held against how often they did
before.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import NotProven, WrongUsage, did_you_mean
from trueup.integrations.river.keeping import kept, restored
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.port import Firing, Kind, Look, Seen

if TYPE_CHECKING:
    import polars as pl

SEED = 0  # of KSWIN, which draws
NUMBERS = {"adwin": "ADWIN", "kswin": "KSWIN", "page_hinkley": "PageHinkley"}
TRUTHS = {"ddm": "DDM", "eddm": "EDDM", "fhddm": "FHDDM", "hddm_a": "HDDMA", "hddm_w": "HDDMW"}
NAMES = tuple(f"river.{name}" for name in (*NUMBERS, *TRUTHS))
_MOST_SAID = 5


class _State(msgspec.Struct, frozen=True):
    river: str  # its version: what is inside a detector may change with it
    columns: dict[str, Any]
    format: int = 1


class RiverDetector:
    """A detector of River with its defaults, for every column that it can take.

    Those of ``drift`` take numbers; those of ``drift.binary`` truths, such as whether a prediction
    was wrong. Nulls and NaN are passed over.
    """

    kind: Kind = "stream"

    def __init__(self, name: str) -> None:
        self.name = name
        self._short = name.removeprefix("river.")
        self._takes_truths = self._short in TRUTHS

    def fresh(self) -> Any:
        """Return River's own object, as River makes it; KSWIN with a seed."""
        if self._takes_truths:
            return getattr(import_module("river.drift.binary"), TRUTHS[self._short])()
        make: Callable[..., Any] = getattr(import_module("river.drift"), NUMBERS[self._short])
        return make(seed=SEED) if self._short == "kswin" else make()

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the state after these windows; WrongUsage where no column can be looked at."""
        columns = self._columns(windows[0]) if windows else []
        if not columns:
            wanted = (
                "truths, such as whether a prediction was wrong"
                if self._takes_truths
                else "numbers"
            )
            raise WrongUsage(
                f"{self.name} looks at {wanted}, and no column has any",
                remedy="Name another detector under monitor.drift.detectors",
            )
        state = _encoded({name: kept(self.fresh()) for name in columns})
        for window in windows:
            state = self.look(state, window).state
        return state

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return where it fired, row by row, and the state after the last row."""
        before = _decoded(state, self.name)
        absent = [name for name in before if name not in window.columns]
        firings: list[Firing] = []
        after = {}
        for name, stored in before.items():
            detector = restored(self.fresh(), stored)
            if name not in absent:
                rows = _fired(detector, self._values(window, name))
                firings += [Firing(name, row) for row in rows]
            after[name] = kept(detector)
        times = Counter(one.column for one in firings)
        says = (*_says(times), *(f"{name} is missing" for name in absent))
        scores = tuple((name, float(times[name])) for name in before)
        return Seen(_encoded(after), Look(scores, bool(firings), says, tuple(firings)))

    def _columns(self, window: "pl.DataFrame") -> list[str]:
        import polars as pl

        if self._takes_truths:
            return [name for name, dtype in window.schema.items() if dtype == pl.Boolean]
        return [name for name, dtype in window.schema.items() if dtype.is_numeric()]

    def _values(self, window: "pl.DataFrame", name: str) -> list[Any]:
        import polars as pl

        column = window[name]
        return column.cast(pl.Boolean if self._takes_truths else pl.Float64).to_list()


def river_detector(name: str) -> RiverDetector:
    """Return one of River's detectors by its name here; its package has to be installed."""
    if name not in NAMES:
        raise WrongUsage(
            f"River has no detector that is called {name!r}",
            remedy=f"{did_you_mean(name, NAMES)}There are: {', '.join(NAMES)}",
        )
    return RiverDetector(name)


def _fired(detector: Any, values: Sequence[Any]) -> list[int]:
    found = []
    for row, value in enumerate(values):
        if value is None or value != value:
            continue
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found


def _says(times: Mapping[str, int]) -> tuple[str, ...]:
    most = sorted(times.items(), key=lambda pair: (-pair[1], pair[0]))
    more = len(most) - _MOST_SAID
    return (
        *(f"{name}: fired {count} times" for name, count in most[:_MOST_SAID]),
        *((f"and {more} more columns",) if more > 0 else ()),
    )


def _version() -> str:
    from importlib.metadata import version

    return version("river")


def _encoded(columns: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode(_State(_version(), columns))


def _decoded(state: bytes, name: str) -> dict[str, Any]:
    try:
        found = msgspec.msgpack.decode(state, type=_State)
    except msgspec.DecodeError as error:
        raise NotProven(f"this is no state of {name}: {error}", remedy=_ANEW) from error
    if found.river != _version():
        raise WrongUsage(
            f"{name} was begun with river {found.river}, and {_version()} is installed",
            remedy=f"Install river=={found.river}. Or: {_ANEW}",
        )
    return found.columns


_ANEW = "Begin anew with: trueup monitor rebase MODEL --why REASON"
