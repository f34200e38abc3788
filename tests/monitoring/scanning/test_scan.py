from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.errors import WrongUsage
from trueup.monitoring.profiles.measures import WEEKDAYS
from trueup.monitoring.profiles.profile import (
    Profile,
    encode_profile,
    merge,
    pooled,
    summaries,
)
from trueup.monitoring.profiles.rows import profile_rows
from trueup.monitoring.references import bounded, continued, decode_reference, encode_reference
from trueup.monitoring.scanning import sources
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.scanning.scan import ColumnsDiffer, scan_on, scan_reference
from trueup.monitoring.scanning.sources import TableMissing

BEGIN = datetime(2013, 1, 1, tzinfo=UTC)


def table(rows: int = 3000, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    minutes = np.sort(rng.integers(0, 60 * 24 * 20, rows)).tolist()
    return pl.DataFrame(
        {
            "at": [BEGIN + timedelta(minutes=one) for one in minutes],
            "distance": rng.normal(500, 90, rows),
            "stops": rng.poisson(2, rows),
            "delay": [None if k % 7 == 0 else float(k % 50) for k in range(rows)],
            "carrier": rng.choice(["UA", "AA", "B6", "DL"], rows).tolist(),
            "late": [bool(k % 3) for k in range(rows)],
            "id": [f"flight {seed} {k}" for k in range(rows)],
        }
    )


def pooled_bytes(profile: Profile) -> bytes:
    return encode_profile(pooled(profile))


def test_every_form_of_a_table_has_the_same_profile(tmp_path: Path) -> None:
    frame = table().drop("at")
    grid = scan_reference(frame).reference.grid
    wanted = pooled_bytes(scan_on(grid, frame).profile)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "a.csv")
    frame.write_ipc(tmp_path / "a.arrow")
    (tmp_path / "parts").mkdir()
    for k in range(3):
        frame[k * 1000 : (k + 1) * 1000].write_parquet(tmp_path / "parts" / f"{k}.parquet")
    forms: dict[str, Any] = {
        "parquet": tmp_path / "a.parquet",
        "csv": tmp_path / "a.csv",
        "arrow file": tmp_path / "a.arrow",
        "folder": tmp_path / "parts",
        "glob": str(tmp_path / "parts" / "*.parquet"),
        "lazy": frame.lazy(),
        "columns": frame.to_dict(as_series=False),
    }
    for form, given in forms.items():
        assert pooled_bytes(scan_on(grid, given).profile) == wanted, form


def test_arrow_and_pandas_are_tables_too() -> None:
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = table().drop("at")
    grid = scan_reference(frame).reference.grid
    wanted = pooled_bytes(scan_on(grid, frame).profile)
    assert pooled_bytes(scan_on(grid, frame.to_arrow()).profile) == wanted
    columns = frame.to_dict(as_series=False)
    columns["delay"] = pandas.array(columns["delay"], dtype="Float64")  # where nulls are not NaN
    assert pooled_bytes(scan_on(grid, pandas.DataFrame(columns)).profile) == wanted


def test_a_large_table_is_read_in_stretches_to_the_same_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table().write_parquet(tmp_path / "a.parquet")
    asked = Asked(blocks=BlockSize(rows=70), sample=True, id="id")
    once = scan_reference(tmp_path / "a.parquet", asked).reference
    monkeypatch.setattr(sources, "WHOLE_ROWS", 1000)
    monkeypatch.setattr(sources, "STRETCH_ROWS", 501)
    again = scan_on(once.grid, tmp_path / "a.parquet", asked)
    assert encode_profile(again.profile) == encode_profile(once.profile)
    assert again.sample is not None
    assert once.sample is not None
    assert np.array_equal(again.sample.hashes, once.sample.hashes)
    assert np.array_equal(again.sample.values, once.sample.values, equal_nan=True)
    twice = scan_reference(tmp_path / "a.parquet", asked).reference
    assert twice.grid.columns == once.grid.columns
    assert twice.rows == 3000


@pytest.mark.parametrize("sizes", [[3000], [10, 20, 1400, 70, 0, 900, 600], [1000, 1000, 1000]])
def test_many_files_are_read_a_few_at_a_time_to_the_same_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    asked, frame, start = Asked(blocks=BlockSize(rows=70)), table(), 0
    once = scan_reference(frame, asked).reference
    for k, rows in enumerate(sizes):
        frame[start : start + rows].write_parquet(tmp_path / f"{k}.parquet")
        start += rows
    monkeypatch.setattr(sources, "WHOLE_ROWS", 1000)
    monkeypatch.setattr(sources, "STRETCH_ROWS", 501)
    again = scan_on(once.grid, tmp_path, asked)
    assert encode_profile(again.profile) == encode_profile(once.profile)


