"""The language of ``trueup runs`` means what it says."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import WrongUsage
from trueup.pipeline.tracking.comparing import ABSENT, differing, rows, same
from trueup.pipeline.tracking.filters import (
    Filter,
    check_columns,
    known_columns,
    meets,
    ordered,
    parse_filter,
)
from trueup.pipeline.tracking.flat import flatten, named
from trueup.pipeline.tracking.listing import Run, plain

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = Run(
    "20261123-120000-abcdefgh",
    NOON,
    "done",
    seconds=12.5,
    commit="deadbeef",
    dirty=True,
    branch="feature/x",
    params={"params.yaml": {"train.depth": 8, "a:b=c": "x>y", "none": None, "on": False}},
    metrics={"m.json": {"auc": 0.75, "bad": math.nan}, "n.json": {"auc": 0.5}},
)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc>0.7",
        "metrics.auc >= 0.75",
        "metrics.auc<1e3",
        "metrics.n.json:auc=0.5",
        "metrics.auc!=0.5",
        "metrics.bad=nan",
        "status=done",
        "status==done",
        "params.train.depth=8.0",
        "params.params.yaml:train.depth<=8",
        "params.on=false",
        "dirty=true",
        "commit=dead",
        "id=20261123",
        "branch~FEATURE",
        "at>2026-11-22",
        "at<2026-11-23T14:00:00+01:00",
        "seconds>12",
    ],
)
def test_conditions_that_the_run_meets(text: str) -> None:
    assert meets(RUN, parse_filter(text))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.auc>0.75",
        "metrics.bad>0",
        "metrics.bad<0",
        "metrics.none=1",
        "metrics.none!=1",
        "params.none=null",
        "params.train.depth=eight",
        "params.on=0",
        "commit=beef",
        "commit=",
        "branch=feature",
        "at>2026-11-24",
    ],
)
def test_conditions_that_it_does_not_meet(text: str) -> None:
    assert not meets(RUN, parse_filter(text))


@pytest.mark.parametrize("text", ["", "metrics.auc", "=3", ">", "  ", "=" * 100])
def test_what_is_no_condition_is_told(text: str) -> None:
    with pytest.raises(WrongUsage, match="is no filter"):
        parse_filter(text)


@pytest.mark.parametrize("text", ["metrics.auc>high", "at>yesterday"])
def test_things_that_have_no_order_are_told(text: str) -> None:
    with pytest.raises(WrongUsage, match=r"is no (number|date)"):
        meets(RUN, parse_filter(text))


@given(st.text(), st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"]), st.text())
def test_a_condition_keeps_its_three_parts(column: str, sign: str, value: str) -> None:
    column, value = f"c{column}".strip("<>=!~ \t\n"), value.strip()
    if any(letter in column for letter in "<>=!~") or value[:1] == "=" or not column:
        return
    if column != column.strip():
        return
    assert parse_filter(f"{column} {sign} {value}") == Filter(column, sign, value)


def test_an_unknown_column_is_told_with_the_nearest() -> None:
    with pytest.raises(WrongUsage, match=r"Did you mean 'metrics\.auc'"):
        check_columns(["metrics.acu"], [RUN])
    with pytest.raises(WrongUsage, match="Did you mean 'status'"):
        check_columns(["statsu"], [])
    check_columns(["metrics.anything"], [])
    check_columns(known_columns([RUN])[:-1], [RUN])


VALUES = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans())


@given(st.lists(VALUES, max_size=8))
def test_sorting_takes_any_values_and_loses_none(values: list[object]) -> None:
    runs = [
        Run(str(nth), NOON + timedelta(seconds=nth), "done", metrics={"m": {"x": value}})
        for nth, value in enumerate(values)
    ]
    up, down = ordered(runs, ["metrics.x"]), ordered(runs, ["-metrics.x"])
    assert sorted(run.id for run in up) == sorted(run.id for run in down)
    valued = [run.metrics["m"]["x"] for run in up if isinstance(run.metrics["m"]["x"], str)]
    assert valued == sorted(valued)
    nothing = [v is None or v != v for v in (run.metrics["m"]["x"] for run in down)]
    assert nothing == sorted(nothing)


def test_the_newest_comes_first_where_nothing_else_is_said() -> None:
    runs = [Run(str(nth), NOON + timedelta(seconds=nth), "done") for nth in (1, 3, 2)]
    assert [run.id for run in ordered(runs, [])] == ["3", "2", "1"]
    assert [run.id for run in ordered(runs, ["status"])] == ["3", "2", "1"]


NESTED = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.text(st.sampled_from("ab.\\"), max_size=3), inner, max_size=3),
)


def count_leaves(value: object) -> int:
    if isinstance(value, dict) and value:
        return sum(count_leaves(item) for item in value.values())
    return 1


@given(NESTED)
def test_no_value_hides_another_when_files_are_flattened(value: object) -> None:
    leaves = 0 if value == {} else count_leaves(value)
    assert len(flatten(value)) == leaves


def test_several_files_keep_every_value() -> None:
    assert named(RUN.metrics) == {"auc": 0.75, "bad": named(RUN.metrics)["bad"], "n.json:auc": 0.5}
    assert plain(RUN)["metrics.n.json:auc"] == 0.5


def test_only_what_differs_is_a_difference() -> None:
    old = {"m": {"auc": 0.5, "n": 1, "gone": None, "flag": True, "same": [1, math.nan]}}
    new = {"m": {"auc": 0.75, "n": 1.0, "new": "x", "flag": 1, "same": [1, math.nan]}}
    found = {row.name: row for row in differing(rows("metrics", [old, new]))}
    assert set(found) == {"auc", "gone", "new", "flag"}
    assert (found["auc"].change, found["auc"].relative) == (0.25, 0.5)
    assert found["gone"].values == (None, ABSENT)
    assert found["flag"].change is None


@given(st.floats() | st.integers(), st.floats() | st.integers())
def test_changes_of_any_numbers_are_told(old: float, new: float) -> None:
    (row,) = rows("metrics", [{"m": {"x": old}}, {"m": {"x": new}}])
    assert same(old, new) == (not row.differs)


def test_huge_numbers_have_a_change_too() -> None:
    (row,) = rows("metrics", [{"m": {"x": 1}}, {"m": {"x": 10**400}}])
    assert row.differs
