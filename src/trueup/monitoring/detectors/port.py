"""What every detector offers, whoever wrote it: a look at a window, given what went before."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from trueup.monitoring.calibration.records import Plan

if TYPE_CHECKING:
    import polars as pl

Kind: TypeAlias = Literal["batch", "stream", "promised"]


class Firing(msgspec.Struct, frozen=True):
    """Where a stream fired: a column, and the row of the window, counted from 0."""

    column: str
    row: int


class Artefact(msgspec.Struct, frozen=True):
    """What a detector shows to people, kept as it is."""

    name: str
    media_type: str
    body: bytes


class Look(msgspec.Struct, frozen=True):
    """What a detector says of one window. Scores grow with the distance from the reference."""

    scores: tuple[tuple[str, float], ...]
    fired: bool  # its own verdict, by its own threshold
    says: tuple[str, ...] = ()
    firings: tuple[Firing, ...] = ()
    artefacts: tuple[Artefact, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """A look, and the state to look at the next window with."""

    state: bytes
    look: Look


class Detector(Protocol):
    """Tells how far the rows of a window are from those before it.

    - ``name`` is what trueup.yaml calls it. ``kind``: a *batch* detector compares two tables, so
      that neither the order of rows nor the windows before change its look; a *stream* takes rows
      one after the other and may go on from window to window; a *promised* one holds the plan's
      promise by itself, as the e-detector does, and is not calibrated.
    - ``begin`` returns the state before the first window, from a reference's windows in the order
      of time. Beginning anew is how a detector is reset.
    - ``look`` returns the look and the next state. Everything that it depends on is in its
      arguments: the same state and window give the same look, also after the state was stored and
      read in another process. It gives the same names of scores, in the same order, each time;
      at least one, all finite. Artefacts are made only where ``keep`` asks for them.
    - It leaves what it is given as it was. What a user can mend is raised as a TrueupError.
    """

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def kind(self) -> Kind:
        """How it looks."""

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the state before the first window that is watched."""

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return what it says of a window, and the state after it."""
