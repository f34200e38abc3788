"""Two sides of the same rows: what is the same, what rounding explains, and what differs."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import WrongUsage
from trueup.monitoring.skew import ColumnSkew, SkewLimits, skew, skew_findings
from trueup.monitoring.skew_report import skew_record, skew_report
from trueup.reporting.markdown import render_markdown

AT = datetime(2013, 12, 20, tzinfo=UTC)
IDS = [f"flight {k}" for k in range(1000)]


def one_column(served: Any, computed: Any, limits: SkewLimits | None = None) -> ColumnSkew:
    one, two = (pl.DataFrame({"id": IDS[: len(x)], "x": x}) for x in (served, computed))
    (found,) = skew(one, two, limits).columns
    return found


def counts(one: ColumnSkew) -> tuple[int, int, int]:
    return one.exact, one.tolerable, one.different


def test_rounding_to_float32_is_tolerable_and_no_more() -> None:
    computed = [math.sqrt(k) for k in range(1, 1001)]
    served = pl.Series(computed).cast(pl.Float32)
    found = one_column(served.cast(pl.Float64), computed)
    assert found.exact < 100
    assert (found.exact + found.tolerable, found.different) == (1000, 0)
    assert counts(one_column(served.cast(pl.Float16).cast(pl.Float64), computed))[2] > 800
    assert counts(one_column([one * 1.001 for one in computed], computed))[2] == 1000
    loose = SkewLimits(relative=0.01)
    assert one_column([one * 1.001 for one in computed], computed, loose).tolerable == 1000


@pytest.mark.parametrize(("served", "computed", "wanted"), [
    ([1, 2, 3], [1.0, 2.0, 3.5], (2, 0, 1)),
    ([None, math.nan, 1.0, None], [math.nan, None, None, 1.0], (2, 0, 2)),
    (["a", "b", None], ["a", "B", None], (2, 0, 1)),
    (["1", "2", "x"], [1, 2, 3], (0, 2, 1)),
    (["1", "2.5"], [1.0, 2.5], (0, 2, 0)),
    ([True, False], [1, 0], (2, 0, 0)),
    ([2**53 + 1], [2**53], (0, 0, 1)),
    ([math.inf, math.inf], [math.inf, -math.inf], (1, 0, 1)),
    ([None, None], ["a", None], (1, 0, 1)),
    ([[1, 2], [3]], [[1, 2], [4]], (1, 0, 1)),
    ([AT, AT], [AT.replace(tzinfo=None), AT.replace(tzinfo=None, hour=1)], (1, 0, 1)),
])  # fmt: skip
def test_values_are_compared_by_what_they_say(
    served: list[Any], computed: list[Any], wanted: tuple[int, int, int]
) -> None:
    assert counts(one_column(served, computed)) == wanted


@pytest.mark.parametrize(("change", "how"), [
    (lambda one: None, "null when served"),
    (lambda one: 7.0, "always 7.0 when served"),
    (lambda one: one + 12, "12 more than computed"),
    (lambda one: one * 1.609344, "1.60934 times what is computed"),
    (lambda one: one * one, ""),
])  # fmt: skip
def test_what_the_differences_have_in_common_is_said(change: Any, how: str) -> None:
    computed = [float(k) for k in range(1000)]
    found = one_column(pl.Series([change(one) for one in computed], dtype=pl.Float64), computed)
    assert found.how == how
    assert found.is_skewed


def test_a_share_is_allowed_and_the_worst_column_stands_first() -> None:
    ids = IDS
    served = pl.DataFrame({"id": ids, "a": range(1000), "b": range(1000), "secret": ["x"] * 1000})
    computed = served.with_columns(
        a=pl.when(pl.col("a") < 1).then(-1).otherwise("a"),
        b=pl.when(pl.col("b") < 2).then(-1).otherwise("b"),
        secret=pl.lit("y"),
    )
    found = skew(served, computed, SkewLimits(redact=("secret",)))
    assert [one.name for one in found.columns if one.is_skewed] == ["secret", "b"]
    assert [one.name for one in found.columns] == ["secret", "b", "a"]
    assert found.columns[0].examples == ()
    assert [(each.id, each.served) for each in found.columns[1].examples] == [
        ("flight 0", "0"), ("flight 1", "1"),
    ]  # fmt: skip
    (_, finding) = skew_findings(found)
    assert (finding.check, finding.column, finding.rows) == ("skew", "b", 2)
    text = render_markdown(skew_report(found, "flights/late", "data/test.parquet"))
    assert "2 of 1,000 values differ" in text
    assert skew_record(found, "flights/late", "t")["skewed"] is True


def test_ids_of_one_side_only_are_counted_and_lateness_is_told() -> None:
    served = pl.DataFrame(
        {"id": ["a", "b", "b", "z"], "at": [AT + timedelta(hours=k) for k in range(4)],
         "x": [1, 5, 2, 9], "extra": [0] * 4}
    )  # fmt: skip
    computed = pl.DataFrame({"id": ["a", "b", "c"], "at": [AT] * 3, "x": [1, 3, 3]})
    found = skew(served, computed)
    assert (found.rows, found.only_served, found.only_computed, found.repeated) == (2, 1, 1, 1)
    assert found.only_served_examples == ("z",)
    assert found.not_compared == ("extra",)
    assert counts(found.columns[0]) == (1, 0, 1)  # b was last served with 2
    assert found.lateness is not None
    assert found.lateness.most_s == 2 * 3600
    assert found.lateness.median_different_s == 2 * 3600
    text = render_markdown(skew_report(found, "m", "t"))
    assert "at most 2 h" in text


def test_sides_without_a_common_id_are_refused() -> None:
    with pytest.raises(WrongUsage, match="none of the 1 ids"):
        skew(pl.DataFrame({"id": ["a"], "x": [1]}), pl.DataFrame({"id": ["b"], "x": [1]}))


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float)), min_size=1))
def test_a_column_is_the_same_as_itself(values: list[float | None]) -> None:
    column = pl.Series(values, dtype=pl.Float64)
    ids = [str(k) for k in range(len(values))]
    side = pl.DataFrame({"id": ids, "x": column})
    (found,) = skew(side, side).columns
    assert counts(found) == (len(values), 0, 0)
