"""A table scored by a version: as over HTTP, once for each partition, whatever ends it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("polars")

import polars as pl

from trueup.captures import reading
from trueup.errors import DataBroken, TrueupError, WrongUsage
from trueup.project import predicting
from trueup.project.predicting import Wanted
from trueup.project.workspace import open_workspace
from trueup.serving.batch.publishing import Partition
from trueup.serving.batch.running import Predicted
from trueup.serving.batch.tables import Sizes

if TYPE_CHECKING:
    from tests.serving.servers import Server

MODEL = "shop/sale"
SMALL = Sizes(50, 700)


def scored(root: Path, given: str, out: str, sizes: Any = None, **how: Any) -> Predicted:
    name = how.pop("name", "sale@live")
    workspace = open_workspace(root, dict(os.environ))
    return predicting.predict(workspace, Wanted(name, given, out, **how), sizes=sizes)


def captured(root: Path) -> Any:
    bucket = open_workspace(root, dict(os.environ)).bucket
    return reading.captures(bucket, MODEL).sort("id").collect()


def refused(root: Path) -> Any:
    bucket = open_workspace(root, dict(os.environ)).bucket
    return reading.captures(bucket, MODEL, refusals="only").collect()


def rows(count: int = 300, first: int = 0) -> Any:
    return pl.DataFrame(
        {
            "id": [f"row-{k:06d}" for k in range(first, first + count)],
            "shop": ["abcz"[k % 4] for k in range(count)],
            "near": [k / count * 1.2 for k in range(count)],
            "staff": [k % 9 for k in range(count)],
        }
    )


def test_the_same_rows_get_the_same_answers_flags_and_captures_as_over_http(
    server: "Server", own_shop: Path
) -> None:
    table = rows(301)
    records = table.drop("id").to_dicts()
    body = {"records": records, "ids": table["id"].to_list()}
    asked = server.client.post("/predict", json=body).json()
    table.write_parquet(own_shop / "t.parquet")
    table.write_csv(own_shop / "t.csv")
    for given in ("t.parquet", "t.csv"):
        scored(own_shop, given, "p.parquet", replace=True)
        found = pl.read_parquet(own_shop / "p.parquet")
        assert found["id"].to_list() == asked["ids"]
        for name in ("prediction", "score"):
            assert found[name].to_list() == [one[name] for one in asked["predictions"]]
    mine = captured(own_shop)
    assert set(mine["role"]) == {"batch"}
    assert mine.filter(pl.col("id") == "row-000003")["flags"][0] == '{"shop":"unseen"}'
    for name, kind in (("input.shop", pl.String), ("input.near", pl.Float64)):
        assert mine[name].dtype == kind
    assert mine["input.staff"].dtype == pl.Int64
    assert mine["latency_s"].min() > 0


def test_a_row_is_answered_the_same_to_the_last_bit_whatever_goes_with_it(own_shop: Path) -> None:
    from importlib import import_module

    from tests.serving.servers import version

    linear = import_module("sklearn.linear_model").LogisticRegression()
    frame = pl.read_csv(own_shop / "test.csv").select("near", "staff", "sold")
    model = linear.fit(frame.drop("sold").to_numpy(), frame["sold"].to_numpy())
    config = own_shop / "trueup.yaml"
    config.write_text(config.read_text().replace("[shop, near, staff]", "[near, staff]"))
    name = version(own_shop, import_module("skops.io").dumps(model))
    rows(301).write_parquet(own_shop / "t.parquet")
    for place, sizes in (("p", Sizes(1)), ("q", Sizes(7)), ("r", None)):
        scored(own_shop, "t.parquet", f"{place}.parquet", sizes, name=name)
    one, seven, all_ = (pl.read_parquet(own_shop / f"{one}.parquet") for one in "pqr")
    assert one.equals(all_)
    assert seven.equals(all_)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
def test_every_format_comes_in_and_goes_out_with_ids_flags_and_the_version(
    own_shop: Path, suffix: str
) -> None:
    table = rows(100)
    writers: dict[str, Any] = {
        "parquet": table.write_parquet,
        "csv": table.write_csv,
        "arrow": table.write_ipc,
    }
    writers[suffix](own_shop / f"t.{suffix}")
    done = scored(own_shop, f"t.{suffix}", f"p.{suffix}", SMALL)
    assert (done.outcome, done.counted.rows, done.captured) == ("scored", 100, 100)
    assert done.counted.flagged["shop"] == {"unseen": 25}
    readers: dict[str, Any] = {"parquet": pl.read_parquet, "csv": pl.read_csv, "arrow": pl.read_ipc}
    found = readers[suffix](own_shop / f"p.{suffix}")
    assert found.columns == ["id", "prediction", "score", "flags", "model", "version", "digest"]
    assert found["id"].to_list() == table["id"].to_list()
    assert set(found["version"]) == {1}
    assert captured(own_shop)["id"].to_list() == table["id"].to_list()


def test_a_folder_or_a_pattern_is_one_table(own_shop: Path) -> None:
    (own_shop / "days").mkdir()
    rows(70).write_parquet(own_shop / "days" / "a.parquet")
    rows(50, 70).write_csv(own_shop / "days" / "b.csv")
    rows(10, 120).write_csv(own_shop / "days" / "_c.csv")
    assert scored(own_shop, "days", "p.parquet").counted.rows == 120
    assert pl.read_parquet(own_shop / "p.parquet")["id"].to_list() == rows(120)["id"].to_list()
    assert scored(own_shop, "da*/*.csv", "q.parquet").counted.rows == 60


def test_a_partition_is_scored_once_and_anew_only_when_that_is_said(own_shop: Path) -> None:
    rows(60).write_csv(own_shop / "d-2013-06-01.csv")
    place = {"given": "d-{partition}.csv", "out": "p/{partition}.parquet"}
    day = {**place, "partition": "2013-06-01"}
    assert scored(own_shop, **day).outcome == "scored"
    assert captured(own_shop)["at"].dt.date().unique().to_list()[0].isoformat() == "2013-06-01"
    written = (own_shop / "p" / "2013-06-01.parquet").stat().st_mtime_ns
    again = scored(own_shop, **day)
    assert (again.outcome, again.counted.rows) == ("nothing", 60)
    os.utime(own_shop / "d-2013-06-01.csv")  # the same content, written anew
    assert scored(own_shop, **day).outcome == "nothing"
    assert scored(own_shop, **day, replace=True).outcome == "nothing"
    assert (own_shop / "p" / "2013-06-01.parquet").stat().st_mtime_ns == written
    rows(40, 10).write_csv(own_shop / "d-2013-06-01.csv")
    with pytest.raises(WrongUsage, match="of other input"):
        scored(own_shop, **day)
    assert len(captured(own_shop)) == 60
    assert scored(own_shop, **day, replace=True).outcome == "scored"
    assert captured(own_shop)["id"].to_list() == rows(40, 10)["id"].to_list()
    assert len(pl.read_parquet(own_shop / "p" / "2013-06-01.parquet")) == 40


def test_an_alias_that_moved_on_leaves_a_partition_as_it_is_but_a_number_does_not(
    own_shop: Path,
) -> None:
    from tests.serving.servers import said

    rows(30).write_csv(own_shop / "t.csv")
    how = {"given": "t.csv", "out": "p.csv", "partition": "north"}
    assert scored(own_shop, **how).version == 1
    said(own_shop, "alias", "sale/2", "live")
    again = scored(own_shop, **how)
    assert (again.outcome, again.version) == ("nothing", 1)
    with pytest.raises(WrongUsage, match="by version 1"):
        scored(own_shop, **how, name="sale/2")
    assert scored(own_shop, **how, name="sale/2", replace=True).version == 2
    assert set(captured(own_shop)["version"]) == {2}


def test_ids_that_are_made_are_the_same_each_time_and_ascend(own_shop: Path) -> None:
    rows(120).drop("id").write_parquet(own_shop / "t.parquet")
    scored(own_shop, "t.parquet", "p.csv", SMALL)
    scored(own_shop, "t.parquet", "q.csv")
    first, second = (pl.read_csv(own_shop / one)["id"].to_list() for one in ("p.csv", "q.csv"))
    assert first == second == sorted(first)
    assert len(set(first)) == 120
    assert captured(own_shop)["id"].to_list() == first


def test_labels_meet_predictions_by_id(own_shop: Path) -> None:
    from tests.serving.servers import said

    rows(30).write_csv(own_shop / "t.csv")
    scored(own_shop, "t.csv", "p.csv")
    labels = own_shop / "truth.csv"
    rows(30).select("id", sold=pl.lit(1)).write_csv(labels)
    columns = ("--id", "id", "--label", "sold", "--only-labels")
    said(own_shop, "captures", "import", "sale", str(labels), *columns)
    said(own_shop, "captures", "export", "sale", "--out", str(own_shop / "train.parquet"))
    found = pl.read_parquet(own_shop / "train.parquet")
    assert sorted(found["id"].to_list()) == rows(30)["id"].to_list()
    assert set(found["label"]) == {1}
    assert {"shop", "near", "staff"} <= set(found.columns)


def test_what_is_redacted_and_left_out_by_sampling_is_not_captured(own_shop: Path) -> None:
    config = own_shop / "trueup.yaml"
    config.write_text(config.read_text() + "      capture: {redact: [shop], sample: 0.5}\n")
    rows(400).write_csv(own_shop / "t.csv")
    assert scored(own_shop, "t.csv", "p.csv").counted.rows == 400
    found = captured(own_shop)
    assert 150 < len(found) < 250
    assert "input.shop" not in found.columns
    assert not any("shop" in (one or "") for one in found["flags"])


def test_times_of_rows_may_be_a_column(own_shop: Path) -> None:
    table = rows(4).with_columns(asked=pl.Series(["2013-06-01T08:00:00", "2013-06-02", None, "x"]))
    table.write_csv(own_shop / "t.csv")
    done = scored(own_shop, "t.csv", "p.csv", at="asked", most_rejected=0.5)
    assert [why for _, _, why in done.reasons] == [
        "asked has no value, but says when a row was asked",
        "asked is 'x', not a time of ISO 8601",
    ]
    at = captured(own_shop)["at"].dt.strftime("%Y-%m-%d %H").to_list()
    assert at == ["2013-06-01 08", "2013-06-02 00"]


def test_rejected_rows_are_left_out_and_written_with_the_reason(own_shop: Path) -> None:
    table = rows(100).with_columns(pl.col("near").cast(pl.String))
    broken = table.with_columns(
        near=pl.when(pl.col("id") == "row-000007").then(pl.lit("far")).otherwise("near")
    )
    broken.write_csv(own_shop / "t.csv")
    done = scored(own_shop, "t.csv", "p.csv", SMALL, most_rejected=0.01)
    assert (done.counted.rows, done.counted.rejected) == (99, 1)
    assert done.reasons == (("t.csv", 8, "near is 'far', not a number"),)
    found = pl.read_csv(own_shop / "p.rejected.csv")
    assert found.row(0, named=True) == {
        "rejected.file": "t.csv",
        "rejected.row": 8,
        "rejected.reason": "near is 'far', not a number",
        "id": "row-000007",
        "shop": "z",
        "near": "far",
        "staff": 7,
    }
    assert "row-000007" not in captured(own_shop)["id"].to_list()
    assert refused(own_shop)["refused"].to_list() == ["near is 'far', not a number"]


def test_too_many_rejected_rows_write_and_capture_nothing_until_they_are_allowed(
    own_shop: Path,
) -> None:
    rows(50).with_columns(staff=pl.lit("many")).write_csv(own_shop / "t.csv")
    with pytest.raises(DataBroken, match="50 of 50 rows are rejected"):
        scored(own_shop, "t.csv", "p.csv")
    assert not (own_shop / "p.csv").exists()
    assert len(pl.read_csv(own_shop / "p.rejected.csv")) == 50
    assert captured(own_shop).height == 0
    done = scored(own_shop, "t.csv", "p.csv", most_rejected=1.0)
    assert (done.counted.rows, done.resumed) == (0, 50)
    assert pl.read_csv(own_shop / "p.csv").height == 0


def test_under_strict_what_is_unusual_is_rejected(own_shop: Path) -> None:
    config = own_shop / "trueup.yaml"
    config.write_text(config.read_text() + "      strict: true\n")
    rows(8).write_csv(own_shop / "t.csv")
    done = scored(own_shop, "t.csv", "p.csv", most_rejected=1.0)
    assert ("t.csv", 4, "shop is not in the vocabulary") in done.reasons
    assert not done.counted.flagged


def test_a_row_that_the_model_itself_cannot_take_is_rejected_alone(own_shop: Path) -> None:
    from importlib import import_module

    from tests.serving.servers import version

    linear = import_module("sklearn.linear_model").LogisticRegression()
    frame = pl.read_csv(own_shop / "test.csv")
    shaped = import_module("sklearn.compose").make_column_transformer(
        (import_module("sklearn.preprocessing").OneHotEncoder(handle_unknown="ignore"), ["shop"]),
        ("passthrough", ["near", "staff"]),
    )
    model = import_module("sklearn.pipeline").make_pipeline(shaped, linear)
    model.fit(frame.select("shop", "near", "staff"), frame["sold"].to_numpy())
    name = version(own_shop, import_module("skops.io").dumps(model), converted=False)
    table = rows(120).with_columns(
        near=pl.when(pl.col("id").is_in(["row-000005", "row-000070"])).then(None).otherwise("near")
    )
    table.write_parquet(own_shop / "t.parquet")
    done = scored(own_shop, "t.parquet", "p.csv", SMALL, name=name, most_rejected=0.1)
    assert [(row, "NaN" in why) for _, row, why in done.reasons] == [(6, True), (71, True)]
    expected = model.predict_proba(table.drop_nulls().select("shop", "near", "staff"))[:, 1]
    assert pl.read_csv(own_shop / "p.csv")["score"].to_list() == pytest.approx(expected, abs=1e-12)


def _no_column(root: Path) -> None:
    rows(9).drop("near").write_csv(root / "t.csv")


def _empty(root: Path) -> None:
    (root / "t.csv").write_bytes(b"")


def _no_row(root: Path) -> None:
    rows(9).clear().write_csv(root / "t.csv")


def _corrupt(root: Path) -> None:
    rows(9).write_parquet(root / "t.parquet")
    body = (root / "t.parquet").read_bytes()
    (root / "t.parquet").write_bytes(body[:-9] + b"\xff" * 9)


def _cut(root: Path) -> None:
    rows(3000).write_parquet(root / "t.parquet")
    body = bytearray((root / "t.parquet").read_bytes())
    body[40:4000] = b"\xff" * 3960
    (root / "t.parquet").write_bytes(bytes(body))


def _open_quote(root: Path) -> None:
    (root / "t.csv").write_text('id,shop,near,staff\n1,"a,0.5,3\n2,a,0.5,3\n')


def _latin(root: Path) -> None:
    (root / "t.csv").write_bytes(b"id,shop,near,staff\n1,\xe9,0.5,3\n")


def _there(root: Path) -> None:
    rows(9).write_csv(root / "t.csv")
    (root / "p.csv").write_text("mine")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_no_column, "no column 'near'"),
        (_empty, "the table is empty"),
        (_no_row, "the table has no row"),
        (_corrupt, "cannot be read"),
        (_cut, "cannot be read"),
        (_open_quote, "cannot be read: unexpected end of data"),
        (_latin, "is not UTF-8"),
        (_there, "is there already"),
        (lambda root: None, "there is no table"),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_nothing(
    own_shop: Path, make: Callable[[Path], None], says: str
) -> None:
    make(own_shop)
    before = sorted(own_shop.iterdir())
    given = "t.parquet" if make in (_corrupt, _cut) else "t.csv"
    with pytest.raises(TrueupError, match=says) as error:
        scored(own_shop, given, "p.csv")
    assert error.value.remedy
    assert sorted(own_shop.iterdir()) == before
    assert captured(own_shop).height == 0


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"out": "p.xlsx"}, "no format"),
        ({"partition": "../x"}, "no name of a partition"),
        ({"out": "p-{partition}.csv"}, "stands for --partition"),
        ({"id": "nobody"}, "no column 'nobody'"),
        ({"most_rejected": 2.0}, "no share"),
        ({"out": "t.csv", "replace": True}, "lies in what is read"),
        ({"given": ".", "out": "p/p.csv"}, "lies in what is read"),
        ({"given": "http://x/t.csv"}, "unknown scheme"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    own_shop: Path, how: dict[str, Any], says: str
) -> None:
    rows(5).write_csv(own_shop / "t.csv")
    with pytest.raises(WrongUsage, match=says):
        scored(own_shop, **{"given": "t.csv", "out": "p.csv", **how})


CHILD = """
import os, sys, resource
from pathlib import Path
from trueup.project.predicting import Wanted, predict
from trueup.project.workspace import open_workspace
from trueup.serving.batch.tables import Sizes
root, given, out, rows, limit = sys.argv[1:]
if int(limit):
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
workspace = open_workspace(Path(root), dict(os.environ))
wanted = Wanted("sale@live", given, out, partition="2013-06-01", most_rejected=0.5)
done = predict(workspace, wanted, sizes=Sizes(int(rows), 700 if int(rows) < 100 else 4 << 20))
status = Path("/proc/self/status").read_text().split("VmHWM:")[1]  # rusage has the parent's too
print(done.counted.rows, int(status.split()[0]) // 1024)
"""


def child(root: Path, given: str, out: str, rows: int = 50, limit: int = 0) -> Any:
    command = [sys.executable, "-c", CHILD, str(root), given, out, str(rows), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "moment",
    [
        "predict/*/00000000.json",
        "predict/*/00000037.rows.arrow",
        "store/batches/**/*.json",
        "store/captures/shop/sale/rows/*/*.30.0-*.arrow",
    ],
)
def test_killed_at_any_moment_the_next_call_goes_on_and_nothing_is_there_twice(
    own_shop: Path, moment: str
) -> None:
    table = rows(2000).with_columns(near=pl.col("near").cast(pl.String))
    table = table.with_columns(
        near=pl.when(pl.col("staff") == 8).then(pl.lit("?")).otherwise("near")
    )
    table.write_csv(own_shop / "t.csv")
    running = child(own_shop, "t.csv", "p.parquet")
    end = time.monotonic() + 60
    while not list((own_shop / ".trueup").glob(moment)):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < end
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert not (own_shop / "p.parquet").exists()
    how: dict[str, Any] = {"partition": "2013-06-01", "most_rejected": 0.5}
    done = scored(own_shop, "t.csv", "p.parquet", SMALL, **how)
    assert done.resumed > 0
    good = table.filter(pl.col("near") != "?")["id"].to_list()
    assert pl.read_parquet(own_shop / "p.parquet")["id"].to_list() == good
    assert captured(own_shop)["id"].to_list() == good
    assert refused(own_shop).height == 60
    assert pl.read_parquet(own_shop / "p.rejected.parquet").height == 2000 - len(good)
    assert scored(own_shop, "t.csv", "p.parquet", SMALL, **how).outcome == "nothing"
    assert not list((own_shop / ".trueup" / "predict").iterdir())


def test_ended_between_the_table_and_its_record_the_next_call_completes_it(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(60).write_csv(own_shop / "t.csv")
    how: dict[str, Any] = {"given": "t.csv", "out": "p.csv", "partition": "2013-06-01"}
    with monkeypatch.context() as patch:
        patch.setattr(Partition, "end", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            scored(own_shop, **how)
    assert (own_shop / "p.csv").exists()
    assert scored(own_shop, **how).resumed == 60
    assert captured(own_shop)["id"].to_list() == rows(60)["id"].to_list()
    (own_shop / "p.csv").unlink()
    assert scored(own_shop, **how).outcome == "scored"
    assert len(captured(own_shop)) == 60
    (own_shop / "p.csv").write_text("mine")
    with pytest.raises(WrongUsage, match="is there already"):
        scored(own_shop, **how)


def test_what_an_ended_call_had_captured_of_other_input_does_not_stay(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(60).write_csv(own_shop / "t.csv")
    how: dict[str, Any] = {"given": "t.csv", "out": "p.csv", "partition": "2013-06-01"}
    with monkeypatch.context() as patch:
        patch.setattr(Partition, "supersede", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            scored(own_shop, **how)
    assert len(captured(own_shop)) == 60
    rows(40, 500).write_csv(own_shop / "t.csv")
    assert scored(own_shop, **how).resumed == 0
    assert captured(own_shop)["id"].to_list() == rows(40, 500)["id"].to_list()


def _interrupted(*given: Any) -> None:
    raise KeyboardInterrupt


def test_of_two_at_once_one_is_told_that_the_other_was_first(own_shop: Path) -> None:
    rows(6000).write_csv(own_shop / "t.csv")
    running = child(own_shop, "t.csv", "p.parquet")
    end = time.monotonic() + 60
    while not list((own_shop / ".trueup").glob("predict/*/00000000.json")):
        assert time.monotonic() < end
    with pytest.raises(TrueupError, match="another trueup predict"):
        scored(own_shop, "t.csv", "p.parquet", partition="2013-06-01")
    said, trouble = running.communicate()
    assert said.startswith("6000 "), trouble


def test_a_full_disk_is_told_and_the_next_call_goes_on(own_shop: Path) -> None:
    rows(40_000).write_csv(own_shop / "t.csv")
    full = child(own_shop, "t.csv", "p.csv", 65_536, limit=600_000)
    _, trouble = full.communicate()
    assert "DiskFull" in trouble
    assert "the disk is full" in trouble
    assert not (own_shop / "p.csv").exists()
    done = scored(own_shop, "t.csv", "p.csv", partition="2013-06-01", most_rejected=0.5)
    assert done.counted.rows == 40_000
    assert len(captured(own_shop)) == 40_000


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_memory_stays_where_it_is_however_large_the_table(own_shop: Path, suffix: str) -> None:
    megabytes = []
    for count in (70_000, 3_000_000):
        table = rows(count)
        path = own_shop / f"t{count}.{suffix}"
        table.write_csv(path) if suffix == "csv" else table.write_parquet(path)
        del table
        said, trouble = child(own_shop, path.name, f"p{count}.parquet", 65_536).communicate()
        assert said, trouble
        (own_shop / f"p{count}.parquet").unlink()
        megabytes.append(int(said.split()[1]))
        _forget(own_shop)
    assert megabytes[1] < megabytes[0] + 120, megabytes


def _forget(root: Path) -> None:
    import shutil

    shutil.rmtree(root / ".trueup" / "store" / "batches", ignore_errors=True)
