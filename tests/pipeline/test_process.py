"""A command is read, timed and ended, and leaves nobody behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from trueup.pipeline.process import Command, Finished, Supervisor

Eventually = Callable[..., None]


def execute(
    script: str, tmp_path: Path, timeout_s: float | None = None, run: str = "test-run"
) -> tuple[Finished, bytes]:
    shown: list[bytes] = []
    supervisor = Supervisor(run)
    env = {**os.environ, "TRUEUP_RUN": run}
    try:
        command = Command(("/bin/sh", "-c", script), tmp_path, env, timeout_s)
        return supervisor.execute(command, shown.append), b"".join(shown)
    finally:
        supervisor.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_output_of_both_streams_and_the_exit_code_come_back(tmp_path: Path) -> None:
    done, shown = execute("echo out; echo err >&2; exit 3", tmp_path)
    assert (done.exit_code, shown) == (3, b"out\nerr\n")
    assert done.peak_memory_bytes > 0


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    done, _ = execute("sleep 60", tmp_path, timeout_s=0.2)
    assert done.timed_out
    assert done.exit_code == -signal.SIGTERM
    assert done.seconds < 30


def test_a_background_child_that_holds_the_output_open_is_ended_with_its_stage(
    tmp_path: Path, eventually: Eventually
) -> None:
    done, _ = execute("sleep 300 & echo $! > pid", tmp_path)
    assert done.exit_code == 0
    assert done.seconds < 60
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_a_child_that_leaves_its_process_group_does_not_outlive_the_run(
    tmp_path: Path, eventually: Eventually
) -> None:
    execute(
        "setsid sh -c 'echo $$ > pid; exec sleep 300' & while [ ! -s pid ]; do :; done", tmp_path
    )
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_cancelling_ends_what_runs(tmp_path: Path) -> None:
    supervisor = Supervisor("cancelled-run")
    started = threading.Event()
    try:
        command = Command(("/bin/sh", "-c", "echo go; sleep 300"), tmp_path, dict(os.environ))
        threading.Thread(target=_cancel_after, args=(started, supervisor)).start()
        done = supervisor.execute(command, lambda _: started.set())
    finally:
        supervisor.close()
    assert done.cancelled
    assert done.seconds < 60


def test_when_the_run_is_killed_the_warden_ends_its_children(
    tmp_path: Path, eventually: Eventually
) -> None:
    program = (
        "import os, pathlib; from trueup.pipeline.process import Command, Supervisor\n"
        "s = Supervisor('killed-run')\n"
        "env = {**os.environ, 'TRUEUP_RUN': 'killed-run'}\n"
        "script = 'setsid sleep 300 & echo $! $$ > pids; sleep 300'\n"
        "s.execute(Command(('/bin/sh', '-c', script), pathlib.Path('.'), env), print)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    pids = tmp_path / "pids"
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    run.kill()
    run.wait()
    for pid in pids.read_text().split():
        eventually(lambda pid=int(pid): not alive(pid))


def _cancel_after(started: threading.Event, supervisor: Supervisor) -> None:
    started.wait()
    supervisor.cancel()
