"""Runs are listed truly while they go on, after they end, and when they are lost."""

import math
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup import clock, ids
from trueup.errors import SomebodyElseFirst, WrongUsage
from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.records import Ended, RecordUnreadable, StageDone, Started
from trueup.pipeline.tracking.runs import RunNotFound, Runs
from trueup.pipeline.tracking.writer import RunWriter
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "folder"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    return MemoryBucket() if request.param == "memory" else FolderBucket(tmp_path / "store")


def begin(bucket: Bucket, at: datetime | None = None, **fields: object) -> RunWriter:
    at = at or clock.now()
    writer = RunWriter(bucket, ids.run_id(at))
    writer.started(Started(writer.run, at, **fields))  # type: ignore[arg-type]  # of any test
    return writer


def end(writer: RunWriter, auc: float = 0.7, **fields: object) -> None:
    metrics = {"metrics.json": {"roc_auc": auc}}
    known = {"status": "done", "at": clock.now(), "seconds": 2.5, "metrics": metrics}
    writer.ended(Ended(**(known | fields)))  # type: ignore[arg-type]  # of any test


def later(seconds: float) -> Callable[[], datetime]:
    return lambda: clock.now() + timedelta(seconds=seconds)


def test_a_run_is_listed_while_it_runs(bucket: Bucket) -> None:
    writer = begin(bucket, project="flights", branch="main", params={"params.yaml": {"depth": 8}})
    (run,) = Runs(bucket).list()
    assert (run.id, run.status, run.seconds) == (writer.run, "running", None)
    assert (run.project, run.branch, run.params["params.yaml"]["depth"]) == ("flights", "main", 8)


def test_a_run_that_ended_shows_how(bucket: Bucket) -> None:
    writer = begin(bucket)
    end(writer, status="failed")
    (run,) = Runs(bucket, now=later(1000)).list()
    assert (run.status, run.seconds, run.metrics) == (
        "failed",
        2.5,
        {"metrics.json": {"roc_auc": 0.7}},
    )
    assert not list(bucket.list(layout.HEARTBEATS))


def test_a_run_whose_heart_has_stopped_is_lost(bucket: Bucket) -> None:
    writer = begin(bucket, at=NOON)
    assert Runs(bucket, now=later(59)).list()[0].status == "running"
    assert Runs(bucket, now=later(62)).list()[0].status == "lost"
    assert Runs(bucket, now=later(62)).show(writer.run).run.status == "lost"


def test_a_heartbeat_keeps_a_long_run_from_being_lost(bucket: Bucket) -> None:
    begin(bucket, at=clock.now() - timedelta(hours=5)).heartbeat()
    assert Runs(bucket).list()[0].status == "running"


def test_a_run_killed_between_its_last_event_and_the_index_is_not_lost(bucket: Bucket) -> None:
    writer = begin(bucket)
    ended = Ended("done", clock.now(), 1.0)
    writer._event(ended)
    assert Runs(bucket, now=later(100)).list()[0].status == "done"


def test_one_run_in_full(bucket: Bucket) -> None:
    writer = begin(bucket, command=("trueup", "run"), targets=("train",))
    out = Artifact("0" * 64, 12)
    done = StageDone("train", "failed", outs={"model": out}, exit_code=3, reasons=({"kind": "x"},))
    writer.log("train", b"first\n")
    writer.log("train", b"x" * 5000 + b"\nlast \xff\n")
    writer.points(b'[1.5,"train",0,{"loss":2}]\n[1.5,"train",1,{"loss":0.5}]\n')
    writer.points(b'[1.5,"train",2,{"loss":"nan"}]\n')
    writer.stage_done(done)
    end(writer, status="failed", error="train failed")
    detail = Runs(bucket).show(writer.run[:-2])
    assert detail.started is not None
    assert detail.started.targets == ("train",)
    assert detail.stages == (done,)
    assert detail.ended is not None
    assert detail.ended.error == "train failed"
    (curve,) = detail.curves
    assert (curve.stage, curve.name, curve.count, curve.first) == ("train", "loss", 3, 2.0)
    assert (curve.least, curve.most, math.isnan(curve.last)) == (0.5, 2.0, True)
    assert detail.tails == {"train": "last \ufffd\n"}
    assert Runs(bucket).log(writer.run, "train").startswith("first\nxxx")
    assert Runs(bucket).log(writer.run, "evaluate") == ""


def test_nothing_begun_is_an_empty_list(bucket: Bucket) -> None:
    assert Runs(bucket).list() == ()


def test_a_name_finds_its_run_by_any_unique_part(bucket: Bucket) -> None:
    first, second = (begin(bucket, at=NOON + timedelta(days=day)) for day in (0, 1))
    runs = Runs(bucket)
    assert runs.find(first.run) == first.run
    assert runs.find(first.run[-6:]) == first.run
    assert (runs.find("last"), runs.find("last~1")) == (second.run, first.run)
    with pytest.raises(RunNotFound, match="2 runs could be meant"):
        runs.find("2026112")
    with pytest.raises(RunNotFound, match=f"Did you mean '{second.run}'"):
        runs.find(second.run[:-1] + "u")
    for name in ("", "last~2", "../x", "a/b", "\n", "x" * 5000):
        with pytest.raises(RunNotFound):
            runs.find(name)


def test_a_second_writer_of_one_run_is_refused(bucket: Bucket) -> None:
    writer = begin(bucket)
    with pytest.raises(SomebodyElseFirst):
        RunWriter(bucket, writer.run).started(Started(writer.run, NOON, project="other"))


