"""A table is read as the server reads the same rows: the same numbers, flags and refusals."""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("polars")

import polars as pl

from trueup.errors import WrongUsage
from trueup.models.signature import Field, Signature
from trueup.serving.batch.reading import Read, Wishes, read, taken
from trueup.serving.batch.tables import Cursor, Part, Sizes, Tables
from trueup.serving.fields import Fields
from trueup.serving.http.invocations import _cell
from trueup.serving.refusals import FieldsWrong
from trueup.serving.rows import Reader

WORDS = ("a", "b", "none", "é")
SIGNATURE = Signature(
    (
        Field("shop", "text", vocabulary=WORDS, unseen=-1),
        Field("town", "text", nullable=True, vocabulary=WORDS[:2]),
        Field("near", "number", low=0.0, high=1.0),
        Field("far", "number", nullable=True, low=0.0, high=1.0),
        Field("staff", "integer", low=0, high=6),
        Field("new", "boolean", nullable=True),
    )
)
FIELDS = Fields(SIGNATURE)
MORE = Signature((*SIGNATURE.inputs, Field("note", "text"), Field("at", "time", nullable=True)))
NAMES = [one.name for one in SIGNATURE.inputs]

words = st.sampled_from([*WORDS, "z", "", None])
numbers = st.one_of(st.none(), st.floats(-1, 2), st.floats(allow_nan=False, allow_infinity=False))
typed = st.fixed_dictionaries(
    {
        "shop": words,
        "town": words,
        "near": numbers,
        "far": numbers,
        "staff": st.one_of(st.none(), st.integers(-2, 9), st.integers(-(2**62), 2**62)),
        "new": st.sampled_from([True, False, None]),
    }
)
NUMBERLIKE = st.text("0123456789+-.eE_ \t\x1f", max_size=8)
cells = st.one_of(
    st.sampled_from(
        [*WORDS, "z", "", " ", "NA", "nan", "None", "-inf", "1e400", "5", "5.5", " 7 "]
    ),
    st.sampled_from(["true", "FALSE", "1", "0", "yes", "\u00a01\u2003", "\u0661", "1_0", "+.5e-3"]),
    NUMBERLIKE,
    st.floats().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=4),
)
lines = st.lists(st.tuples(*[cells] * len(NAMES)), min_size=1, max_size=20)


def part(frame: Any, *, as_text: bool = False) -> Part:
    return Part(frame, as_text, Cursor(), Cursor(1))


def equal(found: Read, rows: list[dict[str, Any]], reader: Reader) -> None:
    """Compare with what the server reads, row by row where it refuses some."""
    good = [k for k in range(len(rows)) if k not in found.wrong]
    for k in found.wrong:
        with pytest.raises(FieldsWrong) as refused:
            reader.listed([rows[k]], "")
        said = [f"{one.path.removeprefix('[0].')} {one.says}" for one in refused.value.problems]
        assert found.wrong[k] == said
    assert found.places.tolist() == good
    if not good:
        return
    expected = reader.listed([rows[k] for k in good], "")
    assert found.rows.flags == expected.flags
    if expected.coded is not None:
        np.testing.assert_array_equal(found.rows.coded, expected.coded)
    else:
        mine = taken(reader.fields, found.rows, 0, len(good))
        for name, one in expected.given.items():
            np.testing.assert_array_equal(mine[name], one)
            assert mine[name].dtype == one.dtype


@pytest.mark.parametrize("coded", [True, False])
@settings(max_examples=50)
@given(rows=st.lists(typed, min_size=1, max_size=30))
def test_typed_columns_are_read_as_the_server_reads_json(
    coded: bool, rows: list[dict[str, Any]]
) -> None:
    schema = {"shop": pl.String, "town": pl.String, "near": pl.Float64, "far": pl.Float64}
    frame = pl.DataFrame(rows, schema={**schema, "staff": pl.Int64, "new": pl.Boolean})
    found = read(FIELDS, part(frame), Wishes(coded))
    assert not found.wrong
    body = msgspec.json.encode(rows)
    expected = Reader(FIELDS, coded=coded).records(body, 1000)
    assert found.rows.flags == expected.flags
    if coded:
        np.testing.assert_array_equal(found.rows.coded, expected.coded)
    else:
        mine = taken(FIELDS, found.rows, 0, len(rows))
        for name, one in expected.given.items():
            np.testing.assert_array_equal(mine[name], one)
            assert mine[name].dtype == one.dtype


