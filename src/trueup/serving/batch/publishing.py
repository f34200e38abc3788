"""What a scored table leaves in the bucket: its captures, and the record of its partition."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from trueup.captures import layout
from trueup.captures.finding import segments_in
from trueup.captures.frames import Frame
from trueup.captures.segments import Piece, pieces_of
from trueup.captures.shipping import Beside, store
from trueup.serving.batch.record import (
    Begun,
    Event,
    Job,
    Scored,
    abandoned,
    decode_event,
    encode_event,
    log_prefix,
)
from trueup.store.bucket import Bucket
from trueup.store.log import Log


class Partition:
    """The numbered record of what was scored for one partition of one model."""

    def __init__(self, bucket: Bucket, job: Job) -> None:
        self._bucket, self._job = bucket, job
        self._log = Log(bucket, log_prefix(job))

    def events(self) -> list[Event]:
        """Return everything that was recorded, in order."""
        return [decode_event(one.body, self._log.prefix) for one in self._log.read()]

    def begin(self, at: datetime, by: str) -> None:
        """Record that captures are about to be written."""
        self._log.add(encode_event(Begun(at=at, by=by, source=self._job.source)))

    def supersede(self, beside: Beside | None = None) -> int:
        """Remove the captures of everything that was written before for this partition."""
        sources = abandoned(self.events(), self._job.source)
        return remove(self._bucket, self._job.model, sources, beside)

    def end(self, event: Scored) -> None:
        """Record that it is scored."""
        self._log.add(encode_event(event))


def ship(
    bucket: Bucket,
    job: Job,
    parts: Iterable[tuple[int, Sequence[Frame]]],
    beside: Beside | None = None,
) -> int:
    """Write captures to the bucket, each row once however often this is called.

    What lies beside them is written again where a call was ended before it had been.
    """
    there = _sources(bucket, job)
    written = 0
    for number, frames in parts:
        for piece in pieces_of(frames, f"{job.source}.{number}"):
            is_new = piece.segment.source not in there
            if is_new or beside is not None:
                rows = store(piece, bucket, beside)
                written += rows if is_new else 0
    return written


def remove(bucket: Bucket, model: str, sources: Sequence[str], beside: Beside | None = None) -> int:
    """Remove the captures of these sources, and return how many segments that were."""
    if not sources:
        return 0
    gone = [
        one
        for one in segments_in(bucket, layout.CAPTURES, model)
        if one.source.partition(".")[0] in sources
    ]
    bucket.delete([one.key for one in gone])
    if beside is not None:
        for one in gone:
            beside.forget(Piece(layout.CAPTURES, model, one, {}))
    return len(gone)


def _sources(bucket: Bucket, job: Job) -> set[str]:
    found = segments_in(bucket, layout.CAPTURES, job.model)
    return {one.source for one in found if one.source.startswith(f"{job.source}.")}
