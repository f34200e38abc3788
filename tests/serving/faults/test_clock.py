"""Clocks that jump and time zones that change: ids stay in order, and no row is lost or doubled.

Lost is the truth of ``at`` alone: it says what the clock said.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server

# Python runs this at its start: its clock is off by as many seconds as a file says.
_OFF = """
import os, time

where, at, at_ns = os.environ.get("TRUEUP_TEST_CLOCK"), time.time, time.time_ns
if where:
    def off():
        with open(where) as file:
            return int(file.read())
    time.time = lambda: at() + off()
    time.time_ns = lambda: at_ns() + off() * 10**9
"""
HOUR_S = 3600


def frame(root: Path) -> Any:
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    return captures(open_workspace(root, {}).bucket, "shop/sale").collect()


def test_a_clock_that_jumps_leaves_ids_in_order_and_every_row_there_once(
    own_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, clock = tmp_path / "site", tmp_path / "clock"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_OFF)
    clock.write_text("0")
    monkeypatch.setenv("TRUEUP_TEST_CLOCK", str(clock))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    server = Server(own_shop, "sale@live")
    ids: list[str] = []
    for off_s in (0, -HOUR_S, HOUR_S, -30 * 24 * HOUR_S, 0):
        scratch = tmp_path / "scratch"
        scratch.write_text(str(off_s))
        scratch.replace(clock)
        for _ in range(20):
            ids += server.predict(RECORD, RECORD)["ids"]
        assert server.client.get("/metrics").status_code == 200
    answer = server.client.post("/feedback", json=[{"id": one, "label": 1} for one in ids])
    assert answer.status_code == 200
    assert server.stop() == 0
    assert ids == sorted(ids)
    found = frame(own_shop)
    assert sorted(found["id"]) == ids
    assert set(map(str, found["label"])) == {"1"}
    days = {one.date() for one in found["at"]}
    assert len(days) > 1  # as the clock said


@pytest.mark.slow
def test_a_time_zone_changes_nothing(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids: list[str] = []
    for zone in ("Asia/Kathmandu", "America/New_York", "UTC"):
        monkeypatch.setenv("TZ", zone)
        server = Server(own_shop, "sale@live")
        ids += server.predict(RECORD)["ids"]
        assert server.stop() == 0
    assert ids == sorted(ids)
    found = frame(own_shop).sort("at")
    assert found["id"].to_list() == ids
    assert all(datetime.now(UTC) - one < timedelta(minutes=10) for one in found["at"])
