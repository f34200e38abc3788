"""The verb predict, from Python and from the command line, over tables here and in a bucket."""

import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("polars")

import polars as pl

import trueup
from tests.serving.servers import fitted, project, said, version
from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup.captures import reading
from trueup.cli import main
from trueup.project import predicting
from trueup.project.predicting import Wanted
from trueup.project.workspace import open_workspace
from trueup.serving.batch.running import Predicted
from trueup.store.opening import open_bucket


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = project(tmp_path_factory.mktemp("shop") / "project")
    said(root, "alias", version(root, fitted(5)), "live")
    return root


def frame(found: Any) -> pl.DataFrame:
    assert isinstance(found, pl.DataFrame)
    return found


def rows(count: int, first: int = 0) -> Any:
    return pl.DataFrame(
        {
            "id": [f"row-{k}" for k in range(first, first + count)],
            "shop": ["abc"[k % 3] for k in range(count)],
            "near": [k / count for k in range(count)],
            "staff": [k % 7 for k in range(count)],
        }
    )


def test_a_table_in_memory_is_scored_as_one_in_a_file(shop: Path) -> None:
    table = rows(20)
    found = frame(trueup.predict("sale@live", table, folder=shop))
    assert found["id"].to_list() == table["id"].to_list()
    for other in (table.to_dict(as_series=False), table.lazy()):
        assert frame(trueup.predict("sale@live", other, folder=shop)).equals(found)
    table.write_csv(shop / "t.csv")
    done = trueup.predict("sale@live", shop / "t.csv", shop / "p.parquet", folder=shop)
    assert isinstance(done, Predicted)
    assert done.counted.rows == 20
    assert pl.read_parquet(shop / "p.parquet").equals(found)


def test_an_arrow_table_is_taken_too(shop: Path) -> None:
    pytest.importorskip("pyarrow")
    found = frame(trueup.predict("sale@live", rows(20), folder=shop))
    assert frame(trueup.predict("sale@live", rows(20).to_arrow(), folder=shop)).equals(found)


def test_a_table_of_pandas_is_taken_without_pyarrow(shop: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    table = rows(20).with_columns(shop=pl.Series([None, *["a"] * 19]))
    found = frame(trueup.predict("sale@live", table, folder=shop))
    as_pandas = pandas.DataFrame(table.to_dict(as_series=False))
    assert frame(trueup.predict("sale@live", as_pandas, folder=shop)).equals(found)


def test_the_command_says_what_it_has_done_and_with_json_all_of_it(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows(30).write_csv(shop / "day.csv")
    words = ("predict", "sale@live", "--in", str(shop / "day.csv"), "--partition", "2013-06-02")
    out = ("--out", str(shop / "{partition}.csv"))
    said(shop, *words, *out)
    assert "30 rows predicted, 0 rejected, 30 captured" in capfd.readouterr().out
    said(shop, *words, *out, "--json")
    told = json.loads(capfd.readouterr().out)
    assert (told["outcome"], told["counted"]["rows"]) == ("nothing", 30)


def test_broken_data_ends_with_9(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rows(30).with_columns(staff=pl.lit("x")).write_csv(shop / "bad.csv")
    words = ["predict", "sale@live", "--in", str(shop / "bad.csv"), "--out", str(shop / "b.csv")]
    monkeypatch.setattr("sys.argv", ["trueup", "-C", str(shop), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 9
    assert "bad.csv row 1: staff is 'x', not a whole number" in capfd.readouterr().err


@pytest.fixture(scope="module")
def server(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed(weed, tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.mark.s3
def test_tables_come_from_and_go_to_a_bucket(
    server: S3Server, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    prefix = re.sub(r"\W+", "-", request.node.name)
    root = project(tmp_path / "shop")
    said(root, "alias", version(root, fitted(5)), "live")
    bucket = open_bucket(f"s3://{BUCKET}", root=tmp_path, env=server.env)
    for k, name in enumerate(("a.parquet", "b.csv", "c.txt")):
        body = BytesIO()
        table = rows(500, 500 * k)
        table.write_csv(body) if name == "b.csv" else table.write_parquet(body)
        bucket.put(f"{prefix}/in/{name}", body.getvalue())
    url = f"s3://{BUCKET}/{prefix}"

    def scored(given: str, **how: Any) -> Any:
        workspace = open_workspace(root, server.env)
        place = f"{url}/out/{{partition}}.parquet"
        return predicting.predict(
            workspace, Wanted("sale@live", given, place, partition="all", **how)
        )

    done = scored(f"{url}/in")
    assert (done.counted.rows, done.captured) == (1000, 1000)
    found = pl.read_parquet(BytesIO(bucket.get(f"{prefix}/out/all.parquet")))
    assert found["id"].to_list() == rows(1000)["id"].to_list()
    assert scored(f"{url}/in").outcome == "nothing"
    assert scored(f"{url}/in/*.parquet", replace=True).counted.rows == 500
    captured = reading.captures(open_workspace(root, server.env).bucket, "shop/sale").collect()
    assert sorted(captured["id"].to_list()) == sorted(rows(500)["id"].to_list())
    assert not (root / ".trueup" / "predict" / "inputs").exists()
