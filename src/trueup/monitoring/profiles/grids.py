"""The grid that profiles are counted on: fixed cells for each column, named by their digest."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import NotProven, WrongUsage, did_you_mean
from trueup.monitoring.cells import Role

FORMAT = 1
BINS = 256  # of a reference's rows, an equal share each as far as equal values allow
WORDS = 1000  # of a vocabulary, the most frequent
REST = "(rest)"

Measure: TypeAlias = Literal[
    "value", "word", "length", "hour", "weekday", "norm",
    "projection1", "projection2", "projection3", "projection4",
]  # fmt: skip
Kind: TypeAlias = Literal["number", "text", "boolean", "time", "vector", "nothing"]


class NumberTrack(msgspec.Struct, frozen=True, tag="number"):
    """Cells of numbers: below the reference, its bins, above it; a cell holds its lower bound."""

    column: str
    measure: Measure
    kind: Kind
    bounds: bytes  # float64, ascending, one fewer than cells
    origin: float  # keys and moments count from here
    exponent: int  # moments count in steps of two to this power
    role: Role = "input"

    @property
    def name(self) -> str:
        """What it is called wherever it is shown."""
        return _named(self)

    @property
    def edges(self) -> NDArray[np.float64]:
        """The bounds between its cells."""
        return np.frombuffer(self.bounds, "<f8")

    @property
    def cells(self) -> int:
        """How many cells it has."""
        return len(self.bounds) // 8 + 1


class WordTrack(msgspec.Struct, frozen=True, tag="words"):
    """Cells of words: one for each that the reference has, the last for all others."""

    column: str
    measure: Measure
    kind: Kind
    words: tuple[str, ...]  # the most frequent first
    role: Role = "input"

    @property
    def name(self) -> str:
        """What it is called wherever it is shown."""
        return _named(self)

    @property
    def labels(self) -> tuple[str, ...]:
        """The words, and what stands for the others."""
        return (*self.words, REST)

    @property
    def cells(self) -> int:
        """How many cells it has."""
        return len(self.words) + 1


Track: TypeAlias = NumberTrack | WordTrack


class Grid(msgspec.Struct, frozen=True, dict=True):
    """The tracks of a table: one or several a column, in the columns' order."""

    tracks: tuple[Track, ...]
    format: int = FORMAT

    @cached_property
    def digest(self) -> str:
        """Its name: profiles merge where these are the same."""
        from blake3 import blake3

        return blake3(encode_grid(self)).hexdigest()

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where each track's cells begin among all, and where the last one's end."""
        return np.cumsum([0, *(track.cells for track in self.tracks)], dtype=np.int64)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it counts."""
        return tuple(dict.fromkeys(track.column for track in self.tracks))

    def kind(self, column: str) -> Kind:
        """Return what kind of values a column has."""
        return self.tracks[self.of(column)[0]].kind

    def of(self, column: str) -> tuple[int, ...]:
        """Return the numbers of a column's tracks."""
        found = tuple(k for k, track in enumerate(self.tracks) if track.column == column)
        if not found:
            raise WrongUsage(
                f"the grid has no column {column!r}",
                remedy=f"{did_you_mean(column, self.columns)}Name one that the reference has",
            )
        return found


class GridsDiffer(WrongUsage):
    """Profiles that were counted on different grids cannot be put together."""

    def __init__(self, digests: Iterable[str]) -> None:
        named = " and ".join(sorted({digest[:12] for digest in digests})[:4])
        super().__init__(
            f"the profiles were counted on different grids: {named}",
            remedy="Count both on the grid of one reference, or begin a new one: "
            "trueup monitor rebase",
        )


def encode_grid(grid: Grid) -> bytes:
    """Return a grid as bytes; the same grid is always the same bytes."""
    return msgspec.msgpack.encode(grid)


def decode_grid(body: bytes) -> Grid:
    """Read what encode_grid wrote; NotProven if it is damaged or of a newer trueup."""
    return decoded(body, Grid, "grid")


_Record = TypeVar("_Record", bound=msgspec.Struct)


class _Formatted(msgspec.Struct):
    format: int = 0


def decoded(body: bytes, kind: type[_Record], what: str) -> _Record:
    """Read a record that carries its format; NotProven if it is damaged or of a newer trueup."""
    version = 0
    try:
        found = msgspec.msgpack.decode(body, type=kind)
        version = getattr(found, "format", 0)
        if version == FORMAT:
            return found
    except msgspec.MsgspecError as error:
        version = _format_of(body)
        if version in (0, FORMAT):
            raise NotProven(
                f"the {what} cannot be read: {error}", remedy="Make it again from its rows"
            ) from error
    raise NotProven(
        f"the {what} has format {version}, and this trueup reads format {FORMAT}",
        remedy="Install a newer trueup: pip install --upgrade trueup",
    )


def _format_of(body: bytes) -> int:
    try:
        return msgspec.msgpack.decode(body, type=_Formatted).format
    except msgspec.MsgspecError:
        return 0


def _named(track: Track) -> str:
    if track.measure in ("value", "word"):
        return track.column
    if track.measure.startswith("projection"):
        return f"projection {track.measure[-1]} of {track.column}"
    return f"{track.measure} of {track.column}"
