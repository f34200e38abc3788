"""Remove captures and labels that are older than ``keep.captures`` says."""

from datetime import datetime

import msgspec

from trueup.captures import layout
from trueup.captures.finding import Span, segments_in
from trueup.store.bucket import Bucket


class Expired(msgspec.Struct, frozen=True):
    """How many segments were removed, and how large they were."""

    captures: int
    labels: int
    size_bytes: int


def expire(bucket: Bucket, model: str, before: datetime, *, dry_run: bool = False) -> Expired:
    """Remove the segments all of whose rows are older than that; a segment is at most a day's.

    A dry run says what would go, and removes nothing.
    """
    before_ms = int(before.timestamp() * 1000)
    size = 0
    removed = {}
    for kind in (layout.CAPTURES, layout.LABELS):
        found = segments_in(bucket, kind, model, Span(until=before))
        old = [one for one in found if one.last_ms < before_ms]
        if not dry_run:
            bucket.delete([one.key for one in old])
        size += sum(one.size_bytes for one in old)
        removed[kind] = len(old)
    return Expired(removed[layout.CAPTURES], removed[layout.LABELS], size)
