"""Answered rows as captures: the same columns and rules as a server's, a whole part at once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.captures import columns, keeping
from trueup.captures.columns import Column
from trueup.captures.frames import INPUT, Frame, frames_of
from trueup.captures.records import Captured, Rules
from trueup.models.outputs import Outputs
from trueup.serving.served import Named

if TYPE_CHECKING:
    import polars as pl


class Kept(msgspec.Struct):
    """The answered rows of a part, column by column."""

    ids: "pl.Series"
    given: "dict[str, pl.Series]"
    outputs: Outputs
    said: list[str | None]  # a row's flags as JSON
    at: "int | list[int]"  # nanoseconds since 1970, of all rows or of each


def frames_kept(named: Named, kept: Kept, rules: Rules, latency_s: float) -> Iterator[Frame]:
    """Yield the frame of what is to be kept of a part; none where sampling leaves no row."""
    if rules.sample < 1.0:
        kept = _sampled(kept, rules.sample)
    if not len(kept.ids):
        return
    batch = Captured(
        named.model, named.version, named.digest, kept.at, kept.ids.to_list(),
        {name: _slow(one) for name, one in kept.given.items()}, kept.outputs,
        latency_s=latency_s, role="batch", environment=named.environment,
    )  # fmt: skip
    hidden = set(rules.redact)
    said = _without(kept.said, hidden) if hidden else kept.said
    for frame in frames_of([keeping.redacted(batch, rules)]):
        made = dict(frame.columns)
        made["flags"] = columns.texts(said) if any(said) else columns.absent(frame.rows)
        for name, one in kept.given.items():
            if INPUT + name in made and str(one.dtype) == "String":
                made[INPUT + name] = _texts(one)
        yield msgspec.structs.replace(frame, columns=made)


def _slow(column: "pl.Series") -> Any:
    """Return a column as captures take it; texts come after, in one piece."""
    import polars as pl

    if column.dtype == pl.String:
        return np.zeros(len(column), bool)
    plain = column.dtype.is_numeric() or column.dtype == pl.Boolean
    if plain and not column.null_count():
        return column.to_numpy()
    return column.to_list()


def _texts(column: "pl.Series") -> Column:
    there = column.is_not_null()
    valid = b"" if there.all() else there.to_numpy().tobytes()
    lengths = column.str.len_bytes().fill_null(0).to_numpy().astype("<i4")
    body = column.drop_nulls().str.join("").item() or ""
    return Column("text", len(column), body.encode(), lengths.tobytes(), valid)


def _sampled(kept: Kept, share: float) -> Kept:
    chosen = [k for k, one in enumerate(kept.ids.to_list()) if keeping.is_sampled(one, share)]
    return Kept(
        kept.ids.gather(chosen),
        {name: one.gather(chosen) for name, one in kept.given.items()},
        {name: one[chosen] for name, one in kept.outputs.items()},
        [kept.said[k] for k in chosen],
        [kept.at[k] for k in chosen] if isinstance(kept.at, list) else kept.at,
    )


def _without(said: list[str | None], hidden: set[str]) -> list[str | None]:
    found: list[str | None] = []
    for one in said:
        words = {k: v for k, v in msgspec.json.decode(one).items() if k not in hidden} if one else 0
        found.append(msgspec.json.encode(words).decode() if words else None)
    return found