@settings(max_examples=60)
@given(rows=lines)
def test_cells_of_csv_are_read_as_the_server_reads_them(
    rows: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([NAMES, *rows])
    path.write_bytes(written.getvalue().encode())
    table = Tables([(path, "t.csv")], NAMES, Sizes()).part(Cursor())
    assert table is not None
    found = read(FIELDS, table, Wishes(coded=True))
    records = [
        {one.name: _cell(one, cell) for one, cell in zip(SIGNATURE.inputs, row, strict=True)}
        for row in rows
    ]
    equal(found, records, Reader(FIELDS, coded=True))


@settings(max_examples=40)
@given(rows=st.lists(typed, min_size=1, max_size=12))
def test_under_strict_the_rows_that_the_server_refuses_are_rejected(
    rows: list[dict[str, Any]],
) -> None:
    schema = {"shop": pl.String, "town": pl.String, "near": pl.Float64, "far": pl.Float64}
    frame = pl.DataFrame(rows, schema={**schema, "staff": pl.Int64, "new": pl.Boolean})
    found = read(FIELDS, part(frame), Wishes(coded=True, strict=True))
    strict = Reader(FIELDS, coded=True, strict=True)
    for k, row in enumerate(rows):
        try:
            strict.listed([row], "")
            refused = False
        except FieldsWrong:
            refused = True
        assert refused == (k in found.wrong)


def test_texts_and_times_are_read_as_the_server_reads_them() -> None:
    rows: list[dict[str, Any]] = [
        {**dict.fromkeys(NAMES), "note": "x", "at": "2013-06-01T10:00:00+02:00"},
        {**dict.fromkeys(NAMES), "note": None, "at": None},
        {**dict.fromkeys(NAMES), "note": "y", "at": "2013-06-01"},
    ]
    fields = Fields(MORE)
    frame = pl.DataFrame(rows)
    found = read(fields, part(frame), Wishes(coded=False))
    equal(found, rows, Reader(fields, coded=False))
    aware = frame.with_columns(pl.col("at").str.to_datetime(time_zone="UTC", strict=False))
    other = read(fields, part(aware), Wishes(coded=False))
    assert taken(fields, other.rows, 0, 1)["at"][0] == np.datetime64("2013-06-01T08:00:00")


def test_a_column_of_another_type_is_one_clear_error() -> None:
    row = {"shop": 5, "town": None, "near": 1.0, "far": 1.0, "staff": 1, "new": True}
    with pytest.raises(WrongUsage, match="'shop' is of type Int64, but the model takes text"):
        read(FIELDS, part(pl.DataFrame([row])), Wishes(coded=True))


def test_whole_numbers_with_a_fraction_ids_twice_and_lost_are_rejected_with_the_reason() -> None:
    rows = [
        {"id": key, "shop": "a", "town": "a", "near": 1.0, "far": 1.0, "staff": staff, "new": True}
        for key, staff in (("p", 1.5), ("q", 1.0), ("q", 2.0), (None, 3.0), ("r", float("inf")))
    ]
    found = read(FIELDS, part(pl.DataFrame(rows)), Wishes(coded=True, id="id"))
    assert found.wrong == {
        0: ["staff is 1.5, not a whole number"],
        2: ["id 'q' is another row's too"],
        3: ["id has no value, but is the id"],
        4: ["staff is inf, not a whole number"],
    }
    assert found.ids is not None
    assert found.ids.to_list() == ["q"]


@pytest.mark.parametrize("block_bytes", [1, 17, 1 << 20])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_comes_whole_in_blocks_of_any_size_quoted_or_not(
    tmp_path: Path, block_bytes: int, ending: str
) -> None:
    rows = [["1", "plain"], ["2", 'a "word", and\na line'], ["3", ""], ["4", "é"], ["5", "5' 3"]]
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator=ending).writerows([["n", "said"], *rows])
    found, starts = _all(path, ["said", "n"], block_bytes)
    assert [[row["n"], row["said"] or ""] for row in found] == rows
    assert starts == sorted(starts)


def test_a_line_with_too_few_or_too_many_cells_is_told_and_shifts_no_other(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n,said\n1,x\n2\n3,y,z\n\n4,w\n")
    table = Tables([(path, "t.csv")], ["n"], Sizes())
    block = table.part(Cursor())
    assert block is not None
    assert block.ragged == {1: "has 1 cells, not 2", 2: "has 3 cells, not 2"}
    assert block.frame["n"].to_list() == ["1", None, None, "4"]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet", "arrow", "tsv"])
def test_parts_of_any_format_follow_each_other_without_a_gap(tmp_path: Path, suffix: str) -> None:
    import gzip

    frame = pl.DataFrame({"n": range(1000), "x": [k / 7 for k in range(1000)]})
    path = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(path, row_group_size=64)
    elif suffix == "arrow":
        frame.write_ipc(path)
    else:
        text = frame.write_csv(separator="\t" if suffix == "tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    table = Tables([(path, "t"), (path, "t")], ["n"], Sizes(37, 512))
    found: list[int] = []
    at: Cursor | None = Cursor()
    while at is not None and (one := table.part(at)) is not None:
        assert one.begin.row == len(found) % 1000
        found += [int(k) for k in one.frame["n"].to_list()]
        at = one.end
    assert found == [*range(1000), *range(1000)]


def _all(path: Path, names: list[str], block_bytes: int) -> tuple[list[dict[str, Any]], list[int]]:
    table = Tables([(path, path.name)], names, Sizes(block_bytes=block_bytes))
    found: list[dict[str, Any]] = []
    starts, at = [], Cursor()
    while (one := table.part(at)) is not None:
        starts.append(at.offset)
        found += one.frame.to_dicts()
        at = one.end
    return found, starts
