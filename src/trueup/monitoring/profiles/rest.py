"""Words that no vocabulary has: how many there are, and a sample of them with exact counts.

The words with the smallest hashes are kept, each with its count (Bar-Yossef et al. 2002, as
bottom-k). A word that is among the smallest of a whole is among the smallest of every part in
which it occurs; so merging is exact, in any order, and so are the counts of what is kept.
"""

from collections.abc import Iterable, Mapping

import msgspec

KEPT = 256
LETTERS = 64  # of a word that are kept; hashed is all of it
_SPACE = 1 << 64


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """The words of the smallest hashes, ascending: hash, rows, the word's beginning."""

    kept: tuple[tuple[int, int, str], ...] = ()

    def distinct(self) -> float:
        """Estimate how many different words there are; exact below 256, else within 13 % (95 %).

        >>> rest_of({"a": 3, "b": 1}).distinct()
        2.0
        """
        if len(self.kept) < KEPT:
            return float(len(self.kept))
        return (KEPT - 1) * _SPACE / (self.kept[-1][0] + 1)

    def most_frequent(self, most: int = 8) -> tuple[tuple[str, int], ...]:
        """Return the most frequent of those kept, with their rows."""
        ordered = sorted(self.kept, key=lambda one: (-one[1], one[2]))
        return tuple((word, rows) for _, rows, word in ordered[:most])


NONE = Rest()


def rest_of(words: Mapping[str, int]) -> Rest:
    """Return the sketch of words with their rows."""
    from blake3 import blake3

    hashed = (
        (int.from_bytes(blake3(word.encode("utf-8", "replace")).digest(8)), rows, word[:LETTERS])
        for word, rows in words.items()
    )
    return _smallest(hashed)


def merged(sketches: Iterable[Rest]) -> Rest:
    """Return the sketch of all their words together."""
    parts = [one for one in sketches if one.kept]
    if len(parts) < 2:
        return parts[0] if parts else NONE
    rows: dict[int, int] = {}
    words: dict[int, str] = {}
    for part in parts:
        for number, count, word in part.kept:
            rows[number] = rows.get(number, 0) + count
            words[number] = word
    return _smallest((number, count, words[number]) for number, count in rows.items())


def _smallest(found: Iterable[tuple[int, int, str]]) -> Rest:
    return Rest(tuple(sorted(found)[:KEPT]))
