"""A project's own function as a detector: two tables in, a score or a record out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.errors import WrongUsage
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.port import Artefact, Kind, Look, Seen
from trueup.monitoring.detectors.tables import packed, unpacked

if TYPE_CHECKING:
    import polars as pl

Compare: TypeAlias = "Callable[[pl.DataFrame, pl.DataFrame], Any]"
KEYS = ("score", "scores", "drifted", "says", "html")
_MOST_SAID, _MOST_LETTERS = 20, 500


class FunctionDetector:
    """``function(reference, window)``, called with two polars frames of the same columns.

    It returns a number, the larger the farther; or a map of ``score`` (a number) or ``scores``
    (numbers by names), and, if it likes, ``drifted`` (its own verdict), ``says`` (a sentence, or
    several) and ``html`` (a page to keep).
    """

    kind: Kind = "batch"

    def __init__(self, name: str, compare: Compare) -> None:
        self.name = name
        self._compare = compare

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the reference, as it will be compared with."""
        return packed(windows)

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return what the function says; WrongUsage where that is neither number nor record."""
        import polars as pl

        reference = pl.concat(unpacked(state))
        said = self._compare(reference, window.clone())
        return Seen(state, _look(self.name, said, keep))


def _look(name: str, said: Any, keep: bool) -> Look:
    record = said if isinstance(said, Mapping) else {"score": said}
    strange = [key for key in record if key not in KEYS]
    scores = _scores(record)
    if strange or not scores or not all(map(math.isfinite, scores.values())):
        raise WrongUsage(
            f"{name} returned {str(said)[:120]}, which is no score",
            remedy="Return a finite number, or a map with 'score' or 'scores' and, if you like,"
            " 'drifted', 'says' and 'html'.",
        )
    says = record.get("says", ())
    lines = [says] if isinstance(says, str) else list(says)
    html = str(record.get("html") or "")
    page = (Artefact(f"{name.replace(':', '.')}.html", "text/html", html.encode()),)
    return Look(
        tuple(scores.items()),
        bool(record.get("drifted", False)),
        tuple(str(line)[:_MOST_LETTERS] for line in lines[:_MOST_SAID]),
        artefacts=page if html and keep else (),
    )


def _scores(record: Mapping[str, Any]) -> dict[str, float]:
    given = dict(record.get("scores") or {})
    if record.get("score") is not None:
        given["score"] = record["score"]
    try:
        return {str(name): float(value) for name, value in given.items()}
    except (TypeError, ValueError):
        return {}
