"""What simulated years came to, kept as counts: they add up, and every rate is told from them."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from studies.simulated_years import Year
from trueup.gate.distributions import t_quantile
from trueup.monitoring.calibration.records import Promise

MOST = 2.0  # times the declared rate, for nine of ten references
FEW = 0.05  # of references: so many may look steadier than their process, and be told too much
_DAY_S = 86_400.0


class Tally(msgspec.Struct, frozen=True):
    """A setting, and how many of its years had what. Counts are of years with a claim."""

    setting: str
    reference: int
    rule: str
    share: float  # of one false incident in 90 days, which is declared
    days: int  # watched after each reference
    years: int = 0
    covered: str = ""  # columns: years
    incidents: str = ""  # incidents: years
    material: str = ""
    bases: str = ""  # why it is claimed, or is not: years
    seed: int = 0
    commit: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        """What tells settings apart."""
        return self.setting, self.reference, self.rule

    def with_years(self, found: Iterable[Year]) -> "Tally":
        """Return the tally with more years."""
        every = list(found)
        kept = [each for each in every if each.claimed]
        return msgspec.structs.replace(
            self,
            years=self.years + len(every),
            covered=_added(self.covered, [each.covered for each in kept]),
            incidents=_added(self.incidents, [each.incidents for each in kept]),
            material=_added(self.material, [each.material for each in kept]),
            bases=_added(self.bases, [each.basis for each in every]),
        )


class Rates(msgspec.Struct, frozen=True):
    """What a tally comes to; rates are incidents for each one promised, nan without a claim."""

    years: int
    claimed: int  # of them
    covered: float  # columns
    rate: float
    lower_99: float  # Student's bound of the mean over years
    ninetieth: float  # percentile over references
    material: float
    basis: str  # of most years

    @property
    def holds(self) -> str:
        """Say whether the promise is kept where it is given; refused: to nearly all references."""
        if self.claimed < FEW * self.years or not self.claimed:
            return "refused"
        return "yes" if self.lower_99 <= 1.0 and self.ninetieth <= MOST else "no"


def rates(tally: Tally) -> Rates:
    """Return what a tally comes to."""
    declared = Promise(share=tally.share).expected(tally.days * _DAY_S)
    incidents = _values(tally.incidents) / declared
    bases = _counts(tally.bases)
    return Rates(
        years=tally.years,
        claimed=len(incidents),
        covered=_mean(_values(tally.covered)),
        rate=_mean(incidents),
        lower_99=_lower(incidents),
        ninetieth=float(np.quantile(incidents, 0.9)) if len(incidents) else math.nan,
        material=_mean(_values(tally.material) / declared),
        basis=max(sorted(bases), key=lambda one: bases[one], default=""),
    )


def counted(values: Iterable[object]) -> str:
    """Return how often each value is there, as text."""
    return _added("", values)


def _added(before: str, values: Iterable[object]) -> str:
    counts = _counts(before)
    counts.update(str(each) for each in values)
    known = sorted(counts, key=lambda one: (not one.isdigit(), int(one) if one.isdigit() else 0))
    return " ".join(f"{each}:{counts[each]}" for each in known)


def _counts(text: str) -> Counter[str]:
    pairs = (each.rsplit(":", 1) for each in text.split())
    return Counter({name: int(many) for name, many in pairs})


def _values(text: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    counts = _counts(text)
    return np.repeat([float(each) for each in counts], list(counts.values()))


def _mean(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    return float(values.mean()) if len(values) else math.nan


def _lower(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    if len(values) < 2:
        return _mean(values)
    half = t_quantile(0.99, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return max(0.0, _mean(values) - half)


def read(path: Path | None) -> list[Tally]:
    """Return the tallies of a file; none where there is no file yet."""
    if path is None or not path.exists():
        return []
    with path.open(newline="") as file:
        return [msgspec.convert(row, Tally, strict=False) for row in csv.DictReader(file)]


def write(path: Path | None, rows: Iterable[msgspec.Struct]) -> None:
    """Write tallies over what was there, at once: a stop leaves the one or the other."""
    listed = [msgspec.structs.asdict(each) for each in rows]
    if path is None or not listed:
        return
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(listed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    part.replace(path)


_HEADER = (
    "| setting | reference, days | rule | years | with a claim | columns covered "
    "| incidents for each one promised | lower 99 % bound | 90th percentile of references "
    "| of a least effect too | holds |",
    "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---|",
)


def table(tallies: Iterable[Tally]) -> Iterator[str]:
    """Yield the lines of a Markdown table of tallies."""
    yield from _HEADER
    yield from (line(each) for each in tallies)


def line(tally: Tally) -> str:
    """Return a tally's line of the table."""
    found = rates(tally)
    shown = [found.rate, found.lower_99, found.ninetieth, found.material]
    numbers = ["" if math.isnan(each) else f"{each:.2f}" for each in shown]
    many = "" if math.isnan(found.covered) else f"{found.covered:.1f}".removesuffix(".0")
    held = f"refused: {_WORDS[found.basis]}" if found.holds == "refused" else found.holds
    cells = (
        tally.setting,
        f"{tally.reference:,}",
        tally.rule,
        str(tally.years),
        str(found.claimed),
        many,
        *numbers,
        held,
    )
    return "| " + " | ".join(cells) + " |"


_WORDS = {
    "unsteady": "it remembers too long",
    "too_short": "too short",
    "out_of_season": "out of season",
}
