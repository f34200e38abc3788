"""A full disk: predictions go on, captures are counted as they are lost, and all of it ends."""

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.faults.test_killed import kept_ids
from tests.serving.servers import RECORD, Server, said

FULL_BYTES = 64 << 10  # of a file; the kernel refuses the rest, as a disk without room does
DROPPED = 'trueup_captured_rows_total{result="dropped"}'


def room(server: Server, size_bytes: int) -> None:
    """Let the files of a process grow up to here and no further."""
    limits = (size_bytes, resource.RLIM_INFINITY)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone can fill a disk so")
def test_on_a_full_disk_predictions_go_on_and_what_is_lost_is_counted_to_the_row(
    own_shop: Path, eventually: Callable[..., None]
) -> None:
    """Lost: what comes once the queue (16,384 rows) is full, row by row in a counter."""
    server = Server(own_shop, "sale@live")
    room(server, FULL_BYTES)
    answered = 0
    while not server.metric(DROPPED):
        assert len(server.predict(*[RECORD] * 1000)["ids"]) == 1000
        answered += 1000
        assert answered < 200_000
    eventually(lambda: "is full" in server.log)
    assert "rows are lost once the queue is full" in server.log
    assert server.client.get("/v2/health/ready").status_code == 200
    room(server, resource.RLIM_INFINITY)
    lost = server.metric(DROPPED)
    eventually(
        lambda: server.metric('trueup_captured_rows_total{result="kept"}') == answered - lost
    )
    server.predict(RECORD)
    assert server.metric(DROPPED) == lost
    assert server.stop() == 0
    assert len(set(kept_ids(own_shop))) == answered - lost + 1


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone can fill a disk so")
@pytest.mark.slow
def test_on_a_full_disk_a_label_is_refused_and_not_lost(own_shop: Path) -> None:
    """Lost: nothing, for it is answered with 503 and Retry-After, and comes again."""
    server = Server(own_shop, "sale@live")
    room(server, 10)
    (name,) = server.predict(RECORD)["ids"]
    label = {"id": name, "label": 1}
    answer = server.client.post("/feedback", json=label)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    room(server, resource.RLIM_INFINITY)
    assert server.client.post("/feedback", json=label).status_code == 200
    assert server.stop() == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone can fill a disk so")
def test_where_the_log_lies_on_the_full_disk_too_nothing_else_ends(
    own_shop: Path, eventually: Callable[..., None]
) -> None:
    """Lost: what would have been logged. A swap that has no room for its file waits for some."""
    server = Server(own_shop, "sale@live")
    room(server, 10)
    server.predict(*[RECORD] * 1000)
    assert server.client.post("/predict", json={"records": [{}]}).status_code == 422
    said(own_shop, "alias", "sale/2", "live")
    eventually(lambda: server.metric('trueup_model_behind{model="sale"}') == 1)
    assert server.predict(RECORD)["version"] == 1
    room(server, resource.RLIM_INFINITY)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.predict(RECORD)["version"] == 2)
    eventually(lambda: server.metric('trueup_captured_rows_total{result="kept"}') > 1000)
    assert server.metric(DROPPED) == 0
    assert server.stop() == 0
