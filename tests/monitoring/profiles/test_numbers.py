from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.monitoring.profiles import drafting, floats
from trueup.monitoring.profiles.grids import Grid, NumberTrack
from trueup.monitoring.profiles.profile import (
    Profile,
    Summary,
    cells,
    empty_profile,
    encode_profile,
    merge,
    summaries,
)
from trueup.monitoring.profiles.tallying import (
    Lookup,
    Numbers,
    Place,
    one_block,
    tally_numbers,
    tally_rows,
)

ANY = st.lists(st.floats(width=64), max_size=60)
TWO_HUMPS = np.concatenate([np.linspace(-1, 1, 3000), np.linspace(999, 1001, 2000)])
LARGE = {
    "normal": np.random.default_rng(1).normal(1000, 3, 20_000),
    "far humps": TWO_HUMPS,
    "counts": np.random.default_rng(1).poisson(300, 20_000).astype(float),
    "heavy tails": np.random.default_rng(1).standard_cauchy(20_000),
    "mostly zero": np.where(np.arange(20_000) % 5, 0.0, np.arange(20_000) / 7),
    "tiny": np.random.default_rng(1).random(20_000) * 1e-300,
    "huge": np.random.default_rng(1).normal(size=20_000) * 1e300,
}


def grid_of(values: "np.ndarray[Any, Any]") -> Grid:
    look = drafting.begin_look(values)
    drafting.look_at(look, values)
    edges = drafting.edges_of(look).astype("<f8").tobytes()
    return Grid((NumberTrack("x", "value", "number", edges, look.origin, look.exponent),))


def profile_of(grid: Grid, values: object) -> Profile:
    column = np.asarray(values, np.float64)
    profile = empty_profile(grid)
    blocks = one_block(len(column))
    track = grid.tracks[0]
    assert isinstance(track, NumberTrack)
    tally_rows(profile, blocks)
    tally_numbers(Place(profile, grid, 0), Numbers(column), blocks, Lookup(track))
    return profile


def said(grid: Grid, values: object) -> Summary:
    return summaries(profile_of(grid, values), grid)[0]


@given(st.lists(st.floats(width=64), min_size=1), st.floats(allow_nan=False, allow_infinity=False))
def test_keys_ascend_with_the_values(values: list[float], origin: float) -> None:
    finite = np.sort(np.array([one for one in values if np.isfinite(one)]))
    assert (np.diff(floats.ranks(finite, origin)) >= 0).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6))
def test_the_first_double_of_a_key_is_its_first(values: list[float], origin: float) -> None:
    ranks = np.unique(floats.ranks(np.array(values), origin))
    firsts = floats.firsts(ranks, origin)
    assert (floats.ranks(firsts, origin) >= ranks).all()
    assert (floats.ranks(np.nextafter(firsts, -np.inf), origin) < ranks).all()


GRIDS = {name: grid_of(values) for name, values in LARGE.items()}


@given(st.sampled_from(sorted(LARGE)), ANY)
def test_cells_found_by_keys_are_those_found_by_halving(name: str, further: list[float]) -> None:
    grid = GRIDS[name]
    values = np.concatenate([LARGE[name][::97], grid.tracks[0].edges, further])  # type: ignore[union-attr] # of numbers
    counts = profile_of(grid, values).counts[0]
    present = values[~np.isnan(values)]
    edges = grid.tracks[0].edges  # type: ignore[union-attr] # of numbers
    wanted = np.bincount(np.searchsorted(edges, present, "right"), minlength=grid.tracks[0].cells)
    assert np.array_equal(counts, wanted)


@pytest.mark.parametrize("name", [name for name in LARGE if name != "huge"])
def test_no_bin_holds_much_more_than_its_share_unless_its_values_are_equal(name: str) -> None:
    values = LARGE[name]
    grid = grid_of(values)
    edges = grid.tracks[0].edges  # type: ignore[union-attr] # of numbers
    cell = np.searchsorted(edges, values, "right")
    for each in np.flatnonzero(np.bincount(cell) > 4 * len(values) / 256):
        assert len(np.unique(values[cell == each])) == 1
    assert grid.tracks[0].cells <= 520
    assert not np.bincount(cell, minlength=grid.tracks[0].cells)[[0, -1]].any()


@given(ANY, ANY, ANY)
def test_merging_is_associative_and_commutative_and_parts_make_the_whole(
    one: list[float], two: list[float], three: list[float]
) -> None:
    grid = GRIDS["normal"]
    a, b, c = (profile_of(grid, each) for each in (one, two, three))
    whole = encode_profile(profile_of(grid, one + two + three))
    assert encode_profile(merge([merge([a, b]), c])) == whole
    assert encode_profile(merge([a, merge([b, c])])) == whole
    assert encode_profile(merge([c, a, b])) == whole


@given(ANY, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(values: list[float], random: object) -> None:
    grid = GRIDS["far humps"]
    mixed = list(values)
    random.shuffle(mixed)  # type: ignore[attr-defined] # a generator
    assert encode_profile(profile_of(grid, values)) == encode_profile(profile_of(grid, mixed))


@pytest.mark.parametrize("name", ["normal", "far humps", "counts", "mostly zero"])
def test_moments_are_as_near_as_is_said(name: str) -> None:
    values = LARGE[name]
    found = said(grid_of(values), values)
    assert found.mean == pytest.approx(values.mean(), abs=values.std() / 1e6)
    assert found.deviation == pytest.approx(values.std(), rel=2e-4)
    assert (found.lowest, found.highest) == (values.min(), values.max())


def test_what_is_further_than_a_float_reaches_is_in_the_outer_cells() -> None:
    counts = profile_of(grid_of(np.arange(100.0)), [1e300, 1e39, -1e300]).counts[0]
    assert (counts[0], counts[-1], counts.sum()) == (1, 2, 3)


def test_infinities_and_what_is_no_number_are_counted_apart() -> None:
    grid = grid_of(np.arange(1000.0))
    found = said(grid, [1.0, np.inf, -np.inf, -np.inf, np.nan, 1e300])
    assert (found.below, found.above, found.nans, found.nulls) == (2, 1, 1, 0)
    assert (found.lowest, found.highest) == (1.0, 1e300)
    (column,) = cells(profile_of(grid, [1.0, np.inf, -np.inf, -np.inf, np.nan, 1e300]), grid)
    assert column.counts[0, 0] == 2
    assert column.counts[0, -1] == 2
    assert column.missing.tolist() == [1]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([], None), ([np.nan, np.nan], None), ([7.0], 7.0), ([3.3] * 500, 3.3), ([np.inf], None)],
)
def test_small_and_constant_columns_have_a_clear_answer(
    values: list[float], wanted: float | None
) -> None:
    grid = grid_of(np.array(values))
    found = said(grid, values)
    assert found.mean == wanted
    assert found.deviation in (None, 0.0)
    assert found.rows == len(values)


def test_what_a_constant_column_never_was_is_outside_its_cell() -> None:
    grid = grid_of(np.full(100, 5.0))
    assert profile_of(grid, [5.0, 5.0, 4.9999999, 5.0000001]).counts[0].tolist() == [1, 2, 1]
