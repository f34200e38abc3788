"""Windows with far fewer rows than they should have at this time, or far more."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.broken.records import Finding, Limits, Since
from trueup.monitoring.broken.windows import Basis, Window
from trueup.monitoring.references import Reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_CYCLES = 3  # before a season is known
_LEAST_EXPECTED = 20.0  # rows, before a window is looked at
_LEAST_BLOCKS = 8
_BEYOND = 0.5


class Usual(msgspec.Struct, frozen=True):
    """How many rows a span has, by its place in the season, and how far spans were from that."""

    season: str
    of_phase: "Floats"  # rows of a block
    low: float  # least and most of found to expected rows, as logarithms, with the margin
    high: float


def row_count(basis: Basis, window: Window, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where the window as a whole has collapsed or surged; else where part has."""
    span, counted = window.span, window.counted
    if span is None or not basis.reference.is_timed:
        return
    begin, end = (round(each.timestamp() * 1e6) for each in (span.begin, span.end))
    rows = window.survey.rows if window.survey else 0
    if counted is not None:
        rows = int(counted.profile.rows.sum())
    width = basis.reference.width
    blocks = max(1, round((end - begin) / width))
    usual = usual_rows(basis.reference, blocks)
    if usual is None:
        return
    expected = expected_rows(basis.reference, usual, begin, end)
    found = _judged(usual, rows, expected, limits, "the window")
    if found is not None:
        yield msgspec.structs.replace(found, since=Since(at=span.begin))


def usual_rows(reference: Reference, blocks: int) -> Usual | None:
    """Return what is usual for windows of so many blocks; None where the reference is too short."""
    each = filled(reference)
    if len(each) < max(_LEAST_BLOCKS, 2 * blocks):
        return None
    season, phases = _phases(reference, len(each))
    count = int(phases.max()) + 1
    of_phase = np.array([np.median(each[phases == k]) for k in range(count)])
    expected = np.array([_without(each, phases, k) for k in range(len(each))])
    starts = np.arange(len(each) - blocks + 1)
    sums = [np.concatenate([[0.0], np.cumsum(one)]) for one in (each, expected)]
    got, wanted = (one[starts + blocks] - one[starts] for one in sums)
    there = wanted >= _LEAST_EXPECTED
    if there.sum() < _LEAST_BLOCKS:
        return None
    ratios = np.log((got[there] + 1) / (wanted[there] + 1))
    low, high = float(ratios.min()), float(ratios.max())
    return Usual(season, of_phase, low * (1 + _BEYOND), high * (1 + _BEYOND))


def expected_rows(reference: Reference, usual: Usual, begin: int, end: int) -> float:
    """Return how many rows a span should have, parts of blocks included."""
    width, total = reference.width, 0.0
    start = begin // width * width
    while start < end:
        part = (min(end, start + width) - max(begin, start)) / width
        phase = _phase(np.array([start]), usual.season, width)[0]
        total += part * float(usual.of_phase[min(phase, len(usual.of_phase) - 1)])
        start += width
    return total


def filled(reference: Reference) -> "Floats":
    """Return the rows of each block in time, those without any included.

    The first and the last are left out: they may be cut off.
    """
    places = (reference.begins - reference.begins[0]) // reference.width
    found = np.zeros(int(places[-1]) + 1)
    found[places] = reference.profile.rows
    return found[1:-1]


def _phases(reference: Reference, blocks: int) -> "tuple[str, NDArray[np.int64]]":
    """Return the season that the reference is long enough for, and the phase of each block."""
    width, length = reference.width, blocks * reference.width
    begins = reference.begins[0] + (np.arange(blocks) + 1) * width
    fitting = (
        ("hour of the week", _HOUR_US, 7 * _DAY_US),
        ("day of the week", _DAY_US, 7 * _DAY_US),
        ("hour of the day", _HOUR_US, _DAY_US),
    )
    for season, most, cycle in fitting:
        if width <= most and length >= _CYCLES * cycle:
            return season, _phase(begins, season, width)
    return "", np.zeros(blocks, np.int64)


def _phase(begins: "NDArray[np.int64]", season: str, width: int) -> "NDArray[np.int64]":
    if not season:
        return np.zeros(len(begins), np.int64)
    cycle = _DAY_US if season == "hour of the day" else 7 * _DAY_US
    step = max(width, 1) if season != "day of the week" else _DAY_US
    found: NDArray[np.int64] = begins % cycle // step
    return found


def _without(each: "Floats", phases: "NDArray[np.int64]", block: int) -> float:
    """Return what a block should have, by the others of its phase."""
    others = phases == phases[block]
    others[block] = False
    return float(np.median(each[others])) if others.any() else 0.0


def _judged(usual: Usual, rows: int, expected: float, limits: Limits, what: str) -> Finding | None:
    if expected < _LEAST_EXPECTED:
        return None
    ratio = float(np.log((rows + 1) / (expected + 1)))
    needed = float(np.log(limits.rows_factor))
    low, high = min(usual.low, -needed), max(usual.high, needed)
    if low <= ratio <= high:
        return None
    is_low = ratio < low
    season = f" at this {usual.season}" if usual.season else ""
    return Finding(
        "row_count", "", f"{what} has {rows:,} rows, where {expected:,.0f} are usual{season}",
        "certain" if rows == 0 else "very likely", float(rows), expected,
        float(np.exp(low if is_low else high)) * expected,
        f"windows of the reference had {100 * np.exp(usual.low / (1 + _BEYOND)):.3g} % to "
        f"{100 * np.exp(usual.high / (1 + _BEYOND)):.3g} % of what was usual",
        rows, abs(ratio) / (-low if is_low else high),
    )  # fmt: skip
