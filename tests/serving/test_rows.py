"""Rows are read quickly where all is usual, and exactly as the signature says where it is not."""

import string
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numpy")

from trueup.models.signature import Field, Signature, check
from trueup.models.tables import as_table
from trueup.serving.fields import Fields
from trueup.serving.refusals import FieldsWrong
from trueup.serving.rows import Reader, Rows

WORDS = ("a", "b", "c")
SIGNATURE = Signature(
    (
        Field("shop", "text", vocabulary=WORDS, unseen=-1),
        Field("town", "text", nullable=True, vocabulary=WORDS),
        Field("near", "number", low=0.0, high=1.0),
        Field("far", "number", nullable=True, low=0.0, high=1.0),
        Field("staff", "integer", low=0, high=6),
        Field("new", "boolean", nullable=True),
    )
)
ROW = {"shop": "a", "town": "b", "near": 0.5, "far": None, "staff": 3, "new": True}

words = st.sampled_from([*WORDS, "z", None])
numbers = st.one_of(st.none(), st.floats(-1, 2), st.integers(-1, 2))
records = st.fixed_dictionaries(
    {
        "shop": words,
        "town": words,
        "near": numbers,
        "far": numbers,
        "staff": st.one_of(st.none(), st.integers(-2, 9)),
        "new": st.sampled_from([True, False, None]),
    }
)


def reader(*, coded: bool = True, strict: bool = False) -> Reader:
    return Reader(Fields(SIGNATURE), coded=coded, strict=strict)


def read(rows: list[dict[str, Any]], **how: bool) -> Rows:
    return reader(**how).records(msgspec.json.encode({"records": rows}), 1000)


@given(st.lists(records, min_size=1, max_size=40))
def test_flags_are_the_problems_that_the_signature_has_with_the_rows(
    rows: list[dict[str, Any]],
) -> None:
    found = {(one.column, one.kind): len(one.rows) for one in read(rows).flags}
    table = as_table({name: [row[name] for row in rows] for name in ROW})
    expected = {(one.field, one.kind): one.rows for one in check(SIGNATURE, table)}
    assert found == expected


@given(st.lists(records, min_size=1, max_size=20))
def test_records_columns_and_listed_rows_are_read_alike(rows: list[dict[str, Any]]) -> None:
    quick = read(rows)
    slow = reader().listed(rows, "rows")
    by_name = reader().columns({name: [row[name] for row in rows] for name in ROW})
    for other in (slow, by_name):
        np.testing.assert_array_equal(other.coded, quick.coded)
        assert other.flags == quick.flags


def test_categories_are_coded_by_their_places_and_what_is_not_known_as_its_field_says() -> None:
    rows = read([ROW, {**ROW, "shop": "z", "town": "z"}, {**ROW, "shop": None, "town": None}])
    np.testing.assert_array_equal(rows.coded[0], [0, -1, np.nan])
    np.testing.assert_array_equal(rows.coded[1], [1, np.nan, np.nan])
    assert {(one.column, one.kind, one.rows) for one in rows.flags} == {
        ("shop", "unseen", (1,)),
        ("shop", "null", (2,)),
        ("town", "unseen", (1,)),
    }


@given(st.lists(records, min_size=1, max_size=5))
def test_strict_refuses_exactly_what_is_flagged(rows: list[dict[str, Any]]) -> None:
    flagged = sum(len(one.rows) for one in read(rows).flags)
    if not flagged:
        read(rows, strict=True)
        return
    with pytest.raises(FieldsWrong) as refused:
        read(rows, strict=True)
    assert len(refused.value.problems) == flagged


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(string.ascii_letters, max_size=5), st.lists(st.integers(), max_size=2),
)  # fmt: skip


def refused(row: dict[str, Any]) -> list[str]:
    """Return the fields that are refused of a row; none where it is read."""
    try:
        assert read([row]).count == 1
    except FieldsWrong as error:
        paths = [one.path for one in error.problems]
        return [path.removeprefix("records[0].") for path in paths]
    return []


@given(st.dictionaries(st.sampled_from([*ROW, "else"]), anything))
def test_any_record_is_read_or_refused_with_paths_into_it(row: dict[str, Any]) -> None:
    assert set(refused({**ROW, **row})) <= set(row) - {"else"}
    assert set(ROW) - set(row) <= set(refused(row))


def test_problems_beyond_a_hundred_are_counted() -> None:
    with pytest.raises(FieldsWrong, match="and 100 more") as refused:
        read([{**ROW, "near": "x"}] * 200)
    assert len(refused.value.problems) == 100


def test_times_with_and_without_a_zone_are_read() -> None:
    fields = Fields(Signature((Field("at", "time"),)))
    for text in ("2026-01-01T12:00:00", "2026-01-01T14:00:00+02:00", "2026-01-01T12:00:00Z"):
        body = msgspec.json.encode([{"at": text}])
        rows = Reader(fields, coded=False).records(body, 10)
        assert rows.given["at"].tolist()[0].isoformat() == "2026-01-01T12:00:00"
    with pytest.raises(FieldsWrong):
        Reader(fields, coded=False).records(b'[{"at": "yesterday"}]', 10)


PLAIN = Signature(
    (
        Field("near", "number", low=0.0, high=1.0),
        Field("far", "number", nullable=True, low=0.0, high=1.0),
        Field("high", "number"),
    )
)


@given(
    st.lists(
        st.fixed_dictionaries({"near": numbers, "far": numbers, "high": numbers}),
        min_size=1,
        max_size=30,
    )
)
def test_rows_of_numbers_alone_are_read_as_any_others(rows: list[dict[str, Any]]) -> None:
    fields = Fields(PLAIN)
    found = Reader(fields, coded=True).records(msgspec.json.encode({"records": rows}), 1000)
    columns = {name: np.array([row[name] for row in rows], float) for name in fields.names}
    np.testing.assert_array_equal(found.coded, np.array(list(columns.values())))
    assert found.coded.flags.c_contiguous
    assert found.flags == fields.flags(columns)
    for name in fields.names:
        np.testing.assert_array_equal(np.array(found.given[name], float), columns[name])
