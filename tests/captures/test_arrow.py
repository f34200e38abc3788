"""What our writer writes, polars reads: the same values, missing ones missing."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.captures import columns
from trueup.captures.arrow import write_table
from trueup.captures.columns import Column

VALUES = {
    "int": st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "time": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
}


@st.composite
def lists(draw: st.DrawFn) -> list[list[Any]]:
    rows = draw(st.integers(0, 40))
    of_kind = st.sampled_from(sorted(VALUES))
    return [
        draw(st.lists(st.none() | VALUES[draw(of_kind)], min_size=rows, max_size=rows))
        for _ in range(draw(st.integers(1, 4)))
    ]


def read(table: dict[str, Column]) -> pl.DataFrame:
    return pl.read_ipc(BytesIO(write_table(table, {"note": "x"})))


@given(lists())
def test_columns_come_back_as_they_were(given: list[list[Any]]) -> None:
    table = {f"c{k} ä": columns.column_of([one]) for k, one in enumerate(given)}
    found = read(table)
    assert found.columns == list(table)
    assert [one.to_list() for one in found.get_columns()] == given


@given(lists(), st.integers(0, 40))
def test_joined_parts_are_the_whole(given: list[list[Any]], cut: int) -> None:
    for whole in given:
        parts = [columns.column_of([one]) for one in (whole[:cut], whole[cut:])]
        assert columns.as_list(columns.join(parts)) == columns.as_list(columns.column_of([whole]))


@given(lists(), st.randoms())
def test_taken_rows_are_those_that_were_chosen(given: list[list[Any]], random: Any) -> None:
    chosen = np.array([random.random() < 0.5 for _ in given[0]], bool)
    for values in given:
        column = columns.column_of([values])
        wanted = [one for one, kept in zip(columns.as_list(column), chosen, strict=True) if kept]
        assert columns.as_list(columns.take(column, chosen)) == wanted


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([1, 2], np.uint8), pl.Int64),
        (np.array([1.5, np.inf], np.float32), pl.Float32),
        (np.array([1.5, -np.inf]), pl.Float64),
        (np.array([True, False]), pl.Boolean),
        (np.array(["2026-01-01", "NaT"], "datetime64[ns]"), pl.Datetime("us", "UTC")),
        (np.array(["a", None], object), pl.String),
        (np.array(["a", "b"]), pl.String),
        (np.array([[1, 2], [3, 4]]), pl.String),
    ],
)
def test_arrays_keep_their_type(array: Any, dtype: pl.DataType) -> None:
    assert read({"x": columns.column_of([array])})["x"].dtype == dtype


def test_nan_stays_nan_and_is_not_a_missing_value() -> None:
    found = read({"x": columns.column_of([np.array([np.nan, 1.0])])})["x"]
    assert found.is_nan().to_list() == [True, False]
    assert found.null_count() == 0


def test_values_of_several_types_become_text_that_can_be_read_as_json() -> None:
    column = columns.column_of([[1, "a", None, {"b": [1]}, True]])
    assert columns.as_list(column) == ["1", "a", None, '{"b":[1]}', "true"]


def test_whole_numbers_beyond_64_bits_and_broken_unicode_do_not_stop_it() -> None:
    found = read(
        {"x": columns.column_of([[1 << 70, 1]]), "y": columns.column_of([["\ud800", "b"]])}
    )
    assert found["x"].to_list() == [float(1 << 70), 1.0]
    assert found["y"].to_list() == ["?", "b"]


def test_ten_thousand_rows_of_twenty_columns_are_one_batch_that_scan_reads_too() -> None:
    array = np.arange(10_000.0)
    table = {f"c{k}": columns.column_of([array + k]) for k in range(20)}
    lazy = pl.scan_ipc(BytesIO(write_table(table)))
    assert lazy.select(pl.col("c19").sum()).collect().item() == (array + 19).sum()
