"""Profiles that lie beside captures: of each segment's rows, one a window, whoever wrote them.

``profiles/<model>/<grid>/<window>/v<version>-<source>-<bytes>.msgpack`` is of the segment with that
source and size. So what is there under a segment's name is of its rows as they are now; once some
of them are erased the segment is smaller, and has no profile any more.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.captures import columns
from trueup.captures.columns import Column
from trueup.captures.frames import INPUT, OUTPUT
from trueup.captures.layout import Segment, model_folder
from trueup.captures.records import Role
from trueup.captures.segments import Piece
from trueup.errors import NotProven
from trueup.monitoring.profiles.captured import Counter, texts
from trueup.monitoring.profiles.grids import FORMAT, Grid, decoded
from trueup.monitoring.profiles.profile import (
    Profile,
    decode_profile,
    empty_profile,
    encode_profile,
    merge,
)
from trueup.monitoring.references import Reference
from trueup.monitoring.watching.events import Referenced
from trueup.monitoring.watching.history import Diary
from trueup.monitoring.watching.shelf import Shelf
from trueup.monitoring.watching.windows import Window, windows_of
from trueup.store.bucket import Bucket, Missing

MOST_WINDOWS = 64  # of one segment; one of more has no profiles
_NAME = re.compile(r"v\d+-(?!captures-)([^-/]+)-(\d+)\.msgpack")  # captures: monitoring's own
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Scheme(msgspec.Struct, frozen=True):
    """How the rows of a model are counted: on which grid, in windows of which length."""

    grid: Grid
    window_s: float


class Part(msgspec.Struct, frozen=True):
    """What one segment's rows come to in one window, by role."""

    profiles: dict[Role, Profile]


def scheme_of(bucket: Bucket, model: str, environment: str) -> Scheme | None:
    """Return how monitoring counts a model; None before its first check, and once rebased."""
    history = Diary(bucket, model, environment).history()
    first = history.grid()
    if first is None:
        return None
    return scheme_by(bucket, model, first, history.references()[-1][1])


def scheme_by(bucket: Bucket, model: str, first: Referenced, last: Referenced) -> Scheme:
    """Return how a model is counted: on the grid of its first reference, as the last one is."""
    grid = Shelf(bucket, model).kept(first.reference, "").reference.grid
    return Scheme(grid, last.window_s)


def parts_of(piece: Piece, window_s: float, counter: Counter) -> Iterator[tuple[Window, Part]]:
    """Yield what a segment comes to in each window; nothing at all where it does not fit."""
    windows = windows_of([piece.segment], window_s) if window_s else {}
    if len(windows) > MOST_WINDOWS:
        return
    table, moments = piece.columns, piece.columns["at"].values()
    live = ~table["refused"].present() if "refused" in table else np.full(len(moments), True)
    roles, found = texts(table["role"]), []
    for window in windows:
        inside = live & (moments >= _us(window.begin)) & (moments < _us(window.end))
        profiles: dict[Role, Profile] = {}
        for code, role in enumerate(roles.dictionary):
            chosen = inside & (roles.codes == code)
            rows = int(chosen.sum())
            if rows:
                one = counter.profile(_rows(table, chosen), rows)
                if one is None:
                    return
                profiles[role] = one  # type: ignore[index]  # captures have no other roles
        found.append((window, Part(profiles)))
    yield from found


def part_key(bucket: Bucket, model: str, grid: str, window: Window, segment: Segment) -> str:
    """Return where the profile of a segment's rows in a window lies."""
    name = f"v{segment.version}-{segment.source}-{segment.size_bytes}"
    return Shelf(bucket, model).profile_key(grid, window, name)


class Covered(msgspec.Struct, frozen=True):
    """The rows of a window: in which segments of one version, and in which roles."""

    model: str
    window: Window
    segments: Sequence[Segment]
    roles: Sequence[Role]


def window_profile(bucket: Bucket, grid: Grid, covered: Covered) -> Profile | None:
    """Return the profile of a window's rows; None where one of its segments has none.

    It is what counting the rows themselves comes to, as long as the window's columns, all its
    segments together, are still what the grid has.
    """
    profiles = [empty_profile(grid)]
    for segment in covered.segments:
        key = part_key(bucket, covered.model, grid.digest, covered.window, segment)
        try:
            part = decode_part(bucket.get(key))
        except (Missing, NotProven):
            return None
        profiles += [one for role, one in part.profiles.items() if role in covered.roles]
    return merge(profiles)


def counted_before(
    bucket: Bucket, reference: Reference, covered: Covered, rows: int
) -> Reference | None:
    """Return a window of so many rows as counting it would; None where profiles do not tell.

    They are of whole windows, and of no use where a reference's blocks are shorter ones.
    """
    begin, end = _us(covered.window.begin), _us(covered.window.end)
    if not reference.is_timed or begin // reference.width != (end - 1) // reference.width:
        return None
    profile = window_profile(bucket, reference.grid, covered)
    if profile is None or not rows or int(profile.rows.sum()) != rows:
        return None
    begins = np.array([begin // reference.width * reference.width])
    return Reference(reference.grid, profile, begins, reference.width, is_timed=True)


def forget(bucket: Bucket, model: str, segments: Iterable[Segment]) -> int:
    """Remove the profiles of segments that are not these, and return how many; for erasing.

    Words that the grid does not have are in profiles as they were said.
    """
    there = {(one.source, str(one.size_bytes)) for one in segments}
    prefix = f"profiles/{model_folder(model)}/"
    gone = []
    for entry in bucket.list(prefix):
        folders = entry.key.removeprefix(prefix).split("/")
        name = _NAME.fullmatch(folders[-1]) if len(folders) == 3 else None
        if name and name.groups() not in there:
            gone.append(entry.key)
    bucket.delete(gone)
    return len(gone)


class _Stored(msgspec.Struct, frozen=True):
    profiles: dict[Role, bytes]
    format: int  # always written


def encode_part(part: Part) -> bytes:
    """Return a part as bytes."""
    profiles = {role: encode_profile(one) for role, one in sorted(part.profiles.items())}
    return msgspec.msgpack.encode(_Stored(profiles, FORMAT))


def decode_part(body: bytes) -> Part:
    """Read what encode_part wrote; NotProven if it is damaged or of a newer trueup."""
    found = decoded(body, _Stored, "profile of captures")
    return Part({role: decode_profile(one) for role, one in found.profiles.items()})


def _rows(table: dict[str, Column], chosen: NDArray[np.bool_]) -> dict[str, Column]:
    if chosen.all():
        return table
    needed = {name: one for name, one in table.items() if name.startswith((INPUT, OUTPUT))}
    return {name: columns.take(one, chosen) for name, one in needed.items()}


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
