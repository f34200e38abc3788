import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.errors import WrongUsage
from trueup.monitoring.cells import Cells
from trueup.monitoring.comparing import Limits, compare
from trueup.monitoring.comparison_report import comparison_report
from trueup.monitoring.permuting import significance
from trueup.monitoring.profiles.profile import cells
from trueup.monitoring.scanning.scan import scan_on, scan_reference
from trueup.project.drifting import drift

EDGES = np.linspace(-2, 2, 19)
RATE = 0.05


def columns(
    seed: int, blocks: int, rows: int, *, shift: float = 0.0, remembers: float = 0.0
) -> list[Cells]:
    """Return ten columns, of which the first has moved; blocks may follow from each other."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(10):
        level = np.zeros(blocks)
        for block in range(1, blocks) if remembers else ():
            level[block] = remembers * level[block - 1] + 0.2 * rng.normal()
        values = rng.normal(size=(blocks, rows)) + level[:, None] + (0 if number else shift)
        counts = [np.bincount(np.searchsorted(EDGES, each), minlength=20) for each in values]
        found.append(Cells(f"x{number}", np.stack(counts), np.zeros(blocks, np.int64), EDGES))
    return found


def halves(cells: list[Cells]) -> tuple[list[Cells], list[Cells]]:
    middle = cells[0].blocks // 2
    return (
        [one.part(slice(0, middle)) for one in cells],
        [one.part(slice(middle, None)) for one in cells],
    )


def false_alarms(remembers: float, times: int) -> tuple[int, int]:
    alarmed = claimed = 0
    for seed in range(times):
        one, two = halves(columns(seed, 512, 10, remembers=remembers))
        found = significance(one, two, RATE)
        claimed += found.claimed
        alarmed += any(found.is_significant(each.name) for each in one)
    return alarmed, claimed


def test_tables_that_do_not_differ_alarm_as_often_as_is_declared() -> None:
    alarmed, claimed = false_alarms(0.0, 40)
    assert claimed == 40
    assert alarmed <= 6  # of two expected; more has a chance of 1 in 300


def test_blocks_that_follow_from_each_other_are_joined() -> None:
    alarmed, claimed = false_alarms(0.5, 25)
    assert claimed >= 20
    assert alarmed <= 5


def test_where_blocks_remember_too_long_little_is_claimed_and_alarms_are_rare() -> None:
    alarmed, claimed = false_alarms(0.95, 20)
    assert claimed <= 2  # a memory may be taken for shorter than it is
    assert alarmed <= 2


def test_a_column_that_has_moved_is_found_and_the_others_are_not() -> None:
    one, two = columns(1, 64, 100), columns(2, 64, 100, shift=0.8)
    found = compare(one, two, Limits())
    assert [each.name for each in found.alarms] == ["x0"]
    assert found.columns[0].effects[0].lower > 0.1
    assert found.columns[0].effects[0].raw >= found.columns[0].effects[0].corrected


def test_what_is_certain_but_small_is_no_alarm() -> None:
    one, two = columns(1, 64, 400), columns(2, 64, 400, shift=0.1)
    first = next(each for each in compare(one, two, Limits()).columns if each.name == "x0")
    assert first.is_significant
    assert not first.is_material
    assert compare(one, two, Limits(min_effect=0.01)).alarms[0].name == "x0"


def test_too_few_blocks_claim_nothing_and_say_what_would_do() -> None:
    found = significance(columns(1, 3, 100), columns(2, 3, 100), RATE)
    assert not found.claimed
    assert "needs 10 of each" in found.why
    assert not any(found.is_significant(f"x{k}") for k in range(10))
    assert significance(columns(1, 3, 100), columns(2, 3, 100, shift=1.0), RATE).is_significant(
        "x0"
    )


def test_a_rate_that_permuting_cannot_support_is_not_claimed() -> None:
    found = significance(columns(1, 64, 10), columns(2, 64, 10), 1e-6)
    assert not found.claimed
    assert "more than permuting can support" in found.why


@pytest.mark.parametrize("effect", ["psi", "wasserstein", "ks", "hellinger"])
def test_any_effect_may_be_the_one_that_counts(effect: str) -> None:
    limits = Limits(effect=effect)  # type: ignore[arg-type] # one of its words
    found = compare(columns(1, 64, 100), columns(2, 64, 100, shift=0.8), limits)
    assert found.columns[0].effects[0].effect == effect
    assert len(found.columns[0].effects) == 7


def test_rows_that_lost_their_values_are_a_shift() -> None:
    one = columns(1, 64, 100)
    two = [
        Cells(
            each.name,
            each.counts // 2,
            each.counts.sum(axis=1) - (each.counts // 2).sum(axis=1),
            EDGES,
        )
        for each in columns(2, 64, 100)
    ]
    found = compare(one, two, Limits())
    assert len(found.alarms) == 10
    assert found.columns[0].missing[1] > 0.4


def test_a_report_shows_verdict_columns_and_distributions() -> None:
    one, two = columns(1, 64, 100), columns(2, 64, 100, shift=0.8)
    found = compare(one, two, Limits())
    cells = {each.name: (each, other) for each, other in zip(one, two, strict=True)}
    report = comparison_report(found, cells, {"blob": "Binary"})
    text = str(report)
    assert "x0: Jensen-Shannon distance at least" in text
    assert "blob (Binary)" in text
    assert "at most once in 90 comparisons" in text


def test_a_column_that_only_grows_leaves_the_rate_of_the_others_alone() -> None:
    one, two = columns(1, 64, 100), columns(2, 64, 100, shift=0.8)
    grown = [np.eye(20, dtype=np.int64)[np.arange(64) * 20 // 64] * 100 for _ in range(2)]
    missing = np.zeros(64, np.int64)
    found = significance(
        [*one, Cells("grows", grown[0], missing, EDGES)],
        [*two, Cells("grows", grown[1], missing, EDGES)],
        RATE,
    )
    assert found.claimed
    assert found.unsteady == ("grows",)
    assert found.is_significant("x0")
    assert not found.is_significant("grows")


ODD: dict[str, list[Any]] = {
    "constant": [5.0] * 400,
    "null": [None] * 400,
    "infinite": [math.inf, -math.inf, 1.0, math.nan] * 100,
    "mixed": [1, "two", None, 3.5] * 100,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_columns_are_not_drift_from_themselves_and_are_from_others(name: str) -> None:
    usual = list(range(400))
    odd = scan_reference({"x": ODD[name], "y": usual}).reference
    same = scan_on(odd.grid, {"x": ODD[name], "y": usual})
    found = compare(odd.cells(), cells(same.profile, odd.grid), Limits())
    assert {each.name for each in found.columns} == {"x", "y"}
    assert not found.alarms
    before = scan_reference({"x": usual * 10, "y": usual * 10}).reference
    numbers = [each if isinstance(each, float) else None for each in ODD[name]]
    now = scan_on(before.grid, {"x": numbers * 10, "y": usual * 10})
    moved = compare(before.cells(), cells(now.profile, before.grid), Limits())
    first = next(each for each in moved.columns if each.name == "x")
    assert first.is_material
    assert all(math.isfinite(each.raw) for each in first.effects)


def test_a_table_of_one_row_claims_nothing_and_does_not_alarm() -> None:
    found = drift({"x": list(range(400)), "w": ["a", "b"] * 200}, {"x": [7], "w": ["a"]})
    assert len(found.comparison.columns) == 2
    assert not found.comparison.significance.claimed
    assert not found.is_alarm


@pytest.mark.parametrize("at", [0, 1])
def test_a_table_without_rows_is_refused(at: int) -> None:
    tables = [pl.DataFrame({"x": [1.0, 2.0] * 20})] * 2
    tables[at] = tables[at].clear()
    with pytest.raises(WrongUsage, match="has no rows"):
        drift(tables[0], tables[1])
