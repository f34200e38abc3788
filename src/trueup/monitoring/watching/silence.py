"""Windows in which nothing was captured at all: whether that is usual, or something has stopped."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import TypeAlias

import msgspec
import numpy as np

from trueup.monitoring.broken.amounts import expected_rows, row_count, usual_rows
from trueup.monitoring.broken.records import Finding, Limits
from trueup.monitoring.broken.windows import Basis, Span
from trueup.monitoring.broken.windows import Window as Looked
from trueup.monitoring.references import Reference
from trueup.monitoring.watching.events import Checked
from trueup.monitoring.watching.windows import Window

MOST = 31  # windows of one stretch that are written down: those after them say nothing new
LEAST_BEFORE = 3
LEAST_ROWS = 20  # of each window before, where these are too few to say more
Rows: TypeAlias = tuple[tuple[Window, int], ...]


class Silence(msgspec.Struct, frozen=True):
    """What it means that nothing was captured; nothing is said where that is usual."""

    finding: Finding | None = None
    says: str = ""


def silent_windows(captured: Collection[Window], until: datetime) -> list[Window]:
    """Return the windows without captures between those with some, and after them until then.

    Of a stretch these are its first ones.
    """
    found: list[Window] = []
    ordered = sorted(captured)
    ends = [one.begin for one in ordered[1:]]
    for one, end in zip(ordered, [*ends, until], strict=False):
        window, stretch = _next(one), 0
        while window.end <= end and stretch < MOST:
            found.append(window)
            window, stretch = _next(window), stretch + 1
    return found


def rows_before(
    checks: Iterable[Checked], seen: Collection[tuple[int, Window]], window: Window
) -> Rows:
    """Return how many rows windows before had, in order, of all the checks given.

    A window that was broken counts as a usual one, else an outage would make the next one look
    usual; one with rows only until it is acknowledged, as that may be how it is from now on.
    """
    rows: dict[Window, int] = {}
    broken: set[Window] = set()
    for one in checks:
        if one.window >= window or _width(one.window) != _width(window):
            continue
        rows[one.window] = rows.get(one.window, 0) + one.rows
        is_off = any(part.check == "row_count" for part in one.broken)
        if is_off and (not one.rows or (one.version, one.window) not in seen):
            broken.add(one.window)
    sound = [count for one, count in rows.items() if one not in broken]
    typical = round(median(sound)) if sound else 0
    return tuple((one, typical if one in broken else rows[one]) for one in sorted(rows))


def as_reference(reference: Reference, before: Rows) -> Reference:
    """Return the number of rows of windows before as if it were a reference's."""
    first = before[0][0]
    rows = np.array([count for _, count in before], dtype=np.int64)
    begins = np.array([round(one.begin.timestamp() * 1e6) for one, _ in before], dtype=np.int64)
    return msgspec.structs.replace(
        reference,
        profile=msgspec.structs.replace(reference.profile, rows=rows),
        begins=begins,
        width=round((first.end - first.begin).total_seconds() * 1e6),
        is_timed=True,
    )


def judged(reference: Reference, before: Rows, window: Window, limits: Limits) -> Silence:
    """Return whether a window without captures is broken, usual, or nobody can tell."""
    if not before:
        return Silence(says="nothing was captured, as before")
    own = as_reference(reference, before)
    usual = usual_rows(own, 1)
    if usual is not None:
        span = Span(window.begin, window.end)
        looked = Looked(None, {}, span=span)
        finding = next(iter(row_count(Basis(own), looked, limits)), None)
        if finding is not None:
            return Silence(finding)
        begin, end = (round(one.timestamp() * 1e6) for one in (span.begin, span.end))
        few = 0 < expected_rows(own, usual, begin, end) < LEAST_ROWS
        return Silence(says="nothing was captured, where few rows are usual" if few else "")
    return _of_few(before, window)


def _of_few(before: Rows, window: Window) -> Silence:
    """Judge by windows that are too few to know a season of."""
    rows = _filled(before, window)
    if median(rows) == 0:
        return Silence()
    if len(rows) < LEAST_BEFORE or min(rows) < LEAST_ROWS:
        return Silence(
            says=f"nothing was captured, and {len(rows)} windows before are too few to say"
            " whether that is usual"
        )
    least = float(min(rows))
    return Silence(
        Finding(
            "row_count", "",
            f"nothing was captured, where each of {len(rows)} windows before had {least:,.0f} rows"
            " or more",
            "very likely", 0.0, float(median(rows)), least, "the windows before", strength=1.0,
        )
    )  # fmt: skip


def _filled(before: Rows, window: Window) -> Sequence[int]:
    """Return the rows of each window before, those that were passed by included."""
    known, found = dict(before), []
    one = before[0][0]
    while one < window:
        found.append(known.get(one, 0))
        one = _next(one)
    return found


def _next(window: Window) -> Window:
    return Window(window.end, window.end + (window.end - window.begin))


def _width(window: Window) -> float:
    return (window.end - window.begin).total_seconds()
