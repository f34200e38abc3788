"""Several labels a row: as a column of lists, or as one column a label."""

from typing import TYPE_CHECKING, Any

from trueup.delivery.tables import listed
from trueup.delivery.truths import Truth, class_name, no_target, numbers
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl


def truth_of_labels(frame: "pl.DataFrame", target: str, shown_as: str) -> Truth:
    """Return which labels each row has.

    A column of lists of names; a column of lists of 0 and 1, all of one length; or a column
    TARGET_LABEL of 0 and 1 for each label.
    """
    import polars as pl

    name = target or "truth"
    if name in frame.columns:
        values = frame[name]
        absent = values.is_null().to_numpy()
        if _is_list(values, pl.String):
            labels = names_in(values)
            return Truth(having(values, labels), (name,), labels, absent, open=True)
        coded = matrix_in(values, None, shown_as)
        return Truth(coded, (name,), tuple(map(str, range(coded.shape[1]))), absent)
    found = suffixed(frame.columns, name)
    if not found:
        raise no_target(frame, target, shown_as)
    columns = tuple(found.values())
    coded = side_by_side(frame, columns, shown_as)
    none = frame.select(none=pl.all_horizontal(pl.col(columns).is_null()))["none"]
    return Truth(coded, columns, tuple(found), none.to_numpy())


def suffixed(columns: list[str], prefix: str) -> dict[str, str]:
    """Return the columns that are called ``PREFIX_SOMETHING``, by that something."""
    start = f"{prefix}_"
    return {
        class_name(name.removeprefix(start)): name
        for name in columns
        if name.startswith(start) and name != start
    }


def side_by_side(frame: "pl.DataFrame", columns: tuple[str, ...], shown_as: str) -> Any:
    """Return columns of numbers as one matrix, NaN where they are null."""
    from trueup.gate.arrays import np

    return np.column_stack([numbers(frame[name], shown_as) for name in columns])


def is_list(values: "pl.Series") -> bool:
    """Say whether a column holds lists."""
    import polars as pl

    return isinstance(values.dtype, pl.List | pl.Array)


def _is_list(values: "pl.Series", of: Any) -> bool:
    return is_list(values) and getattr(values.dtype, "inner", None) == of


def holds_names(values: "pl.Series") -> bool:
    """Say whether a column holds lists of names."""
    import polars as pl

    return _is_list(values, pl.String)


def names_in(values: "pl.Series") -> tuple[str, ...]:
    """Return all names in lists of names, sorted."""
    there = values.drop_nulls().explode().drop_nulls().unique().sort().to_list()
    return tuple(dict.fromkeys(class_name(each) for each in there))


def having(values: "pl.Series", labels: tuple[str, ...]) -> Any:
    """Return for each row and label 1 where the row's list names it, else 0; NaN without a list."""
    import polars as pl

    from trueup.gate.arrays import np

    as_list = values.cast(pl.List(pl.String))
    found = [as_list.list.contains(label).cast(pl.Float64).to_numpy() for label in labels]
    return np.column_stack(found) if found else np.empty((len(values), 0))


def matrix_in(values: "pl.Series", width: int | None, shown_as: str) -> Any:
    """Return lists of numbers as a matrix, NaN for a row without a list; all of one length."""
    import polars as pl

    from trueup.gate.arrays import np

    inner = getattr(values.dtype, "inner", None)
    if inner is None or not (inner.is_numeric() or inner == pl.Boolean):
        raise WrongUsage(
            f"the column {values.name!r} of type {values.dtype} holds no lists of numbers",
            remedy="Give a list of names or of 0 and 1 in each row, or a column for each label.",
            place=shown_as,
        )
    as_list = values.cast(pl.List(pl.Float64))
    lengths = as_list.list.len().drop_nulls().unique().sort().to_list()
    width = width or (lengths[0] if lengths else 0)
    if lengths and lengths != [width]:
        raise WrongUsage(
            f"the lists in {values.name!r} are {listed([str(one) for one in lengths])} long",
            remedy=f"Give each row a list of {width}.",
            place=shown_as,
        )
    matrix = np.full((len(values), width), np.nan)
    there = as_list.is_not_null().to_numpy()
    flat = as_list.drop_nulls().explode().to_numpy()
    matrix[there] = flat.reshape(-1, width)
    return matrix
