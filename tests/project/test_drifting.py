import json
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import WrongUsage

pl = pytest.importorskip("polars")
np = pytest.importorskip("numpy")

from trueup.cli.group import trueup  # noqa: E402 - only where tables can be read
from trueup.project.drifting import DriftOptions, drift, rate_of  # noqa: E402 - after what it needs


def written(folder: Path, name: str, seed: int, shift: float = 0.0) -> Path:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "distance": rng.normal(shift, 1, 4000),
            "stops": rng.poisson(3, 4000),
            "carrier": rng.choice(["UA", "AA", "B6"], 4000).tolist(),
            "hour": [3600 * k for k in range(4000)],
        }
    )
    frame.write_parquet(folder / name)
    return folder / name


def run(folder: Path, *words: str) -> int:
    code = trueup.main(["-C", str(folder), "drift", *words], standalone_mode=False)
    assert isinstance(code, int)
    return code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path, "before.parquet", 1)
    written(tmp_path, "same.parquet", 2)
    written(tmp_path, "after.parquet", 3, shift=0.7)
    return tmp_path


def test_tables_that_do_not_differ_exit_with_zero(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "before.parquet", "same.parquet", "--columns", "distance,stops") == 0
    assert "no column has drifted" in capsys.readouterr().out


def test_drift_exits_with_five_and_says_what_moved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "before.parquet", "after.parquet", "--json") == 5
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["alarm"]
    assert found["columns"][0]["name"] == "distance"
    assert found["columns"][0]["effects"]["jensen_shannon"]["at_least"] > 0.1
    assert found["significance"]["claimed"]


def test_a_page_shows_distributions_side_by_side(folder: Path) -> None:
    assert run(folder, "before.parquet", "after.parquet", "--html", str(folder / "d.html")) == 5
    page = (folder / "d.html").read_text()
    assert "distance" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_blocks_may_be_spans_of_time(folder: Path) -> None:
    options = DriftOptions(time="hour", block="1d", columns=("distance", "carrier"))
    found = drift(folder / "before.parquet", folder / "same.parquet", options)
    assert found.cells["distance"][0].blocks == 167
    assert not found.is_alarm


def test_frames_are_compared_without_files(folder: Path) -> None:
    frames = [pl.read_parquet(folder / name) for name in ("before.parquet", "after.parquet")]
    assert [one.name for one in drift(*frames).comparison.alarms] == ["distance"]


def test_predictions_keep_their_role(folder: Path) -> None:
    options = DriftOptions(predictions=("stops",))
    found = drift(folder / "before.parquet", folder / "same.parquet", options)
    assert {one.name: one.role for one in found.comparison.columns}["stops"] == "prediction"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (DriftOptions(effect="psy"), "no effect named"),  # type: ignore[arg-type] # a wrong word
        (DriftOptions(false_alarms="often"), "no rate of false alarms"),
        (DriftOptions(block="1h"), "no size of a block"),
        (DriftOptions(block="x"), "no size of a block"),
        (DriftOptions(min_effect=-1), "is none"),
        (DriftOptions(time="when"), "no column 'when'"),
        (DriftOptions(block="0"), "no size of a block"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(
    folder: Path, options: DriftOptions, problem: str
) -> None:
    with pytest.raises(WrongUsage, match=problem) as refusal:
        drift(folder / "before.parquet", folder / "same.parquet", options)
    assert refusal.value.remedy


def test_the_rate_can_be_left_out() -> None:
    assert rate_of("off") == 1.0
    assert rate_of("2 per 100") == 0.02


def test_a_csv_with_nothing_but_a_header_has_no_rows_rather_than_other_types(
    tmp_path: Path,
) -> None:
    (tmp_path / "before.csv").write_text("x,y\n" + "1.5,2\n2.5,3\n" * 50)
    (tmp_path / "now.csv").write_text("x,y\n")
    with pytest.raises(WrongUsage, match="has no rows"):
        drift(tmp_path / "before.csv", tmp_path / "now.csv")
