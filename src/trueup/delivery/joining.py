"""Predictions joined to the rows they are for: by id, by series and time, or by order."""

from typing import TYPE_CHECKING

from trueup.delivery.identities import NoIds, texts
from trueup.delivery.row_times import row_times
from trueup.delivery.tables import column
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

_KEY = "\x1fkey "  # no column of a user's is called so


def joined(
    rows: "pl.DataFrame", given: "pl.DataFrame", keys: tuple[str, ...], time: str, shown_as: str
) -> "pl.DataFrame":
    """Return the given table's rows in the order of ``rows``, nulls where it has none.

    Ids are the same if they are the same text, so 7 and 7.0 are. Without keys the order counts.
    """
    if not keys:
        if given.height != rows.height:
            raise WrongUsage(
                f"there are {given.height} predictions for {rows.height} rows",
                remedy="Predict every row, in order; or name the rows with evaluate: id.",
                place=shown_as,
            )
        return given
    import polars as pl

    given_keys = {key: column(given, key, "evaluate", shown_as) for key in keys}
    mine = pl.DataFrame({_KEY + key: _key(rows[key], key == time, shown_as) for key in keys})
    theirs = pl.DataFrame(
        {_KEY + key: _key(one, key == time, shown_as) for key, one in given_keys.items()}
    )
    _sound(mine, theirs, keys, shown_as)
    both = pl.concat([theirs, given], how="horizontal")
    found = mine.join(both, on=mine.columns, how="left", maintain_order="left")
    return found.drop(mine.columns)


def _key(values: "pl.Series", is_time: bool, shown_as: str) -> "pl.Series":
    import polars as pl

    if is_time:
        times = row_times(values, shown_as)
        return times.cast(pl.Float64) if times.dtype.is_numeric() else times.dt.epoch("us")
    if values.dtype.is_integer() or values.dtype == pl.Boolean:
        return values.cast(pl.String)
    try:
        return texts(values)
    except NoIds:
        return values.cast(pl.String)


def _sound(
    mine: "pl.DataFrame", theirs: "pl.DataFrame", keys: tuple[str, ...], shown_as: str
) -> None:
    import polars as pl

    said = " and ".join(map(repr, keys))
    lacking = theirs.filter(pl.any_horizontal(pl.all().is_null())).height
    repeated = theirs.height - theirs.n_unique()
    if lacking or repeated:
        what = f"{lacking} rows have no {said}" if lacking else f"{repeated} rows repeat the {said}"
        raise WrongUsage(
            what if lacking else f"{what} of another",
            remedy="Give each row one prediction, with its own id.",
            place=shown_as,
        )
    if mine.height and not mine.join(theirs, on=mine.columns, how="semi").height:
        raise WrongUsage(
            f"no {said} here is one of the rows to judge",
            remedy="Predict these rows; ids must be written alike in both files.",
            place=shown_as,
        )
