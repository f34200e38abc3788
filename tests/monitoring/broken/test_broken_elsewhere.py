"""Car loans that NannyML has broken, small bundled tables, and columns with nothing in them."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.monitoring.broken.bounds import bound_of, surprise
from trueup.monitoring.broken.checking import broken
from trueup.monitoring.broken.conversions import CONVERSIONS
from trueup.monitoring.broken.surveying import survey
from trueup.monitoring.broken.windows import Window, basis_of, window_of
from trueup.monitoring.profiles.rows import profile_rows
from trueup.monitoring.references import Reference
from trueup.monitoring.scanning import sources
from trueup.monitoring.scanning.passes import Asked

LOANS = Path(__file__).resolve().parents[3] / ".build" / "nannyml-data"
COLUMNS = (
    "car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car",
    "size_of_downpayment", "driver_tenure", "y_pred_proba",
)  # fmt: skip
CHUNK = 5000


def loans(name: str) -> pl.DataFrame:
    if not (LOANS / name).is_file():
        pytest.skip("the data sets are put there by: scripts/nannyml_data.sh")
    return pl.read_csv(LOANS / name)


def findings(reference: Any, table: Any, asked: Asked) -> set[tuple[str, str]]:
    basis = basis_of(reference, asked)
    return {
        (one.check, one.column) for one in broken(basis, window_of(basis, table, asked)).findings
    }


def test_the_loans_that_were_broken_are_found_chunk_by_chunk_as_they_were_made() -> None:
    reference = loans("synthetic_car_loan_dq_reference.csv")
    current = loans("synthetic_car_loan_dq_analysis.csv")
    asked = Asked(columns=COLUMNS, id="id")
    basis = basis_of(reference, asked)
    wanted = {
        ("nulls", "salary_range"), ("nulls", "driver_tenure"), ("unseen", "size_of_downpayment"),
    }  # fmt: skip
    for table, bad_from in ((reference, 99), (current, 5)):
        for chunk in range(10):
            window = window_of(basis, table.slice(chunk * CHUNK, CHUNK), asked)
            found = {(one.check, one.column) for one in broken(basis, window).findings}
            assert found == (wanted if chunk >= bad_from else set()), chunk


def test_loans_that_only_moved_are_not_broken() -> None:
    current = loans("synthetic_car_loan_analysis.csv")
    asked = Asked(columns=COLUMNS, id="id")
    basis = basis_of(loans("synthetic_car_loan_reference.csv"), asked)
    for chunk in range(10):
        window = window_of(basis, current.slice(chunk * CHUNK, CHUNK), asked)
        assert broken(basis, window).findings == (), chunk


@pytest.mark.parametrize("name", ["load_iris", "load_wine", "load_breast_cancer", "load_diabetes"])
def test_halves_of_small_tables_are_sound_whichever_way_they_are_cut(name: str) -> None:
    bundled = getattr(pytest.importorskip("sklearn.datasets"), name)()
    rng = np.random.default_rng(5)
    for _ in range(12):
        rows = bundled.data[rng.permutation(len(bundled.data))]
        table = pl.DataFrame(rows, schema=[str(one) for one in bundled.feature_names])
        half = table.height // 2
        assert findings(table.head(half), table.tail(half), Asked()) == set()


def test_heavy_tails_and_sums_that_walk_are_sound() -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        rows = 20_000
        table = pl.DataFrame(
            {
                "pareto": rng.pareto(1.5, rows),
                "walk": np.cumsum(rng.normal(size=rows)) / 50 + rng.normal(size=rows),
                "rare": [None if one > 0.9995 else one for one in rng.random(rows).tolist()],
                "zipf": [str(one) for one in rng.zipf(1.5, rows)],
                "mostly": np.where(rng.random(rows) < 0.99, 0.0, rng.normal(size=rows)),
            }
        )
        assert findings(table.head(15_000), table.tail(5000), Asked()) == set()


@pytest.mark.parametrize("table", [
    {"x": [], "y": []}, {"x": [None, None], "y": [None, None]}, {"x": [1.0], "y": ["a"]},
    {"x": [float("inf")], "y": ["a"]},
])  # fmt: skip
def test_columns_with_little_in_them_are_no_reason_to_fail(table: dict[str, list[Any]]) -> None:
    whole = {"x": [float(k) for k in range(500)], "y": [*"ab"] * 250}
    infinite = {("infinite", "x")} if table["x"] == [float("inf")] else set()
    assert findings(whole, table, Asked()) == infinite
    if table["x"]:
        assert findings(table, whole, Asked()) <= {("unseen", "y"), ("range", "x"), ("type", "x")}


def test_a_servers_profile_is_checked_as_far_as_it_goes() -> None:
    rng = np.random.default_rng(2)
    before = {"x": rng.normal(size=4000), "y": rng.choice(["a", "b"], 4000).tolist()}
    basis = basis_of(before)
    grid = basis.reference.grid
    now = {"x": np.full(1000, 2.5), "y": ["c"] * 1000}
    counted = Reference(grid, profile_rows(grid, now), np.array([0]), 1000, False)
    found = broken(basis, Window(counted, {"x": "number", "y": "text"}))
    assert {(one.check, one.column) for one in found.findings} == {
        ("frozen", "x"), ("frozen", "y"), ("unseen", "y"),
    }  # fmt: skip
    assert any("not at hand" in one for one in found.not_checked)


def test_runs_go_on_from_stretch_to_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_STREAMED_ROWS", 10)
    words = ["a"] * 25 + ["b"] * 3 + [None] * 40 + ["c"] * 2 + [*"xy"] * 10
    numbers = [0.0, 9.0] * 45
    table = pl.LazyFrame({"word": words, "number": numbers})
    assert len(list(sources.source_of(table).stretches(["word"]))) > 4
    found = survey(table)
    longest = found.columns["word"].longest
    assert longest is not None
    assert (longest.value, longest.rows, longest.start) == ("a", 25, 0)
    highest = found.columns["number"].highest
    assert highest is not None
    assert (highest.value, highest.rows) == (9.0, 45)
    sample = found.columns["number"].sample
    assert sample is not None
    assert sample.tolist() == numbers


def test_a_share_that_never_was_is_bound_by_the_rows_that_there_were() -> None:
    rows = np.full(10, 1000)
    none = bound_of(np.zeros(10, np.int64), rows, 0.001)
    some = bound_of(np.full(10, 50), rows, 0.001)
    assert none.at == pytest.approx(6.9 / 10_000, rel=0.01)
    assert 0.05 <= some.at < 0.06
    assert surprise(1, 1000, none.at) < surprise(20, 1000, none.at)
    assert surprise(3, 3, 0.0) == float("inf")


def test_what_a_model_answers_has_no_unit_that_could_change() -> None:
    seed = np.random.default_rng(5)
    before = pl.DataFrame({"score": seed.beta(4.0, 6.0, 20_000)})
    now = pl.DataFrame({"score": 0.621371 * seed.beta(4.0, 6.0, 2_000)})
    assert findings(before, now, Asked()) == {("unit", "score")}
    assert findings(before, now, Asked(predictions=("score",))) == set()


def test_converting_back_undoes_it() -> None:
    for one in CONVERSIONS:
        again = one.back().back()
        assert (again.factor, again.offset) == pytest.approx((one.factor, one.offset))