def test_files_whose_columns_differ_in_type_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pl.DataFrame({"x": [1, 2, 3]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": [0.5, 1.5]}).write_parquet(tmp_path / "b.parquet")
    for most in (1000, 2):
        monkeypatch.setattr(sources, "WHOLE_ROWS", most)
        with pytest.raises(TableMissing, match="'x' cannot be read"):
            scan_reference(tmp_path)


def test_the_server_counts_what_a_scan_counts() -> None:
    frame = table()
    grid = scan_reference(frame).reference.grid
    wanted = pooled_bytes(scan_on(grid, frame).profile)
    assert pooled_bytes(profile_rows(grid, frame.to_dict(as_series=False))) == wanted


def test_parts_of_a_table_make_the_whole_and_order_changes_nothing() -> None:
    frame = table()
    grid = scan_reference(frame).reference.grid
    whole = pooled_bytes(scan_on(grid, frame).profile)
    parts = [
        scan_on(grid, frame[low:high]).profile for low, high in ((0, 7), (7, 2000), (2000, 3000))
    ]
    assert encode_profile(merge(parts[::-1])) == whole
    assert (
        pooled_bytes(scan_on(grid, frame.sample(fraction=1.0, shuffle=True, seed=3)).profile)
        == whole
    )


def test_blocks_are_spans_of_a_time_column_however_its_rows_lie() -> None:
    frame = table()
    asked = Asked(blocks=BlockSize("at", 86400.0))
    reference = scan_reference(frame, asked).reference
    days = frame.group_by(pl.col("at").dt.date()).len().sort("at")["len"].to_list()
    assert reference.profile.rows.tolist() == days
    assert reference.moments()[0] == BEGIN
    assert "at" not in reference.grid.columns
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=1)
    again = scan_on(reference.grid, mixed, asked)
    assert encode_profile(again.profile) == encode_profile(reference.profile)


def test_times_are_counted_by_hour_and_weekday() -> None:
    frame = table(500).select("at")
    reference = scan_reference(frame).reference
    named = {track.name: track for track in reference.grid.tracks}
    assert list(named) == ["at", "hour of at", "weekday of at"]
    weekday = reference.cells()[2]
    counts = dict(zip(weekday.labels, weekday.counts.sum(axis=0).tolist(), strict=True))
    assert counts["Tuesday"] == (frame["at"].dt.weekday() == 2).sum()
    assert tuple(counts)[:-1] == WEEKDAYS


def test_free_text_is_counted_by_its_length() -> None:
    reference = scan_reference(table().select("id")).reference
    assert [track.name for track in reference.grid.tracks] == ["length of id"]


def test_vectors_are_counted_by_norm_and_directions() -> None:
    rng = np.random.default_rng(5)
    rows = [*rng.normal(size=(200, 8)).tolist(), None, [1.0]]
    frame = pl.DataFrame({"embedding": rows})
    reference = scan_reference(frame).reference
    found = summaries(reference.profile, reference.grid)
    assert [one.name for one in found][:2] == ["norm of embedding", "projection 1 of embedding"]
    assert found[0].nulls == 2
    assert found[0].mean == pytest.approx(np.linalg.norm(rng.normal(size=(1, 8))), rel=0.9)
    turned = pl.DataFrame({"embedding": (-np.array(rows[:200])).tolist()})
    other = summaries(scan_on(reference.grid, turned).profile, reference.grid)
    assert other[0].mean == pytest.approx(found[0].mean)
    assert other[1].mean == pytest.approx(-(found[1].mean or 0.0))


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None, None, None],
        [1.0],
        [2.5] * 40,
        [float("inf"), 1.0, float("-inf"), float("nan")],
        [1, "two", None, 3.0],
        ["only"],
        [True, None],
    ],
)
def test_odd_columns_have_a_clear_answer(values: list[Any]) -> None:
    reference = scan_reference({"x": values}).reference
    (column,) = reference.cells()
    assert reference.rows == len(values)
    assert column.counts.sum() + column.missing.sum() == len(values)
    again = scan_on(reference.grid, {"x": values})
    assert pooled_bytes(again.profile) == pooled_bytes(reference.profile)


def test_a_column_that_was_empty_may_have_values_now() -> None:
    grid = scan_reference({"x": [None, None], "y": [1, 2]}).reference.grid
    found = summaries(scan_on(grid, {"x": ["a", "b"], "y": [1, 2]}).profile, grid)
    assert (found[0].rest, found[0].nulls) == (2, 0)


def test_a_column_that_is_empty_now_is_missing_everywhere() -> None:
    frame = table(100)
    grid = scan_reference(frame).reference.grid
    empty = frame.with_columns(pl.lit(None).alias(name) for name in frame.columns)
    found = summaries(scan_on(grid, empty).profile, grid)
    assert [one.nulls for one in found] == [100] * len(found)


def test_all_columns_that_differ_are_named_with_the_nearest() -> None:
    grid = scan_reference(table(50)).reference.grid
    other = table(50).rename({"carrier": "carriers"}).with_columns(pl.lit("no").alias("distance"))
    with pytest.raises(ColumnsDiffer) as refusal:
        scan_on(grid, other)
    assert "carrier: it is missing. Did you mean 'carriers'?" in str(refusal.value)
    assert "distance: it is String, and was a number" in str(refusal.value)


def test_what_is_no_table_is_refused_with_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(TableMissing, match="there is no table"):
        scan_reference(tmp_path / "nothing.parquet")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(TableMissing, match="no ending"):
        scan_reference(tmp_path / "notes.txt")
    (tmp_path / "bad.parquet").write_text("x")
    with pytest.raises(TableMissing, match="cannot be read"):
        scan_reference(tmp_path / "bad.parquet")
    with pytest.raises(WrongUsage, match="'distanse'"):
        scan_reference(table(10), Asked(columns=("distanse",)))
    with pytest.raises(WrongUsage, match="empty in 1 rows"):
        scan_reference({"at": [None, BEGIN], "x": [1, 2]}, Asked(blocks=BlockSize("at")))


def test_a_reference_is_read_as_it_was_written_and_bounded() -> None:
    asked = Asked(blocks=BlockSize(rows=10), sample=True)
    reference = scan_reference(table(), asked).reference
    again = decode_reference(encode_reference(reference))
    assert encode_reference(again) == encode_reference(reference)
    fewer = bounded(again, 64)
    assert fewer.blocks <= 64
    assert fewer.rows == reference.rows
    assert pooled_bytes(fewer.profile) == pooled_bytes(reference.profile)
    assert continued([reference, again]).rows == 2 * reference.rows
