"""Texts as places in a dictionary, found by their hashes: a text is looked at once."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

_SLOTS = 1 << 16
_SAMPLE = 4096


class Dictionary:
    """The texts seen so far in one column, each with its place.

    Texts are compared by their 64-bit hash: of a million different ones, two are taken for the
    same once in 37 million tables.
    """

    def __init__(self, known: "pl.Series | None" = None) -> None:
        self.texts: list[str] = []
        self._hashes = np.empty(0, np.uint64)  # ascending
        self._places = np.empty(0, np.int64)  # of the hashes
        self._slot_hash = np.zeros(_SLOTS, np.uint64)
        self._slot_place = np.full(_SLOTS, -2, np.int64)  # -2: nothing is known
        if known is not None and len(known):
            self._learn(known, known.hash().to_numpy())

    def codes(self, texts: "pl.Series") -> NDArray[np.int64]:
        """Return the place of each text, -1 where there is none; new texts are learnt."""
        hashes = texts.hash().to_numpy()
        if not self.texts:
            sample = texts.gather_every(max(1, len(texts) // _SAMPLE)).drop_nulls().unique()
            self._learn(sample, sample.hash().to_numpy())
        slots = (hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
        found = self._slot_place.take(slots)
        found[self._slot_hash.take(slots) != hashes] = -2
        if texts.null_count():
            found[texts.is_null().to_numpy()] = -1
        rows = np.flatnonzero(found == -2)
        if len(rows):
            found[rows] = self._others(texts, hashes[rows], rows)
        return found

    def _others(
        self, texts: "pl.Series", hashes: NDArray[np.uint64], rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Find what is not in its slot, and learn what is new."""
        each, first, back = np.unique(hashes, return_index=True, return_inverse=True)
        is_new = ~np.isin(each, self._hashes)
        if is_new.any():
            self._learn(texts.gather(rows[first[is_new]]), each[is_new])
        places: NDArray[np.int64] = self._places[np.searchsorted(self._hashes, each)][back]
        return places

    def _learn(self, texts: "pl.Series", hashes: NDArray[np.uint64]) -> None:
        places = np.arange(len(self.texts), len(self.texts) + len(texts))
        self.texts += texts.to_list()
        together = np.concatenate([self._hashes, hashes])
        order = np.argsort(together)
        self._hashes = together[order]
        self._places = np.concatenate([self._places, places])[order]
        slots = (hashes & np.uint64(_SLOTS - 1)).astype(np.int64)
        is_free = self._slot_place[slots] == -2
        self._slot_hash[slots[is_free]] = hashes[is_free]
        self._slot_place[slots[is_free]] = places[is_free]
