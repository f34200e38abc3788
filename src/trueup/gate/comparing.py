"""A comparison: the rows that may be judged, what was left out, and under what circumstances."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
from blake3 import blake3

from trueup.gate.arrays import np
from trueup.gate.blocks import Blocks, blocks_of
from trueup.gate.grouping import Call
from trueup.gate.rows import Rows, Table, array, prepared
from trueup.gate.rules import Rule
from trueup.gate.traps import traps_of, usable
from trueup.gate.verdict import Basis, LeftOut, Trap


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the prediction table cannot say of itself.

    ``champion``: ``none`` where there is no champion yet, ``not_comparable`` where its
    predictions on these rows could not be had (``why``), ``no_bucket`` where nobody can say who
    it is. ``seen_known``: whether it is known which rows the models were trained on.
    ``expected``: by slice column, the values of the last time. ``measured``: metrics that are
    single numbers, such as a latency. ``calls``: metrics of the project's own. ``had``: by model,
    how its predictions were come by. ``notes``: sentences to be kept with the verdict. ``basis``:
    where the rows are from. ``cannot``: why a rule cannot be judged on such rows, empty where it
    can. Without a seed, one is made of the digests or the predictions.
    """

    champion: Literal["there", "none", "not_comparable", "no_bucket"] = "there"
    why: str = ""
    seen_known: bool = True
    expected: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    had: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    basis: Basis = "test"
    cannot: Callable[[Rule], str] = lambda rule: ""
    seed: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What `judge` is given beside the rules."""

    table: Table
    blocks: Blocks
    traps: tuple[Trap, ...]
    left_out: LeftOut
    no_change: bool
    seed: int
    circumstances: Circumstances
    kept: dict[Any, Any] = field(default_factory=dict, compare=False)  # slices made once


def compare(rows: Rows, circumstances: Circumstances | None = None) -> Comparison:
    """Return the comparison of a prediction table.

    Rows that a model has seen, that never got a truth, or that lack a prediction are left out
    and counted.
    """
    known = circumstances or Circumstances()
    table = prepared(rows)
    kept = np.ones(len(table), dtype=np.bool_)
    if rows.seen is not None:
        kept &= ~array(rows.seen).astype(np.bool_)
    seen = int((~kept).sum())
    if rows.unlabelled is not None:
        kept &= ~array(rows.unlabelled).astype(np.bool_)
    fresh = table if kept.all() else table.only(kept)
    whole = usable(fresh)
    traps = traps_of(fresh, known.expected, int((~kept).sum()))
    sound = fresh if whole.all() else fresh.only(whole)
    if rows.task in ("binary", "multilabel"):
        sound = replace(sound, truth=sound.truth.astype(np.bool_))
    left_out = LeftOut(
        seen=seen,
        seen_known=known.seen_known,
        unlabelled=int((~kept).sum()) - seen,
        unusable=int((~whole).sum()),
    )
    seed = known.seed if known.seed is not None else _seed(known.digests, table)
    return Comparison(
        sound, blocks_of(sound, seed), tuple(traps), left_out, _unchanged(sound), seed, known
    )


def _unchanged(table: Table) -> bool:
    champion = table.predicted.get("champion")
    candidate = table.predicted["candidate"]
    return champion is not None and len(candidate) > 0 and bool(np.array_equal(candidate, champion))


def _seed(digests: Mapping[str, str], table: Table) -> int:
    """Return a seed that is the same for the same things judged."""
    named = msgspec.json.encode(dict(digests), order="sorted")
    content = (
        named
        if digests
        else b"".join(np.ascontiguousarray(each).tobytes() for each in table.predicted.values())
    )
    return int.from_bytes(blake3(content).digest(length=4))
