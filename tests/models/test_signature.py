"""The signature: inferred from data, it fits that data, and names every other column's problem."""

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import NotProven
from trueup.models.signature import (
    VOCABULARY_MOST,
    Field,
    Signature,
    SignatureBroken,
    check,
    decode_signature,
    encode,
    encode_signature,
    infer,
    require,
)
from trueup.models.tables import Table, as_table

NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.none()
VALUES = [
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.lists(st.integers(-(2**53), 2**53), min_size=4, max_size=4),
    st.lists(st.text(max_size=3) | st.none(), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.lists(st.booleans() | st.none(), min_size=4, max_size=4),
    st.lists(st.datetimes(), min_size=4, max_size=4).map(
        lambda times: np.array(times, dtype="datetime64[us]")
    ),
]
TABLES = st.dictionaries(st.text(max_size=5), st.one_of(VALUES), max_size=5).map(as_table)


@given(TABLES)
def test_the_data_that_a_signature_was_inferred_from_has_no_problem(table: Table) -> None:
    signature = infer(table)
    assert [field.name for field in signature.inputs] == list(table.names)
    assert check(signature, table) == ()
    assert require(signature, table, strict=True) == ()


@given(TABLES)
def test_a_stored_signature_reads_as_the_same(table: Table) -> None:
    signature = infer(table, table)
    assert decode_signature(encode_signature(signature)) == signature


@given(TABLES, st.data())
def test_every_missing_column_is_named(table: Table, draw: st.DataObject) -> None:
    kept = draw.draw(st.sets(st.sampled_from(table.names))) if table.names else set()
    signature = infer(table)
    problems = check(signature, table.select([name for name in table.names if name in kept]))
    assert {one.field for one in problems if one.breaks} == set(table.names) - kept


@given(TABLES)
def test_encoding_leaves_numbers_where_categories_were(table: Table) -> None:
    signature = infer(table)
    coded = encode(signature, table)
    for field in signature.inputs:
        if field.vocabulary:
            codes = coded.column(field.name)
            said = table.column(field.name).tolist()
            for code, text in zip(codes, said, strict=True):
                assert np.isnan(code) if text is None else field.vocabulary[int(code)] == text


def test_what_is_inferred_of_each_type() -> None:
    table = as_table(
        {
            "whole": [1, 2, 3],
            "part": [0.5, None, 2.0],
            "text": ["b", None, "a"],
            "flag": [True, False, True],
            "maybe": [True, None, False],
            "time": np.array([datetime(2026, 1, 1), None, None], dtype="datetime64[us]"),
            "never": [None, None, None],
        }
    )
    assert infer(table).inputs == (
        Field("whole", "integer", low=1.0, high=3.0),
        Field("part", "number", nullable=True, low=0.5, high=2.0),
        Field("text", "text", nullable=True, vocabulary=("a", "b")),
        Field("flag", "boolean"),
        Field("maybe", "boolean", nullable=True),
        Field("time", "time", nullable=True),
        Field("never", "other", nullable=True),
    )


def test_many_different_texts_are_no_vocabulary() -> None:
    texts = [str(n) for n in range(VOCABULARY_MOST + 1)]
    assert infer(as_table({"t": texts})).inputs[0].vocabulary == ()
    assert len(infer(as_table({"t": texts[1:]})).inputs[0].vocabulary) == VOCABULARY_MOST


@pytest.mark.parametrize(
    ("given_", "kind", "breaks"),
    [
        (["1", "2", "3"], "type", True),
        ([1.5, 2.0, 3.0], "type", True),
        ([1.0, 2.0, None], "null", False),
        ([1, 2, 99], "range", False),
        (np.array(["2026-01-01"] * 3, dtype="datetime64[D]"), "type", True),
    ],
)
def test_what_a_column_of_whole_numbers_may_and_may_not_be(
    given_: Any, kind: str, breaks: bool
) -> None:
    signature = infer(as_table({"n": [1, 2, 3]}))
    (problem,) = check(signature, as_table({"n": given_}))
    assert (problem.kind, problem.breaks) == (kind, breaks)
    if breaks:
        with pytest.raises(SignatureBroken, match=r"- n: "):
            require(signature, as_table({"n": given_}))
    else:
        assert require(signature, as_table({"n": given_})) == (problem,)
        with pytest.raises(SignatureBroken):
            require(signature, as_table({"n": given_}), strict=True)


def test_a_category_that_was_never_seen_is_named_and_counted() -> None:
    signature = infer(as_table({"c": ["a", "b"]}))
    (problem,) = check(signature, as_table({"c": ["a", "x", "x"]}))
    assert (problem.kind, problem.rows, problem.breaks) == ("unseen", 2, False)
    assert "'x'" in problem.says


def test_all_problems_are_said_at_once_and_the_message_stays_bounded() -> None:
    wide = as_table({f"column{k}": [1.0] for k in range(500)})
    with pytest.raises(SignatureBroken) as refused:
        require(infer(wide), as_table({"colum0": [1.0]}))
    assert len(refused.value.problems) == 500
    assert len(str(refused.value)) < 3000
    assert "Did you mean 'colum0'?" in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"inputs": 3}', b"\xff"])
def test_a_damaged_signature_is_refused(body: bytes) -> None:
    with pytest.raises(NotProven):
        decode_signature(body)


def test_a_signature_of_a_newer_trueup_is_refused_with_the_remedy() -> None:
    with pytest.raises(NotProven, match="has format 2") as refused:
        decode_signature(b'{"inputs": [], "format": 2, "more": 1}')
    assert "--upgrade trueup" in refused.value.remedy
    assert decode_signature(b'{"inputs": []}') == Signature(())
