"""What a real server has answered, watched."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.project.watched import watched
from tests.serving.servers import Server, fitted, project, said, version
from trueup import clock
from trueup.captures import reading
from trueup.project.workspace import open_workspace

DAY = timedelta(days=1)


def asked(server: Server, staff: Any) -> None:
    draw = np.random.default_rng(4)
    records = [
        {"shop": str(draw.choice(["a", "b", "c"])), "near": draw.random(), "staff": int(one)}
        for one in staff
    ]
    for start in range(0, len(records), 100):
        server.predict(*records[start : start + 100])


@pytest.mark.parametrize("converted", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_a_server_captures_is_compared_with_what_a_batch_would_have(
    tmp_path: Path, converted: bool
) -> None:
    root = project(tmp_path / "shop")
    name = version(root, fitted(5), converted=converted)
    said(root, "promote", name, "--override", "--why", "a test")
    server = Server(root, "sale")
    try:
        asked(server, np.arange(300) % 7)
    finally:
        server.stop()
    bucket = open_workspace(root, {}).bucket
    end = time.monotonic() + 30
    while reading.extent(bucket, "shop/sale").segments == 0:
        assert time.monotonic() < end
    found = watched(root, now=clock.now() + 2 * DAY)
    (check,) = [one for one in found.checks if one.rows]  # the next day may be over, and is empty
    assert (check.rows, check.state, check.broken) == (300, "unsupported", ())
    assert check.drift is not None
    assert {one.name for one in check.drift.columns} >= {"shop", "near", "staff", "output.score"}
    assert check.drift.moved == ()


def test_a_model_that_nobody_has_asked_has_no_windows(tmp_path: Path) -> None:
    root = project(tmp_path / "shop")
    said(root, "promote", version(root, fitted(5), converted=False), "--override", "--why", "a")
    found = watched(root)
    assert (found.checks, found.word, found.reference) == ((), None, None)
    said(root, "monitor", "sale")
