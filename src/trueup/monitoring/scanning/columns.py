"""One column on its way to a profile: looked at, given its cells, counted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from trueup.monitoring.cells import Role
from trueup.monitoring.profiles import drafting
from trueup.monitoring.profiles.drafting import NumberLook, WordLook
from trueup.monitoring.profiles.grids import (
    WORDS,
    Grid,
    Kind,
    Measure,
    NumberTrack,
    Track,
    WordTrack,
)
from trueup.monitoring.profiles.measures import BOOLEANS, FIXED, MEASURES
from trueup.monitoring.profiles.profile import Profile, empty_profile
from trueup.monitoring.profiles.tallying import (
    Lookup,
    Place,
    tally_numbers,
    tally_rows,
    tally_words,
)
from trueup.monitoring.scanning.blocking import Placed
from trueup.monitoring.scanning.series import Measured, texts
from trueup.monitoring.scanning.wording import Dictionary

if TYPE_CHECKING:
    import polars as pl

_SAMPLE = 4096
_FREE_TEXT = 0.5  # of a sample's texts are different

_Look: TypeAlias = NumberLook | WordLook | None  # None: its cells are fixed


class ColumnScan:
    """Counts one column; it has cells from a grid, or makes them from what it has looked at."""

    grid: Grid
    profile: Profile

    def __init__(self, name: str, kind: Kind, role: Role) -> None:
        self.name, self.kind, self.role = name, kind, role
        self.dictionary = Dictionary()
        self.looks: dict[Measure, _Look] = {}

    def measured(self, series: "pl.Series") -> Measured:
        """Return rows of the column, to be measured."""
        return Measured(series, self.kind, self.dictionary)

    def look(self, measured: Measured) -> None:
        """Take in rows of a reference, before its cells are made."""
        if not self.looks:
            measures = self._measures(measured.series)
            self.looks = {measure: self._begun(measure) for measure in measures}
        for measure, look in self.looks.items():
            if isinstance(look, WordLook):
                words = measured.words(measure)
                drafting.look_at_words(look, words.codes, words.dictionary)
            elif look is not None:
                values = measured.numbers(measure).values
                if not len(look.sample):
                    look = self.looks[measure] = drafting.begin_look(values)
                drafting.look_at(look, values)

    def settle(self) -> None:
        """Make the cells from what was looked at."""
        self.use([self._track(measure, look) for measure, look in self.looks.items()])

    def use(self, tracks: Sequence[Track]) -> None:
        """Take these cells."""
        self.grid = Grid(tuple(tracks))
        self._lookups = [Lookup(one) if isinstance(one, NumberTrack) else None for one in tracks]

    def begin(self, blocks: int) -> None:
        """Begin to count into so many blocks."""
        self.profile = empty_profile(self.grid, blocks)

    def count(self, measured: Measured, placed: Placed) -> None:
        """Count rows into the blocks that they belong to."""
        if placed.order is not None:
            measured = self.measured(measured.series.gather(placed.order))
        tally_rows(self.profile, placed.blocks)
        for number, (track, lookup) in enumerate(zip(self.grid.tracks, self._lookups, strict=True)):
            place = Place(self.profile, self.grid, number)
            if lookup is None:
                tally_words(place, measured.words(track.measure), placed.blocks)
            else:
                tally_numbers(place, measured.numbers(track.measure), placed.blocks, lookup)

    def _measures(self, series: "pl.Series") -> tuple[Measure, ...]:
        if self.kind != "text":
            return MEASURES[self.kind]
        sample = texts(series.gather_every(max(1, len(series) // _SAMPLE))).drop_nulls()
        different = sample.n_unique()
        is_free = different > WORDS and different > _FREE_TEXT * len(sample)
        return ("length",) if is_free else ("word",)

    def _begun(self, measure: Measure) -> _Look:
        if measure in FIXED or self.kind == "boolean":
            return None
        if measure == "word":
            return WordLook()
        return drafting.begin_look(np.empty(0))

    def _track(self, measure: Measure, look: _Look) -> Track:
        if isinstance(look, NumberLook):
            edges = drafting.edges_of(look).astype("<f8").tobytes()
            return NumberTrack(
                self.name, measure, self.kind, edges, look.origin, look.exponent, self.role
            )
        words = drafting.words_of(look) if look else FIXED.get(measure, BOOLEANS)
        return WordTrack(self.name, measure, self.kind, words, self.role)
