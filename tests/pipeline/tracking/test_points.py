"""``trueup.log`` writes one whole line a call, whoever calls, and says what it cannot write."""

import json
import math
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import StageFailed, WrongUsage
from trueup.pipeline.tracking import points
from trueup.pipeline.tracking.points import log
from trueup.pipeline.tracking.spool import HEAD, Point, Spool, read_points, summaries
from trueup.pipeline.tracking.writer import RunWriter
from trueup.store.memory import MemoryBucket


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    monkeypatch.setenv(points.SPOOL_VARIABLE, str(tmp_path / "spool"))
    monkeypatch.setenv(points.STAGE_VARIABLE, 'tr"ain é')
    points.forget()
    yield Spool(tmp_path / "spool")
    points.forget()


def logged(spool: Spool) -> tuple[Point, ...]:
    return read_points([("spool", HEAD + Spool(spool.path).drain())])


def test_a_point_arrives_as_it_was_logged(spool: Spool) -> None:
    log(step=3, loss=0.1, count=2**70)
    log({"val/loss": 0.5, 'a"b\\é': 1}, step=2.5)
    log(loss=1)
    first, second, third = logged(spool)
    assert (first.stage, first.step, first.values) == ('tr"ain é', 3, {"loss": 0.1, "count": 2**70})
    assert (second.step, second.values) == (2.5, {"val/loss": 0.5, 'a"b\\é': 1})
    assert third.step is None
    assert first.at <= second.at


@given(st.floats())
def test_every_float_survives(value: float) -> None:
    text = points._number("x", value)
    (point,) = read_points([("p", HEAD + f'[0,"s",null,{{"x":{text}}}]\n'.encode())])
    found = point.values["x"]
    assert found == value or (math.isnan(found) and math.isnan(value))


class Scalar:
    """As NumPy's scalars and tensors of one element are."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        if isinstance(self.value, list):
            raise ValueError("can only convert an array of size 1 to a Python scalar")  # noqa: TRY004 - as NumPy says it
        return self.value


@pytest.mark.parametrize(
    ("value", "found"),
    [(Scalar(0.5), 0.5), (Scalar(3), 3.0), (Decimal("0.25"), 0.25), (Fraction(1, 4), 0.25)],
)
def test_whatever_holds_one_number_is_a_number(spool: Spool, value: float, found: float) -> None:
    log(x=value)
    assert logged(spool)[0].values == {"x": found}


@pytest.mark.parametrize("value", ["0.5", None, True, [1], {}, 1j, Scalar("a"), Scalar([1]), b"1"])
def test_what_is_no_number_is_told_by_name(spool: Spool, value: float) -> None:
    with pytest.raises(WrongUsage, match=r"^loss is a \w+, not a number"):
        log(step=1, loss=value)
    if value is not None:
        with pytest.raises(WrongUsage, match=r"^step is a \w+, not a number"):
            log(step=value, loss=1)
    assert logged(spool) == ()


@pytest.mark.parametrize("step", [math.nan, math.inf, -math.inf])
def test_a_step_is_finite(spool: Spool, step: float) -> None:
    with pytest.raises(WrongUsage, match=r"step is -?(nan|inf)"):
        log(step=step, loss=1)


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "x" * 251, "\ud800"])
def test_names_that_cannot_be_shown_are_refused(spool: Spool, name: str) -> None:
    with pytest.raises(WrongUsage):
        log({name: 1.0})
    assert logged(spool) == ()


def test_outside_a_run_and_without_the_front_door_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(points.SPOOL_VARIABLE, raising=False)
    monkeypatch.setattr(points, "outside_a_run", None)
    with pytest.raises(WrongUsage, match="trueup run"):
        log(loss=1)


def test_a_spool_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(points.SPOOL_VARIABLE, str(tmp_path / "file" / "spool"))
    points.forget()
    with pytest.raises(StageFailed, match="could not be written"):
        log(loss=1)


def test_the_first_point_makes_the_folder_of_its_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(points.SPOOL_VARIABLE, str(tmp_path / "new" / "run" / "spool"))
    points.forget()
    log(loss=1)
    points.forget()
    assert Spool(tmp_path / "new" / "run" / "spool").drain()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setenv(points.SPOOL_VARIABLE, "/dev/full")
    points.forget()
    with pytest.raises(StageFailed, match="No space left"):
        log(loss=1)
    points.forget()


def _many(worker: int, count: int = 300) -> None:
    for step in range(count):
        log({f"worker{worker}": step, "pad" * 20: 0.1}, step=step)


def test_threads_and_forked_workers_never_mix_their_lines(spool: Spool) -> None:
    threads = [threading.Thread(target=_many, args=(nth,)) for nth in range(4)]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(nth,)) for nth in range(4, 8)]
    for worker in workers:  # forked first: a process with threads is not to be forked
        worker.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    found = {(c.name, c.count, c.last) for c in summaries(logged(spool)) if "worker" in c.name}
    assert found == {(f"worker{nth}", 300, 299.0) for nth in range(8)}


def test_a_started_process_logs_to_the_same_run(spool: Spool) -> None:
    code = "import trueup; trueup.log(step=1, loss=2)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert logged(spool)[0].values == {"loss": 2.0}


def test_a_line_still_being_written_waits(spool: Spool) -> None:
    spool.path.write_bytes(b'[1,"s",1,{}]\n[2,"s"')
    assert spool.drain() == b'[1,"s",1,{}]\n'
    assert spool.drain() == b""
    with spool.path.open("ab") as more:
        more.write(b',2,{"x":1}]\n')
    assert spool.drain() == b'[2,"s",2,{"x":1}]\n'
    assert Spool(spool.path.with_name("none")).drain() == b""


def test_many_points_are_stored_in_segments_of_whole_lines(spool: Spool) -> None:
    line = json.dumps([1, "s", 1, {"x": 0.5, "pad" * 30: 1}]).encode() + b"\n"
    spool.path.write_bytes(line * 100_000)
    bucket = MemoryBucket()
    RunWriter(bucket, "run").points(spool.drain())
    segments = sorted((entry.key, bucket.get(entry.key)) for entry in bucket.list("runs/"))
    assert len(segments) > 1
    assert all(body.endswith(b"\n") and len(body) < 9_000_000 for _, body in segments)
    assert len(read_points(segments)) == 100_000


def test_lines_that_are_no_points_are_left_out() -> None:
    body = b'[1,"s",1,{"x":1}]\n{"x"\n[1]\n\n\xff\n[2,"s",2,{"x":"high"}]\n[3,"s",3,{"x":3}]\n'
    assert [point.at for point in read_points([("p", HEAD + body)])] == [1, 3]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, trueup; trueup.log(step=1, loss=2);"
        "print([m for m in ('typing', 'msgspec', 're', 'json', 'threading', 'click')"
        " if m in sys.modules])"
    )
    env = os.environ | {points.SPOOL_VARIABLE: os.devnull}
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"sys_path = {sys.path!r}; import sys; sys.path[:] = sys_path; {code}",
        ],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
