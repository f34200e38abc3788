"""The file that points go through on their way to the bucket, and how they are read back."""

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from trueup.pipeline.tracking.records import FORMAT, refuse_newer

HEAD = b'{"format":%d}\n' % FORMAT  # the first line of a stored segment
_MOST_AT_ONCE = 256 << 20  # bytes; only what is no point is that much


class Point(msgspec.Struct, frozen=True, array_like=True):
    """The values that one call of ``trueup.log`` gave."""

    at: float  # seconds since 1970, UTC
    stage: str
    step: float | None
    values: dict[str, float]


class _Line(msgspec.Struct, array_like=True):
    at: float
    stage: str
    step: int | float | None
    values: dict[str, int | float | str]  # text: nan and the infinities


class _Head(msgspec.Struct):
    format: int


class Summary(msgspec.Struct, frozen=True):
    """One curve in a few numbers; nan where it never held a number."""

    stage: str
    name: str
    count: int
    first: float
    last: float
    least: float
    most: float


class Spool:
    """The engine's end of a spool: takes what scripts have appended since the last time.

    The file is held open from the first, so that nothing is lost when its folder is tidied up
    before the last points are taken.
    """

    _file = -1

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._taken = 0

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self._file >= 0:  # names of modules may be gone when the interpreter ends
            close(self._file)

    def drain(self) -> bytes:
        """Return the whole lines that are new; empty when there are none.

        A line still being written waits for the next call.
        """
        size_bytes = os.fstat(self._file).st_size - self._taken
        new = os.pread(self._file, min(max(size_bytes, 0), _MOST_AT_ONCE), self._taken)
        whole = new[: new.rfind(b"\n") + 1]
        if not whole and len(new) == _MOST_AT_ONCE:
            whole = new  # no line is that long: somebody else wrote here; readers skip it
        self._taken += len(whole)
        return whole


def read_points(segments: Iterable[tuple[str, bytes]]) -> tuple[Point, ...]:
    """Return the points of stored segments (place, body); lines that are no points are left out."""
    points: list[Point] = []
    for place, body in segments:
        head, _, lines = body.partition(b"\n")
        refuse_newer(_decoded(_head_decoder, head, _Head(FORMAT)).format, place)
        points.extend(_points(lines))
    return tuple(points)


def summaries(points: Iterable[Point]) -> tuple[Summary, ...]:
    """Return each curve in a few numbers, sorted by stage and name."""
    curves: dict[tuple[str, str], list[float]] = {}
    for point in points:
        for name, value in point.values.items():
            curves.setdefault((point.stage, name), []).append(value)
    return tuple(_summary(stage, name, values) for (stage, name), values in sorted(curves.items()))


def _summary(stage: str, name: str, values: list[float]) -> Summary:
    numbers = [value for value in values if not math.isnan(value)] or [math.nan]
    return Summary(stage, name, len(values), values[0], values[-1], min(numbers), max(numbers))


_line_decoder = msgspec.json.Decoder(_Line)
_head_decoder = msgspec.json.Decoder(_Head)


def _points(lines: bytes) -> list[Point]:
    try:
        read = _line_decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        kept = (_decoded(_line_decoder, line, None) for line in lines.splitlines())
        read = [line for line in kept if line is not None]
    found = []
    for line in read:
        try:
            values = {name: float(value) for name, value in line.values.items()}
            found.append(Point(line.at, line.stage, line.step, values))
        except (ValueError, OverflowError):
            continue
    return found


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, otherwise: Any) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return otherwise
