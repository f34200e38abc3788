"""Times of rows, to tell what came after a cut-off from what came before it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

    from trueup.gate.arrays import NDArray, Truths

Kind = Literal["number", "local", "zoned"]
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Moments:
    """A column of times: numbers, or microseconds since 1970 with or without a time zone.

    ``span`` is what a value covers beyond itself: a date lasts until its day ends.
    """

    kind: Kind
    values: "pl.Series"
    span: int = 0

    def latest(self) -> str | None:
        """Return the end of the last one, as a cut-off is written; None if there is none."""
        last: Any = self.values.max()
        if last is None:
            return None
        return _written(self.kind, last + self.span)

    def until(self, cutoff: str) -> "Truths | None":
        """Return which are not after a cut-off; None where the two cannot be compared.

        A row without a time cannot be shown to come later, so it counts.
        """
        known = moments(_alone(cutoff))
        if known is None or known.kind != self.kind:
            return None
        mask: NDArray[Any] = (self.values <= known.values[0]).fill_null(value=True).to_numpy()
        return mask


def moments(column: "pl.Series") -> Moments | None:
    """Return a column of times, dates, numbers or text of these; None where it is none of them."""
    import polars as pl

    kind = column.dtype
    if kind == pl.String:
        return _from_text(column)
    if kind.is_numeric():
        return Moments("number", column.cast(pl.Float64).fill_nan(None))
    if kind == pl.Date:
        return Moments("local", _microseconds(column.cast(pl.Datetime("us"))), _DAY_US - 1)
    if isinstance(kind, pl.Datetime):
        return Moments("zoned" if kind.time_zone else "local", _microseconds(column))
    return None


def _from_text(column: "pl.Series") -> Moments | None:
    import polars as pl

    text = column.str.strip_chars()
    text = text.set(text == "", None)
    if not (wanted := text.count()):
        return None
    if (numbers := text.cast(pl.Float64, strict=False)).count() == wanted:
        return Moments("number", numbers)
    if (dates := text.str.to_date("%Y-%m-%d", strict=False)).count() == wanted:
        return moments(dates)
    stamped = text.str.replace(" ", "T", literal=True).str.replace(r"[Zz]$", "+00:00")
    for zone in ("", "%z"):
        found = _parsed(stamped, zone)
        if found.count() == wanted:
            return Moments("zoned" if zone else "local", _microseconds(found))
    return None


def _parsed(stamped: "pl.Series", zone: str) -> "pl.Series":
    import polars as pl

    frame = pl.DataFrame({"at": stamped})
    formats = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
    tried = [
        pl.col("at").str.to_datetime(f"{one}{zone}", time_unit="us", strict=False)
        for one in formats
    ]
    return frame.select(pl.coalesce(tried))["at"]


def _microseconds(times: "pl.Series") -> "pl.Series":
    return times.dt.cast_time_unit("us").to_physical()


def _written(kind: Kind, value: Any) -> str:
    if kind == "number":
        return repr(float(value))
    from datetime import UTC, datetime, timedelta

    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value))
    text = at.replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}Z" if kind == "zoned" else text


def _alone(text: str) -> "pl.Series":
    import polars as pl

    return pl.Series([text])
