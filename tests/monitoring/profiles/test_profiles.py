from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import NotProven
from trueup.monitoring.profiles.grids import (
    Grid,
    GridsDiffer,
    NumberTrack,
    WordTrack,
    decode_grid,
    encode_grid,
)
from trueup.monitoring.profiles.profile import (
    Profile,
    cells,
    decode_profile,
    empty_profile,
    encode_profile,
    in_order,
    joined_blocks,
    merge,
    pooled,
    summaries,
)
from trueup.monitoring.profiles.rest import KEPT, Rest, merged, rest_of
from trueup.monitoring.profiles.rows import profile_rows

EDGES = np.array([0.0, 1.0, 2.0]).astype("<f8").tobytes()
GRID = Grid(
    (
        NumberTrack("x", "value", "number", EDGES, 1.0, -24),
        WordTrack("w", "word", "text", ("a", "b")),
    )
)
ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.floats()), st.one_of(st.none(), st.sampled_from("abcdefg"))),
    max_size=30,
)


def profile_of(rows: list[tuple[float | None, str | None]]) -> Profile:
    return profile_rows(GRID, {"x": [x for x, _ in rows], "w": [w for _, w in rows]})


@given(ROWS, ROWS, ROWS)
def test_profiles_of_parts_make_that_of_the_whole_in_any_order(
    one: list[tuple[float | None, str | None]],
    two: list[tuple[float | None, str | None]],
    three: list[tuple[float | None, str | None]],
) -> None:
    a, b, c = (profile_of(each) for each in (one, two, three))
    whole = encode_profile(profile_of(three + one + two))
    assert encode_profile(merge([a, b, c])) == whole
    assert encode_profile(merge([merge([c, b]), a])) == whole
    assert encode_profile(pooled(in_order([a, b, c]))) == whole


def test_hundreds_of_profiles_of_any_size_merge_to_that_of_all_rows() -> None:
    few: list[list[tuple[float | None, str | None]]]
    few = [[(float(k % 3), "a"), (None, "zebra")] for k in range(300)]
    parts = [profile_of(rows) for rows in few]
    whole = encode_profile(profile_of([row for rows in few for row in rows]))
    assert encode_profile(merge(parts)) == whole
    assert encode_profile(merge([in_order(parts[:70]), *parts[70:]])) == whole


def test_counts_too_large_for_four_bytes_are_merged_exactly() -> None:
    one = profile_of([(1.0, "a")])
    many = msgspec.structs.replace(one, counts=one.counts * (2**40 + 1))
    found = merge([decode_profile(encode_profile(many)), one, many])
    assert found.counts.max() == 2 * (2**40 + 1) + 1


@given(ROWS)
def test_a_profile_is_read_as_it_was_written(
    rows: list[tuple[float | None, str | None]],
) -> None:
    body = encode_profile(profile_of(rows))
    assert encode_profile(decode_profile(body)) == body


@given(ROWS)
def test_every_row_is_in_a_cell_or_missing(rows: list[tuple[float | None, str | None]]) -> None:
    for column in cells(profile_of(rows), GRID):
        assert column.rows().tolist() == [len(rows)]


def test_words_that_the_grid_does_not_have_are_counted_and_named() -> None:
    words = ["a", "new", "new", "other", None]
    _, found = summaries(profile_rows(GRID, {"x": [1.0] * 5, "w": words}), GRID)
    assert (found.rest, found.rest_distinct, found.nulls) == (3, 2.0, 1)
    assert found.rest_frequent == (("new", 2), ("other", 1))


def test_profiles_on_different_grids_are_not_merged() -> None:
    other = Grid((NumberTrack("x", "value", "number", EDGES, 1.0, -23), GRID.tracks[1]))
    with pytest.raises(GridsDiffer, match="different grids") as refusal:
        merge([empty_profile(GRID), empty_profile(other)])
    assert "rebase" in refusal.value.remedy
    with pytest.raises(GridsDiffer):
        cells(empty_profile(other), GRID)


def test_a_grid_is_named_by_what_it_says() -> None:
    again = decode_grid(encode_grid(GRID))
    assert again == GRID
    assert again.digest == GRID.digest


@pytest.mark.parametrize("read", [decode_grid, decode_profile])
def test_what_a_newer_trueup_wrote_is_refused(read: object) -> None:
    with pytest.raises(NotProven, match="format 2") as refusal:
        read(msgspec.msgpack.encode({"format": 2}))  # type: ignore[operator] # one of two readers
    assert "upgrade" in refusal.value.remedy
    with pytest.raises(NotProven, match="cannot be read"):
        read(b"\xc1")  # type: ignore[operator] # one of two readers


def test_the_size_does_not_grow_with_the_rows() -> None:
    few, many = (
        encode_profile(profile_rows(GRID, {"x": np.zeros(rows), "w": ["a"] * rows}))
        for rows in (10, 100_000)
    )
    assert len(many) <= len(few) + 8 * 7


def test_neighbouring_blocks_are_joined_as_if_they_had_been_one() -> None:
    parts = [profile_of([(float(k), "a"), (None, "z")]) for k in range(5)]
    series = in_order(parts)
    joined = joined_blocks(series, np.array([0, 2]))
    assert joined.rows.tolist() == [4, 6]
    for block, some in enumerate((parts[:2], parts[2:])):
        wanted = merge(some)
        assert np.array_equal(joined.counts[block], wanted.counts[0])
        assert np.array_equal(joined.sums[block], wanted.sums[0])
        assert np.array_equal(joined.extremes[block], wanted.extremes[0])


@given(st.lists(st.dictionaries(st.integers(0, 2000).map(str), st.integers(1, 9)), max_size=5))
def test_sketches_of_words_merge_to_that_of_all(parts: list[dict[str, int]]) -> None:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    assert merged(rest_of(part) for part in parts) == rest_of(total)


def test_the_number_of_different_words_is_estimated() -> None:
    sketch = rest_of({str(number): 1 for number in range(20_000)})
    assert len(sketch.kept) == KEPT
    assert sketch.distinct() == pytest.approx(20_000, rel=0.2)
    assert Rest().distinct() == 0.0
