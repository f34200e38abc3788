"""Golden requests: which rows stand for a table, and what counts as another answer."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import NotProven
from trueup.models.choosing import chosen, pool
from trueup.models.golden import (
    BYTES_MOST,
    Golden,
    NotKept,
    answers_by_column,
    decode_golden,
    encode_golden,
    golden_of,
    mismatch,
    plain,
)
from trueup.models.tables import Table

ROWS = 3_000
DRAW = np.random.default_rng(8)
WORDS = DRAW.choice(["ATL", "BOS", "JFK"], ROWS).astype(object)
WORDS[1234] = "XNA"  # once in the whole table
WORDS[77] = None
NEAR = DRAW.normal(size=ROWS)
NEAR[5] = np.nan
NEAR[99] = 50.0
AT = np.datetime64("2013-01-01") + np.arange(ROWS).astype("timedelta64[h]")
INPUTS = Table({"place": WORDS, "near": NEAR, "at": AT.astype("datetime64[us]")})
SCORE = DRAW.random(ROWS)
LABEL = (SCORE > 0.9).astype(np.int64)
OUTPUTS = Table({"prediction": LABEL, "score": SCORE})


def part(table: Table, rows: list[int]) -> Table:
    return Table({name: column[rows] for name, column in table.columns().items()})


def kept(rows: int = 32) -> Golden:
    made = golden_of(INPUTS, OUTPUTS, chosen(INPUTS, OUTPUTS, rows))
    assert made is not None
    return made


def test_what_is_rare_missing_or_extreme_is_among_the_rows() -> None:
    asked = pool(INPUTS)
    rows = [asked[k] for k in chosen(part(INPUTS, asked), part(OUTPUTS, asked), 32)]
    assert len(rows) == len(set(rows)) == 32
    assert {1234, 77, 5, 99, 0, ROWS - 1} <= set(rows)
    assert set(LABEL[rows]) == {0, 1}
    assert set(np.digitize(SCORE[rows], np.linspace(0, 1, 11))) == set(range(1, 11))


def test_the_same_table_gives_the_same_rows() -> None:
    assert chosen(INPUTS, OUTPUTS, 32) == chosen(INPUTS, OUTPUTS, 32)
    assert pool(INPUTS) == pool(INPUTS)


def test_a_rare_class_is_there_however_many_columns_there_are() -> None:
    label = np.zeros(ROWS, dtype=np.int64)
    label[2000] = 1
    wide = Table({f"x{k}": DRAW.normal(size=ROWS) for k in range(60)})
    assert 2000 in chosen(wide, Table({"prediction": label}), 32)


def test_rows_whose_class_hangs_on_the_last_bit_are_left_out() -> None:
    score = np.where(np.arange(ROWS) % 2, 0.5, 0.9)
    outputs = Table({"prediction": np.ones(ROWS, dtype=np.int64), "score": score})
    rows = chosen(INPUTS, outputs, 32)
    assert {row % 2 for row in rows} == {0}
    tied = Table({f"score_{one}": np.full(ROWS, 1 / 3) for one in "abc"})
    assert chosen(INPUTS, tied, 32) == []


def test_infinities_have_no_word_in_json_and_stay_out() -> None:
    near = np.array([np.inf, 1.0, -np.inf, 2.0])
    inputs, outputs = (
        Table({"near": near}),
        Table({"prediction": np.array([1.0, np.inf, 2.0, 3.0])}),
    )
    assert pool(inputs) == [1, 3]
    assert chosen(inputs, outputs, 32) == [3]


@given(
    st.lists(
        st.tuples(st.floats(allow_infinity=True), st.one_of(st.none(), st.text(max_size=5))),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_the_rows_are_a_bounded_choice_of_them_goes_through_json(
    rows: list[tuple[float, str | None]],
) -> None:
    words = np.empty(len(rows), dtype=object)
    words[:] = [one for _, one in rows]
    inputs = Table({"near": np.array([one for one, _ in rows]), "word": words})
    outputs = Table({"prediction": np.arange(len(rows), dtype=np.float64)})
    picked = chosen(inputs, outputs, 8)
    assert len(picked) <= 8
    assert len(set(picked)) == len(picked)
    made = golden_of(inputs, outputs, picked)
    if made is None:
        assert all(np.isinf(one) for one, _ in rows)
        return
    assert decode_golden(encode_golden(made)) == made
    assert mismatch(made, made.outputs) is None


def test_they_are_bounded_in_size_and_the_first_rows_say_most() -> None:
    large = np.array(["x" * 9_000 + str(k) for k in range(100)], dtype=object)
    inputs = Table({"text": large})
    outputs = Table({"prediction": np.arange(100) % 2})
    made = golden_of(inputs, outputs, chosen(inputs, outputs, 32))
    assert made is not None
    assert 0 < made.rows < 32
    assert len(encode_golden(made)) <= BYTES_MOST
    assert set(made.outputs["prediction"]) == {0, 1}
    one = Table({"text": np.array(["x" * (BYTES_MOST + 1)], dtype=object)})
    assert golden_of(one, part(outputs, [0]), [0]) is None


def test_records_are_what_a_request_has() -> None:
    made = golden_of(INPUTS, OUTPUTS, [5, 77])
    assert made is not None
    first, second = made.records()
    assert first == {"place": WORDS[5], "near": None, "at": "2013-01-01T05:00:00"}
    assert second["place"] is None


def test_values_that_no_request_has_are_refused_by_name() -> None:
    odd = np.empty(1, dtype=object)
    odd[0] = {"a": 1}
    with pytest.raises(NotKept, match="'odd' holds values that no request has: a dict"):
        golden_of(Table({"odd": odd}), part(OUTPUTS, [0]), [0])


def test_the_worst_answer_is_named_with_its_row() -> None:
    golden = kept()
    outputs = OUTPUTS.columns()
    answers: dict[str, Any] = {
        name: np.array(values) for name, values in golden.outputs.items() if name in outputs
    }
    answers["score"][3] += 2e-5
    answers["score"][7] += 0.25
    wrong = mismatch(golden, answers)
    assert wrong is not None
    assert (wrong.output, wrong.row, wrong.rows) == ("score", 7, 2)
    assert "golden request 7 must give score" in str(wrong)
    assert "2 of them" in str(wrong)
    answers["prediction"][1] = 1 - answers["prediction"][1]
    worst = mismatch(golden, answers)
    assert worst is not None
    assert (worst.output, worst.row) == ("prediction", 1)


@pytest.mark.parametrize(
    ("expected", "found", "alike"),
    [
        ([0.5, 1.0], [0.5 + 9e-6, 1.0], True),
        ([0.5, 1.0], [0.5 + 2e-5, 1.0], False),
        ([0.5, 4000.0], [0.5 + 9e-3, 4000.0], True),  # in units of the largest answer
        ([0.5, None], [0.5, float("nan")], True),
        ([0.5, None], [0.5, 0.0], False),
        ([0.5, 1.0], [0.5, None], False),
        ([0.5, 1.0], [float("nan"), 1.0], False),
        ([0.5, 1.0], [float("inf"), 1.0], False),
        ([0.5, 1.0], ["0.5", 1.0], False),
        ([0.5, 1.0], [0.5], False),
        (["yes", "no"], ["yes", "no"], True),
        (["yes", "no"], ["yes", "yes"], False),
        ([1, 0], [1.0, 0.0], True),
        ([1, 0], [True, False], True),
        ([1, 0], [1, 1e-9], False),
    ],
)
def test_numbers_may_differ_within_a_stated_bound_and_labels_not_at_all(
    expected: list[Any], found: list[Any], alike: bool
) -> None:
    golden = Golden({"x": [1] * len(expected)}, {"prediction": expected})
    assert (mismatch(golden, {"prediction": found}) is None) is alike


def test_a_label_that_is_a_number_beside_scores_is_a_label() -> None:
    golden = Golden({"x": [1]}, {"prediction": [1.0], "score": [0.7]})
    assert mismatch(golden, {"prediction": [1.0 + 1e-9], "score": [0.7]}) is not None


def test_an_answer_without_an_output_is_another_answer() -> None:
    golden = kept()
    wrong = mismatch(golden, {"score": golden.outputs["score"]})
    assert wrong is not None
    assert (wrong.output, wrong.rows) == ("prediction", 32)


def test_a_form_that_was_verified_within_wider_bounds_brings_its_own() -> None:
    golden = Golden({"x": [1]}, {"score": [0.5]})
    assert mismatch(golden, {"score": [0.5005]}) is not None
    assert mismatch(golden, {"score": [0.5005]}, difference=1e-3) is None
    assert mismatch(golden, {"score": [0.500001]}, difference=0.0) is None


def test_answers_of_http_are_compared_as_those_of_a_form() -> None:
    golden = kept()
    answers = [
        {name: values[row] for name, values in golden.outputs.items()} for row in range(golden.rows)
    ]
    assert mismatch(golden, answers_by_column(answers)) is None
    del answers[4]["score"]
    wrong = mismatch(golden, answers_by_column(answers))
    assert wrong is not None
    assert (wrong.row, wrong.output, wrong.rows) == (4, "score", 1)


def test_what_a_newer_trueup_wrote_or_somebody_damaged_is_refused() -> None:
    body = encode_golden(kept())
    newer = body.replace(b'"format":1', b'"format":2')
    with pytest.raises(NotProven, match="format 2"):
        decode_golden(newer)
    for broken in (b"", b"[]", body[:-20], b'{"inputs":{"x":[1,2]},"outputs":{"score":[1]}}'):
        with pytest.raises(NotProven):
            decode_golden(broken)


def test_format_1_stays_readable() -> None:
    body = (
        b'{"inputs":{"shop":["a",null],"at":["2013-01-01T00:00:00",null]},'
        b'"outputs":{"prediction":[1,0],"score":[0.75,0.25]},"difference":1e-5,'
        b'"made_up":["shop"],"made_with":"scikit-learn 1.6.1, Python 3.11.7","format":1}'
    )
    found = decode_golden(body)
    assert (found.format, found.rows, found.made_up) == (1, 2, ("shop",))
    assert msgspec.json.decode(encode_golden(found)) == msgspec.json.decode(body)


def test_values_of_each_type_become_plain_ones() -> None:
    assert plain(np.array([1.5, np.nan], dtype=np.float32)) == [1.5, None]
    assert plain(np.array([True, False])) == [True, False]
    assert plain(np.array(["2020-02-02", "NaT"], dtype="datetime64[D]")) == [
        "2020-02-02T00:00:00",
        None,
    ]
