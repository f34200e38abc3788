"""The bucket does not answer: at the start that ends it, later it is not noticed by any client.

Lost: nothing, while the spool has room (1 GiB); what is promoted meanwhile waits as long.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving.faults.load import Load
from tests.serving.faults.test_killed import kept_ids
from tests.serving.servers import RECORD, Server, fitted, project, said, version
from tests.support.faultproxy import FaultProxy
from tests.support.seaweed import BUCKET, seaweed

GONE_S = 60.0
DROPPED = 'trueup_captured_rows_total{result="dropped"}'
MANY = 1000
PACE_S = 0.05  # between so many; what comes faster than the disk takes it is dropped, and counted
SPILLED_ROWS = 200_000  # more than a segment, so that some are closed and wait for the bucket


@pytest.mark.slow
def test_a_bucket_that_is_gone_at_the_start_is_said_with_its_own_exit_code(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))  # nobody listens there
        path = own_shop / "trueup.yaml"
        path.write_text(f"store: s3://{BUCKET}/gone\n{path.read_text()}")
        env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{one.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret-of-mine",
            "AWS_REGION": "us-east-1",
        }
        command = [sys.executable, "-m", "trueup", "-C", str(own_shop), "serve", "sale@live"]
        done = subprocess.run(
            [*command, "--port", "0"], env={**os.environ, **env},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert "secret-of-mine" not in done.stderr
    assert f"s3://{BUCKET}/gone" in done.stderr


@pytest.mark.s3
@pytest.mark.slow
@pytest.mark.parametrize("how", ["silent", "dead"])
def test_a_bucket_that_is_gone_for_a_while_fails_no_prediction_and_loses_no_row(
    weed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Callable[..., None],
    how: str,
) -> None:
    with ExitStack() as stack:
        bucket = stack.enter_context(seaweed(weed, tmp_path / "s3"))
        proxy = stack.enter_context(FaultProxy(bucket.endpoint))
        for name, value in bucket.through(proxy.url).items():
            monkeypatch.setenv(name, value)
        root = project(tmp_path / "project")
        path = root / "trueup.yaml"
        path.write_text(f"store: s3://{BUCKET}/{how}\n{path.read_text()}")
        first, second = version(root, fitted(5)), version(root, fitted(7))
        said(root, "alias", first, "live")
        server = Server(root, "sale@live")
        stack.callback(server.stop)
        rows: list[str] = []
        pace = threading.Event()
        with Load(server, threads=2, pause_s=0.01) as load:
            rows += many(server)
            gone_s = time.monotonic()
            os.killpg(bucket.pid, signal.SIGSTOP if how == "silent" else signal.SIGKILL)
            while time.monotonic() - gone_s < GONE_S or len(rows) < SPILLED_ROWS:
                rows += many(server)
                pace.wait(PACE_S)
            back_s = time.monotonic()
            if how == "silent":
                os.killpg(bucket.pid, signal.SIGCONT)
            else:
                again = stack.enter_context(seaweed(weed, tmp_path / "s3"))
                proxy.upstream = again.endpoint
            said(root, "alias", second, "live")
            eventually(lambda: load.answered[-1].version == 2, timeout_s=120)
        assert not load.failed
        assert {one.version for one in load.answered if one.answered_s < back_s} == {1}
        assert load.slowest_s(0.99) < 1.0
        assert server.metric(DROPPED) == 0
        eventually(lambda: server.metric("trueup_capture_spilled_rows") == 0, timeout_s=120)
        assert server.stop() == 0
        found = kept_ids(root)
    assert len(found) == len(set(found))
    assert set(found) == load.ids | set(rows)


def many(server: Server) -> list[str]:
    """Ask for many rows at once and return their ids."""
    found: list[str] = server.predict(*[RECORD] * MANY)["ids"]
    return found
