"""Which rows of a batch are kept, and what of them: sampling, redaction, bounds on refusals."""

from typing import Any

import msgspec
from blake3 import blake3

from trueup.captures.records import Captured, Matrix, Named, Rules, names_of

_REASON_LETTERS = 500
_SENT_LETTERS = 200  # of one value
_REFUSED_ROWS = 10  # of one request
_HIDDEN = "***"


def is_sampled(row_id: str, share: float) -> bool:
    """Say whether a row belongs to a share of all ids: the same on every replica.

    >>> is_sampled("a", 1.0), is_sampled("a", 0.0)
    (True, False)
    """
    if share >= 1.0:
        return True
    drawn = int.from_bytes(blake3(row_id.encode("utf-8", "replace")).digest(8))
    return drawn < share * 2.0**64


def sampled(batch: Captured, share: float) -> Captured | None:
    """Return the rows of a batch that are kept; None if there are none.

    Of rows that were chosen to be labelled all are: they stand for those that were not.
    """
    if share >= 1.0 or batch.propensity:
        return batch
    if share <= 0.0:
        return None
    chosen = [k for k, one in enumerate(batch.ids) if is_sampled(one, share)]
    if len(chosen) == batch.rows:
        return batch
    if not chosen:
        return None
    return batch.only(chosen)


def redacted(batch: Captured, rules: Rules) -> Captured:
    """Return a batch without what is never written.

    Of a refused one, whose columns may be misspelt, only the names and types of what was sent
    are kept where anything is redacted, and its reason without the values.
    """
    if batch.refused:
        return _refusal(batch, hide=bool(rules.redact))
    if not rules.redact:
        return batch
    hidden = set(rules.redact)
    if hidden.isdisjoint(names_of(batch.inputs)) and hidden.isdisjoint(names_of(batch.outputs)):
        return batch
    return msgspec.structs.replace(
        batch,
        inputs=_without(batch.inputs, hidden),
        outputs=_without(batch.outputs, hidden),
        flags={name: one for name, one in batch.flags.items() if name not in hidden},
    )


def _without(named: Named, hidden: set[str]) -> Named:
    if isinstance(named, Matrix):
        return named.without(hidden)
    return {name: one for name, one in named.items() if name not in hidden}


def _refusal(batch: Captured, *, hide: bool) -> Captured:
    rows = min(batch.rows, _REFUSED_ROWS)
    sent = batch.inputs.mapping() if isinstance(batch.inputs, Matrix) else batch.inputs
    listed = {name: _listed(one)[:rows] for name, one in sent.items()}
    reason = batch.refused
    if hide:
        texts = {str(value) for one in listed.values() for value in one if value is not None}
        for text in sorted(texts - {""}, key=len, reverse=True):
            reason = reason.replace(text, _HIDDEN)
        listed = {name: [type(value).__name__ for value in one] for name, one in listed.items()}
    return msgspec.structs.replace(
        batch,
        ids=batch.ids[:rows],
        inputs={name: [_short(value) for value in one] for name, one in listed.items()},
        outputs={},
        flags={},
        refused=reason[:_REASON_LETTERS],
    )


def _listed(values: Any) -> list[Any]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    return list(values) if isinstance(values, list | tuple) else [values]


def _short(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, int) or abs(value) < 1 << 63 else str(value)[:50]
    return str(value)[:_SENT_LETTERS]
