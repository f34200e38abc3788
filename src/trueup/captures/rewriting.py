"""Write segments that are in the bucket anew, without some of their rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trueup.captures import columns
from trueup.captures.columns import Column
from trueup.captures.finding import segments_in
from trueup.captures.layout import Segment
from trueup.captures.reading import read_segment
from trueup.captures.segments import Piece
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl


def without(bucket: Bucket, kind: str, model: str, gone: Sequence[str]) -> int:
    """Remove the rows with these ids from all segments of a model; return how many there were.

    Each segment is replaced at once and whole under its own key, or deleted if it is empty then.
    """
    removed = 0
    for segment in segments_in(bucket, kind, model):
        removed += _rewrite(bucket, kind, model, segment, gone)
    return removed


def _rewrite(bucket: Bucket, kind: str, model: str, segment: Segment, gone: Sequence[str]) -> int:
    import polars as pl

    frame = read_segment(bucket, segment)
    if frame is None:
        return 0
    kept = frame.filter(~pl.col("id").is_in(gone))
    if kept.height == frame.height:
        return 0
    if kept.height == 0:
        bucket.delete([segment.key])
    else:
        kept = kept.drop("digest", strict=False)
        table = {one.name: column_from(one) for one in kept.get_columns()}
        bucket.put(segment.key, Piece(kind, model, segment, table).body, sync=True)
    return frame.height - kept.height


def column_from(series: "pl.Series") -> Column:
    """Return a column as it was before it was written."""
    import polars as pl

    if series.dtype == pl.Null:
        return columns.absent(len(series))
    if series.dtype == pl.String:
        return columns.texts(series.to_list())
    valid = series.is_not_null().to_numpy().tobytes() if series.null_count() else b""
    if isinstance(series.dtype, pl.Datetime):
        made = columns.numbers("time", series.to_physical().fill_null(0).to_numpy())
    else:
        empty = False if series.dtype == pl.Boolean else 0
        array = series.fill_null(empty).to_numpy()
        made = columns.column_of([array])
    return Column(made.kind, made.rows, made.body, made.lengths, valid)
