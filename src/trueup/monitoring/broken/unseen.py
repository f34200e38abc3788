"""Words that the reference never had, beyond the rate at which it met new words itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trueup.monitoring.broken.bounds import bound_of, surprise
from trueup.monitoring.broken.gaps import first_beyond
from trueup.monitoring.broken.records import Finding, Limits
from trueup.monitoring.broken.windows import Pair, Window, since_block
from trueup.monitoring.profiles.grids import WordTrack

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW = 5
_LEAST_BLOCKS = 4


def unseen(window: Window, pair: Pair, limits: Limits, rate: float) -> Iterator[Finding]:
    """Yield a finding where too many rows have words that the reference does not have."""
    track = pair.track
    if not isinstance(track, WordTrack) or track.measure != "word" or not track.words:
        return
    hits_by_block, each = pair.now.counts[:, -1], pair.now.counts.sum(axis=1)
    hits, rows = int(hits_by_block.sum()), int(each.sum())
    if hits < _FEW or not rows:
        return
    new, blocks = novelty(pair.before.counts)
    bound = bound_of(new, blocks, rate, rows)
    found = surprise(hits, rows, bound.at)
    if found <= -np.log(rate) or hits / rows - bound.usual < limits.unseen:
        return
    rest = pair.counted.profile.rest.get(pair.now_number)
    words = [word for word, _ in rest.most_frequent(5)] if rest else []
    said = f"{hits:,} of {rows:,} rows have a value that the reference never had"
    yield Finding(
        "unseen", track.column, said + _respelled(words, track.words), "very likely",
        hits / rows, bound.usual, bound.at,
        f"of rows that were new to the reference, {bound.why}",
        hits, found, tuple(words), since_block(window, first_beyond(hits_by_block, each, bound.at)),
    )  # fmt: skip


def novelty(counts: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Return, for the later half of the blocks, the rows whose word no earlier block had, and
    all rows. Too few blocks say nothing: then it is the rows that no word has."""
    blocks = len(counts)
    each = counts.sum(axis=1)
    if blocks < _LEAST_BLOCKS:
        return counts[:, -1], each
    there = counts[:, :-1] > 0
    first = np.where(there.any(axis=0), there.argmax(axis=0), -1)
    new = np.where(first[None, :] == np.arange(blocks)[:, None], counts[:, :-1], 0).sum(axis=1)
    half = blocks // 2
    found: NDArray[np.int64] = new + counts[:, -1]
    return found[half:], each[half:]


def _respelled(words: Sequence[str], known: Sequence[str]) -> str:
    """Say where the words are known ones in another spelling."""
    plain: Mapping[str, str] = {_plain(word): word for word in known}
    pairs = [(word, plain[_plain(word)]) for word in words if _plain(word) in plain]
    if not pairs or len(pairs) < len(words) / 2:
        return ""
    new, old = pairs[0]
    return f": known ones in another spelling ({new!r} was {old!r})"


def _plain(word: str) -> str:
    plain = word.strip().casefold()
    return plain.removesuffix(".0").lstrip("0") or plain
