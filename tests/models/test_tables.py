"""A table is the same whichever way it comes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import WrongUsage
from trueup.models.tables import Table, as_table

pl = pytest.importorskip("polars")
COLUMNS: dict[str, Any] = {
    "whole": [1, 2, 3],
    "part": [0.5, None, 2.0],
    "text": ["a", None, "b"],
    "flag": [True, False, True],
    "maybe": [True, None, False],
}


def same(one: Table, other: Table) -> None:
    assert one.names == other.names
    for name in one.names:
        assert one.column(name).dtype.kind == other.column(name).dtype.kind
        np.testing.assert_array_equal(one.column(name), other.column(name))


def test_a_dict_a_polars_frame_and_arrow_are_the_same_table() -> None:
    wanted = as_table(COLUMNS)
    same(as_table(pl.DataFrame(COLUMNS)), wanted)

    class Arrow:
        """Speaks Arrow and nothing else."""

        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pl.DataFrame(COLUMNS).__arrow_c_stream__(requested_schema)

    same(as_table(Arrow()), wanted)
    assert as_table(wanted) is wanted


def test_an_arrow_table_of_pyarrow_is_the_same_table() -> None:
    pyarrow: Any = pytest.importorskip("pyarrow")
    same(as_table(pyarrow.table(COLUMNS)), as_table(COLUMNS))


def test_a_categorical_column_is_text() -> None:
    frame = pl.DataFrame({"c": ["a", "b", None]}, schema={"c": pl.Categorical})
    assert as_table(frame).column("c").tolist() == ["a", "b", None]


def test_a_table_comes_back_as_a_frame() -> None:
    frame = as_table(COLUMNS).frame()
    assert frame["text"].to_list() == ["a", None, "b"]
    assert frame["whole"].to_list() == [1, 2, 3]
    assert as_table({"text": [None, None]}).frame().schema["text"] == pl.String
    given_ = pl.DataFrame(COLUMNS)
    assert as_table(given_).select(["text"]).frame().equals(given_.select("text"))


@given(st.integers(0, 50), st.integers(1, 20))
def test_batches_are_the_table_in_order(rows: int, size: int) -> None:
    table = as_table({"n": np.arange(rows)})
    parts = list(table.batches(size))
    assert all(part.rows <= size for part in parts)
    assert [n for part in parts for n in part.column("n").tolist()] == list(range(rows))
    assert len(parts) >= 1


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(WrongUsage, match="a 2, b 1"):
        as_table({"a": [1, 2], "b": [1]})


def test_a_column_that_is_not_there_brings_the_nearest_name() -> None:
    with pytest.raises(WrongUsage, match="Did you mean 'whole'"):
        as_table(COLUMNS).column("hole")


def test_something_else_is_no_table() -> None:
    with pytest.raises(WrongUsage, match="int is not a table"):
        as_table(3)


def test_a_matrix_keeps_the_type_that_holds_all_columns() -> None:
    assert as_table({"a": np.ones(2, np.float32)}).matrix().dtype == np.float32
    assert as_table({"a": np.ones(2, np.float32), "b": [1, 2]}).matrix().dtype == np.float64
    with pytest.raises(WrongUsage, match="text is not"):
        as_table(COLUMNS).select(["text"]).matrix()
