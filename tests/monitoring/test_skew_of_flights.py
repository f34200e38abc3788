"""A feature that the endpoint computes otherwise than the pipeline is found on what was served."""

import json
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.examples.flights import SETTINGS, script
from tests.project.projects import write

pytest.importorskip("granian")
pytest.importorskip("sklearn")

PROJECT = """
    format: 1
    project: flights
    environment: {key: none}
    stages:
      prepare: {cmd: python prepare.py, deps: [prepare.py], outs: [data/day.parquet]}
    models:
      flight-late:
        path: model.skops
        task: binary
        convert: off
        features: [carrier, origin, dest, weekday, dep_minute, arr_minute, distance, temp, dewp,
          humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib]
        evaluate: {data: data/day.parquet, target: late, id: flight_id, time: predicted_at}
        serve: {poll: 0.2s, capture: {redact: [carrier]}}
    """
DAY = date(2013, 12, 20)


def day(first: date, days: int, **changed: Any) -> pl.DataFrame:
    """Return what the example's pipeline knows of some days, with settings changed."""
    ingest, prepare = script("ingest"), script("prepare")
    end = first + timedelta(days=days)
    on = pl.date("year", "month", "day")
    flights = ingest.table("flights.csv.zip").filter(on >= first, on < end)
    made: pl.DataFrame = prepare.table(
        flights, ingest.table("weather.csv"), {**SETTINGS, **changed}
    )
    return made.drop("day")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.serving.servers import said

    root = write(tmp_path_factory.mktemp("skew") / "project", {"trueup.yaml": PROJECT})
    (root / "data").mkdir()
    day(DAY, 1).write_parquet(root / "data" / "day.parquet")
    train = script("train")
    rows = day(DAY - timedelta(days=5), 4).drop_nulls("late")
    few = {"max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 7, "min_samples_leaf": 50}
    model = train.untrained({**few, "seed": 1}).fit(
        rows.select(train.CATEGORIES + train.NUMBERS), rows["late"].to_numpy()
    )
    (root / "model.skops").write_bytes(import_module("skops.io").dumps(model))
    said(root, "register", "flight-late")
    return root


def served(root: Path, rows: pl.DataFrame) -> None:
    """Ask a real server about each flight, and end it: then everything is in the bucket."""
    from tests.serving.servers import Server

    ask = script("ask")
    server = Server(root, "flight-late/1")
    try:
        for part in rows.iter_slices(200):
            records = [ask.record(row) for row in part.to_dicts()]
            body = {"records": records, "ids": part["flight_id"].to_list()}
            answer = server.client.post("/predict", json=body)
            assert answer.status_code == 200, answer.text
    finally:
        assert server.stop() == 0


def skew(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """Call the command line, and return its exit code and what it has found."""
    from trueup.cli.group import trueup

    capsys.readouterr()
    code = trueup.main(
        ["-C", str(root), "skew", "flight-late", "--json", *words], standalone_mode=False
    )
    return code, json.loads(capsys.readouterr().out)


def test_only_the_features_that_are_computed_otherwise_are_skewed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = day(DAY, 1)
    served(project, honest)
    code, found = skew(project, capsys)
    assert code == 0, found
    assert found["table"] == "data/day.parquet"
    assert (found["rows"], found["only_served"], found["only_computed"]) == (honest.height, 0, 0)
    assert all(one["different"] == 0 for one in found["columns"])
    assert "carrier" not in {one["name"] for one in found["columns"]}  # is never captured

    # The endpoint takes the weather at departure, and minutes of the wrong kind.
    other = day(DAY, 1, lead_hours=0).with_columns(
        dep_minute=pl.col("dep_minute") // 60 * 100 + pl.col("dep_minute") % 60
    )
    served(project, other)
    code, found = skew(project, capsys)
    assert code == 9
    skewed = {one["name"]: one for one in found["columns"] if one["is_skewed"]}
    assert {"dep_minute", "temp", "wind_speed", "pressure"} <= set(skewed)
    sound = {"origin", "dest", "weekday", "arr_minute", "distance"}
    assert not sound & set(skewed)
    assert skewed["dep_minute"]["pipe"] == {"stage": "prepare", "output": "data/day.parquet"}
    assert skewed["temp"]["examples"]
    assert found["repeated"] == honest.height  # each flight was asked about twice
    assert found["lateness"]["median_s"] > 0

    code, found = skew(project, capsys, "--columns", "distance", "--table", "data/day.parquet")
    assert (code, [one["name"] for one in found["columns"]]) == (0, ["distance"])


def test_what_cannot_be_compared_is_said_with_a_remedy(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from trueup.errors import WrongUsage

    with pytest.raises(WrongUsage, match="distanc"):
        skew(project, capsys, "--columns", "distanc")
    with pytest.raises(WrongUsage, match="no column 'flight'"):
        skew(project, capsys, "--table", "data/day.parquet", "--id", "flight")
    with pytest.raises(WrongUsage, match="nothing is captured"):
        skew(project, capsys, "--until", "2001-01-01")
