"""A label that was answered with 200 survives whatever happens next; many share a sync."""

import asyncio
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server
from trueup.serving.syncing import Syncing


def test_a_label_that_was_answered_is_there_after_a_kill(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live")
    ids = server.predict(*[RECORD] * 40)["ids"]
    labels = [{"id": one, "label": k} for k, one in enumerate(ids)]
    answer = server.client.post("/feedback", json=labels)
    server.process.kill()
    server.stop()
    assert (answer.status_code, answer.json()["accepted"]) == (200, 40)
    assert labels_in(own_shop) == {one: k for k, one in enumerate(ids)}


def labels_in(root: Path) -> dict[str, Any]:
    """Return the labels that the spool of a killed server has."""
    from trueup.captures import shipping
    from trueup.captures.reading import last_words
    from trueup.project.workspace import open_workspace

    workspace = open_workspace(root, {})
    shipping.ship(root / ".trueup" / "captures", workspace.bucket)
    found = last_words(workspace.bucket, "shop/sale").collect()
    return dict(zip(found["id"], found["label"], strict=True))


class Disk:
    """A disk that syncs when it is told to, or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.free = threading.Event()
        self.works = True

    def __call__(self, *, timeout_s: float) -> bool:
        self.calls += 1
        return self.free.wait(timeout_s) and self.works


def test_those_who_come_while_a_sync_is_under_way_share_the_next_one() -> None:
    disk = Disk()

    async def ask() -> list[bool]:
        syncing = Syncing(disk)
        first = asyncio.create_task(syncing.synced(20.0))
        while disk.calls == 0:
            await asyncio.sleep(0)
        others = [asyncio.create_task(syncing.synced(20.0)) for _ in range(50)]
        await asyncio.sleep(0)
        disk.free.set()
        return [await one for one in (first, *others)]

    assert asyncio.run(ask()) == [True] * 51
    assert disk.calls == 2


def test_who_gives_up_takes_the_sync_from_nobody_and_a_failed_one_is_told_to_all() -> None:
    disk = Disk()
    disk.works = False

    async def ask() -> list[bool]:
        syncing = Syncing(disk)
        gone = asyncio.create_task(syncing.synced(20.0))
        stays = asyncio.create_task(syncing.synced(20.0))
        await asyncio.sleep(0)
        gone.cancel()
        disk.free.set()
        found = [await stays]
        disk.works = True
        return [*found, await syncing.synced(20.0)]

    assert asyncio.run(ask()) == [False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="only there a running process can be limited")
def test_labels_that_cannot_be_kept_are_refused_with_when_to_come_again(own_shop: Path) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text().replace("answer_s: 5.0", "answer_s: 1.0"))
    server = Server(own_shop, "sale@live")
    most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    try:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, most))  # a full disk
        answer = server.client.post("/feedback", json={"id": "a", "label": 1})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert server.metric('trueup_labels_total{model="sale",result="dropped"}') == 1
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
        again = server.client.post("/feedback", json={"id": "a", "label": 2})
        assert again.status_code == 200
    finally:
        server.process.kill()
        server.stop()
    assert labels_in(own_shop) == {"a": 2}
