"""Captures and labels as polars frames: lazily, one segment in memory at a time."""

from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from trueup.captures import layout
from trueup.captures.finding import EVERYTHING, Span, segments_in
from trueup.captures.layout import Segment
from trueup.errors import WrongUsage
from trueup.store.bucket import Bucket, Missing

if TYPE_CHECKING:
    import polars as pl

_LEAST_POLARS = (1, 31)  # before, it fails on filters over rows that come from Python
Refusals: TypeAlias = Literal["without", "only"]
_EARLIEST = timedelta(days=1)  # clocks differ; no label is said longer before its prediction


def require_polars() -> None:
    """Raise WrongUsage unless a polars is installed that can read captures; imports it not yet."""
    wanted = ".".join(map(str, _LEAST_POLARS))
    try:
        here = version("polars")
    except PackageNotFoundError as error:
        raise WrongUsage(
            "captures are read with polars, which is not installed here",
            remedy="Install it: pip install 'trueup[captures]'",
        ) from error
    found = tuple(int(part) for part in here.split(".")[:2])
    if found < _LEAST_POLARS:
        raise WrongUsage(
            f"captures are read with polars {wanted} or newer, not {here}",
            remedy="Install it: pip install 'trueup[captures]'",
        )


def captures(
    bucket: Bucket,
    model: str,
    span: Span = EVERYTHING,
    *,
    refusals: Refusals = "without",
    labels: bool = True,
) -> "pl.LazyFrame":
    """Return what a model was asked and answered: a row for each prediction.

    Columns are ``id``, ``at``, ``version``, ``digest`` (its beginning), ``role``, ``latency_s``,
    ``flags`` (JSON), ``input.X`` and ``output.X``; with labels also ``label``, ``labelled_at``
    and ``words`` (how often the label was said). Segments of different columns lie below each
    other, null where one has none. Rows come while they are read; of the labels, ids and last
    words are in memory.
    """
    require_polars()
    found = segments_in(bucket, layout.CAPTURES, model, span)
    frame = _answers(bucket, found, span, refusals)
    if not labels:
        return frame
    return frame.join(last_words(bucket, model, span), on="id", how="left", maintain_order="left")


def newest(
    bucket: Bucket, model: str, span: Span, rows: int, refusals: Refusals = "without"
) -> "pl.DataFrame":
    """Return the last rows with their labels, in order of time; reads no more than it must."""
    require_polars()
    found = segments_in(bucket, layout.CAPTURES, model, span)
    taken = 1
    while True:
        last = found[-taken:]
        frame = _answers(bucket, last, span, refusals).sort("at", "id").tail(rows).collect()
        if frame.height >= rows or len(last) == len(found):
            break
        taken *= 2
    since = frame.item(0, "at") if frame.height else None
    words = last_words(bucket, model, Span(since=since, as_of=span.as_of))
    return frame.join(words.collect(), on="id", how="left", maintain_order="left")


def _answers(
    bucket: Bucket, found: list[Segment], span: Span, refusals: Refusals
) -> "pl.LazyFrame":
    import polars as pl

    frame = _lazy(bucket, found, _base(layout.CAPTURES))
    is_refused = pl.col("refused").is_not_null()
    frame = frame.filter(is_refused if refusals == "only" else ~is_refused)
    if refusals == "without":
        frame = frame.drop("refused", "sent")
    return _within(frame, span)


def last_words(bucket: Bucket, model: str, span: Span = EVERYTHING) -> "pl.LazyFrame":
    """Return for each labelled id the last word: ``id``, ``label``, ``labelled_at``, ``words``.

    The last is what was said last; of words said at the same moment, what arrived last.
    """
    words = all_words(bucket, model, span)
    import polars as pl  # all_words has said what to do where it is missing

    return (
        words.sort("at", "word")
        .group_by("id")
        .agg(pl.col("label", "at").last(), pl.len().alias("words"))
        .rename({"at": "labelled_at"})
    )


def all_words(bucket: Bucket, model: str, span: Span = EVERYTHING) -> "pl.LazyFrame":
    """Return every label ever said for predictions since then, corrected ones included."""
    require_polars()
    since = span.since - _EARLIEST if span.since else None
    found = segments_in(bucket, layout.LABELS, model, Span(since=since))
    words = _lazy(bucket, found, _base(layout.LABELS))
    if span.as_of is None:
        return words
    import polars as pl

    return words.filter(pl.col("at") <= span.as_of)


def read_segment(bucket: Bucket, segment: Segment) -> "pl.DataFrame | None":
    """Return one segment's rows; None if it was erased meanwhile."""
    import polars as pl

    try:
        frame = pl.read_ipc(BytesIO(bucket.get(segment.key)))
    except Missing:
        return None
    if "version" in frame.columns:
        frame = frame.insert_column(3, pl.lit(segment.digest).alias("digest"))
    return frame


def _lazy(bucket: Bucket, found: list[Segment], base: "pl.DataFrame") -> "pl.LazyFrame":
    import polars as pl
    from polars.io.plugins import register_io_source

    kinds: dict[str, Segment] = {one.schema: one for one in found}
    heads = [read_segment(bucket, one) for one in kinds.values()]
    empties = [one.clear() for one in heads if one is not None]
    whole = pl.concat([base, *empties], how="diagonal_relaxed")

    def rows(
        with_columns: list[str] | None,
        predicate: "pl.Expr | None",
        n_rows: int | None,
        batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        left = n_rows
        for segment in found:
            frame = read_segment(bucket, segment)
            if frame is None or left == 0:
                continue
            frame = pl.concat([whole, frame], how="diagonal_relaxed")
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            if predicate is not None:
                frame = frame.filter(predicate)
            yield frame.select(with_columns) if with_columns is not None else frame

    return register_io_source(rows, schema=whole.schema)


def _within(frame: "pl.LazyFrame", span: Span) -> "pl.LazyFrame":
    import polars as pl

    if span.since:
        frame = frame.filter(pl.col("at") >= span.since)
    if span.end:
        frame = frame.filter(pl.col("at") < span.end)
    return frame


def _base(kind: str) -> "pl.DataFrame":
    """Return a frame without rows that has the columns which are always there."""
    import polars as pl

    at = pl.Datetime("us", "UTC")
    schema: dict[str, pl.DataType | type[pl.DataType]] = {"id": pl.String, "at": at}
    if kind == layout.LABELS:
        schema |= {"word": pl.String, "label": pl.Null, "source": pl.String}
    else:
        schema |= {"version": pl.Int64, "digest": pl.String, "role": pl.String}
        schema |= {"latency_s": pl.Float32, "flags": pl.String}
        schema |= {"refused": pl.String, "sent": pl.String}
    return pl.DataFrame(schema=schema)


class Extent(msgspec.Struct, frozen=True):
    """How much there is, told without reading a row."""

    segments: int
    size_bytes: int
    versions: tuple[int, ...]
    first_ms: int | None
    last_ms: int | None


def extent(bucket: Bucket, model: str, span: Span = EVERYTHING) -> Extent:
    """Say how many segments of a model there are, of which versions and times."""
    found = segments_in(bucket, layout.CAPTURES, model, span)
    return Extent(
        len(found),
        sum(one.size_bytes for one in found),
        tuple(sorted({one.version for one in found})),
        min((one.first_ms for one in found), default=None),
        max((one.last_ms for one in found), default=None),
    )