def test_what_json_cannot_say_survives(bucket: Bucket) -> None:
    odd = {"a": math.inf, "b": 2**70, "c": "\udcff|\n", "d": [math.nan], "e": -(2**64)}
    writer = begin(bucket, params={"p.yaml": odd}, command=("train", "\udcfe"))
    end(writer, auc=math.nan)
    (run,) = Runs(bucket).list()
    found = run.params["p.yaml"]
    assert (found["a"], found["b"], found["e"]) == (math.inf, 2**70, -(2**64))
    assert found["c"] == "\\udcff|\n"
    assert math.isnan(found["d"][0])
    assert math.isnan(run.metrics["metrics.json"]["roc_auc"])
    assert Runs(bucket).show(writer.run).run == run or math.isnan(found["d"][0])


def test_a_record_of_a_newer_format_is_refused_with_the_way_out(bucket: Bucket) -> None:
    writer = begin(bucket)
    bucket.create(layout.event_key(writer.run, 2), b'{"event":"paused","why":1,"format":2}')
    with pytest.raises(RecordUnreadable, match="format 2; this trueup reads up to 1") as refused:
        Runs(bucket).show(writer.run)
    assert "pip install --upgrade trueup" in refused.value.remedy
    assert refused.value.place == layout.event_key(writer.run, 2)


def test_points_of_a_newer_format_are_refused(bucket: Bucket) -> None:
    writer = begin(bucket)
    bucket.create(layout.points_prefix(writer.run) + "0000000001", b'{"format":9}\n[]\n')
    with pytest.raises(RecordUnreadable, match="format 9"):
        Runs(bucket).points(writer.run)


def test_a_damaged_event_is_named(bucket: Bucket) -> None:
    writer = begin(bucket)
    bucket.create(layout.event_key(writer.run, 2), b'{"event":"end')
    with pytest.raises(RecordUnreadable, match=r"events/0000000002\.json: .* cannot be read"):
        Runs(bucket).show(writer.run)


@pytest.mark.parametrize(
    "stage", ["train", "Train", "a/b", "..", ".", "", "é\n", "x" * 500, "x" * 499 + "y", "a%2Fb"]
)
def test_every_stage_has_a_log_of_its_own(bucket: Bucket, stage: str) -> None:
    writer = begin(bucket)
    others = {"train", "a/b", "..", "x" * 500, "TRAIN"} - {stage}
    for other in others:
        writer.log(other, other.encode())
    writer.log(stage, b"mine")
    assert Runs(bucket).log(writer.run, stage) == "mine"


def test_a_cache_shows_what_the_bucket_holds(bucket: Bucket, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for round_ in range(3):
        for nth in range(20):
            end(begin(bucket), auc=round_ + nth / 100)
        open_one = begin(bucket)
        cached = Runs(bucket, cache, later(70)).list()
        assert cached == Runs(bucket, None, later(70)).list()
        end(open_one)
    assert len(Runs(bucket, cache).list()) == 63


def test_a_cache_of_a_bucket_begun_anew_is_not_believed(tmp_path: Path) -> None:
    cache, store = tmp_path / "cache", tmp_path / "store"
    for nth in range(20):
        end(begin(FolderBucket(store)), auc=nth)
    Runs(FolderBucket(store), cache).list()
    store.rename(tmp_path / "old")
    for nth in range(30):
        end(begin(FolderBucket(store)), auc=100 + nth)
    found = Runs(FolderBucket(store), cache).list(filters=["metrics.roc_auc<100"])
    assert found == ()


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\xff" * 100])
def test_a_damaged_cache_costs_time_only(tmp_path: Path, damage: bytes) -> None:
    bucket, cache = FolderBucket(tmp_path / "store"), tmp_path / "cache"
    for _ in range(10):
        end(begin(bucket))
    Runs(bucket, cache).list()
    (kept,) = [path for path in cache.rglob("*") if path.is_file()]
    kept.write_bytes(damage)
    assert len(Runs(bucket, cache).list()) == 10


def _short_runs(store: Path, count: int) -> None:
    for nth in range(count):
        end(begin(FolderBucket(store)), auc=nth / count)


def test_four_processes_of_short_runs_are_all_listed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_short_runs, args=(tmp_path, 15)) for _ in range(4)]
    for process in writers:
        process.start()
    runs = Runs(FolderBucket(tmp_path), tmp_path / "cache")
    seen = 0
    while any(process.is_alive() for process in writers):
        listed = runs.list()
        assert len(listed) >= seen
        assert {run.status for run in listed} <= {"running", "done"}
        seen = len(listed)
    for process in writers:
        process.join()
        assert process.exitcode == 0
    assert [run.status for run in Runs(FolderBucket(tmp_path)).list()] == ["done"] * 60


def test_filters_sort_and_limit_go_together(bucket: Bucket) -> None:
    for nth in range(6):
        end(begin(bucket, params={"params.yaml": {"depth": nth % 2}}), auc=nth / 10)
    found = Runs(bucket).list(["params.depth=1"], ["-metrics.roc_auc"], 2)
    assert [run.metrics["metrics.json"]["roc_auc"] for run in found] == [0.5, 0.3]
    with pytest.raises(WrongUsage, match=r"Did you mean 'metrics\.roc_auc'"):
        Runs(bucket).list(["metrics.roc_acu>1"])
