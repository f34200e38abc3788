"""A script that logs outside any stage becomes a run, and is seen to end as it did."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from trueup import clock
from trueup.errors import RemoteSilent
from trueup.pipeline.tracking.points import RUN_VARIABLE, SPOOL_VARIABLE, STAGE_VARIABLE
from trueup.pipeline.tracking.records import Started
from trueup.pipeline.tracking.runs import Runs
from trueup.pipeline.tracking.script import ScriptRun
from trueup.pipeline.tracking.writer import RunWriter
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket

CONFIG = "project: p\nstore: bucket\nstages:\n  s:\n    cmd: echo\n"


def run_script(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    (folder / "fit.py").write_text(f"import os, sys, trueup\n{code}\n", "utf-8")
    dropped = {SPOOL_VARIABLE, RUN_VARIABLE, STAGE_VARIABLE, "TRUEUP_STORE"}
    return subprocess.run(
        [sys.executable, "fit.py", "--token=hush"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in dropped},
        capture_output=True,
        text=True,
        check=False,
    )


def runs_in(folder: Path) -> Runs:
    return Runs(FolderBucket(folder / ".trueup" / "store"))


def test_a_script_is_a_run_of_its_own(tmp_path: Path) -> None:
    done = run_script(tmp_path, "for i in range(3): trueup.log(step=i, loss=3 - i)")
    assert (done.returncode, done.stderr) == (0, "")
    detail = runs_in(tmp_path).show("last")
    assert (detail.run.status, detail.run.kind) == ("done", "script")
    assert detail.run.metrics == {"points": {"loss": 1.0}}
    assert [(c.stage, c.name, c.count) for c in detail.curves] == [("fit.py", "loss", 3)]
    assert detail.started is not None
    assert "hush" not in str(detail)
    assert not list((tmp_path / ".trueup" / "live").iterdir())


def test_nothing_logged_is_no_run(tmp_path: Path) -> None:
    assert run_script(tmp_path, "pass").returncode == 0
    assert not (tmp_path / ".trueup").exists()


@pytest.mark.parametrize(
    ("raised", "status"),
    [("ValueError('hush')", "failed"), ("KeyboardInterrupt", "interrupted")],
)
def test_an_exception_is_seen(tmp_path: Path, raised: str, status: str) -> None:
    done = run_script(tmp_path, f"trueup.log(loss=1)\nraise {raised}")
    assert done.returncode != 0
    assert raised.split("(")[0] in done.stderr
    detail = runs_in(tmp_path).show("last")
    assert detail.run.status == status
    assert "hush" not in str(detail)


def test_children_log_to_the_run_and_do_not_end_it(tmp_path: Path) -> None:
    code = """
import subprocess
trueup.log(parent=1)
child = os.fork()
if child == 0:
    trueup.log(forked=1)
    sys.exit()
os.waitpid(child, 0)
subprocess.run([sys.executable, "-c", "import trueup; trueup.log(started=1)"], check=True)
trueup.log(parent=2)
"""
    done = run_script(tmp_path, code)
    assert done.stderr == ""
    (run,) = runs_in(tmp_path).list()
    assert run.metrics == {"points": {"parent": 2.0, "forked": 1.0, "started": 1.0}}


def test_inside_a_project_it_goes_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text(CONFIG, "utf-8")
    below = tmp_path / "notebooks"
    below.mkdir()
    done = run_script(below, "trueup.log(loss=1)")
    assert done.stderr == ""
    (run,) = Runs(FolderBucket(tmp_path / "bucket")).list()
    assert run.project == "p"


class Silent(MemoryBucket):
    """Does not take points while it is silent."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False

    def create(self, key: str, body: bytes) -> bool:
        if self.silent:
            raise RemoteSilent("no answer", remedy="Wait")
        return super().create(key, body)


def test_points_wait_for_a_bucket_that_is_silent_for_a_while(tmp_path: Path) -> None:
    bucket, spool = Silent(), tmp_path / "spool"
    run = ScriptRun(RunWriter(bucket, "20261123-120000-abcdefgh"), spool)
    run.begin(Started("20261123-120000-abcdefgh", clock.now(), kind="script"))
    bucket.silent = True
    spool.write_bytes(b'[1,"s",0,{"loss":1}]\n')
    with pytest.raises(RemoteSilent):
        run.end("done")
    bucket.silent = False
    run.end("done")
    assert len(Runs(bucket).points("20261123-120000-abcdefgh")) == 1
    assert not spool.exists()


def test_a_killed_script_is_lost(tmp_path: Path) -> None:
    done = run_script(tmp_path, "trueup.log(loss=1)\nos.kill(os.getpid(), 9)")
    assert done.returncode == -9
    (run,) = runs_in(tmp_path).list()
    assert run.status == "running"
    after = Runs(
        FolderBucket(tmp_path / ".trueup" / "store"),
        None,
        lambda: clock.now() + timedelta(minutes=2),
    )
    assert after.list()[0].status == "lost"
