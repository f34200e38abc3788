"""Truths for predictions: late, corrected, in bulk; appended, never changed."""

from collections.abc import Sequence
from datetime import datetime

from trueup.captures import shipping
from trueup.captures.records import Labelled, Values
from trueup.store.bucket import Bucket

_ROWS = 65_536  # of one segment


def append(bucket: Bucket, labels: Labelled, source: str) -> int:
    """Write labels to the bucket at once, and return how many there are.

    source tells this call from others: repeated with the same one it writes nothing anew. A
    server gives its labels to the spool instead.
    """
    parts = [
        labels.part(start, min(start + _ROWS, labels.rows))
        for start in range(0, labels.rows, _ROWS)
    ]
    shipping.write(bucket, parts, source)
    return labels.rows


def labelled(model: str, ids: Sequence[str], values: Values, at: datetime) -> Labelled:
    """Return labels as a batch, such as a spool takes."""
    return Labelled(model, ids, values, at)
