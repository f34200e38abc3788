"""kill -9 under load: lost is what was answered within the last moments, and nothing twice."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.faults.load import Load
from tests.serving.servers import RECORD, Server
from trueup.captures.records import Limits

# A row is in the spool's file within write_s of its answer and the time of one write; how long a
# busy machine takes for that write nobody can promise, so the bound is given room.
BOUND_S = Limits().write_s + 0.9


def kept_ids(root: Path) -> list[str]:
    """Return the ids of the captures that have reached the bucket."""
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    found: list[str] = (
        captures(open_workspace(root, dict(os.environ)).bucket, "shop/sale")
        .collect()["id"]
        .to_list()
    )
    return found


def kill(server: Server) -> float:
    """End a server without a word, and return when."""
    at_s = time.monotonic()
    server.process.kill()
    server.process.wait(30)
    server.stop()
    return at_s


def test_what_was_answered_before_the_bound_is_in_the_bucket_after_the_next_start(
    own_shop: Path, eventually: Callable[..., None]
) -> None:
    """Lost: predictions answered within a tenth of a second and one write before the kill."""
    server = Server(own_shop, "sale@live")
    load = Load(server)
    with load:
        eventually(lambda: load.lasted_s > 2 * BOUND_S)
        load.forgiving = True
        killed_s = kill(server)
    again = Server(own_shop, "sale@live")
    assert again.predict(RECORD)["version"] == 1
    assert again.stop() == 0
    found = kept_ids(own_shop)
    assert len(found) == len(set(found))
    safe = load.before(killed_s - BOUND_S)
    assert safe
    assert safe <= set(found)
    assert not load.failed


def test_a_label_that_was_answered_outlives_a_kill_at_once(own_shop: Path) -> None:
    """Lost: no label that was answered with 200; it is synced by then."""
    server = Server(own_shop, "sale@live")
    (name,) = server.predict(RECORD)["ids"]
    answer = server.client.post("/feedback", json={"id": name, "label": "yes"})
    kill(server)
    assert answer.status_code == 200
    again = Server(own_shop, "sale@live")
    assert again.stop() == 0
    assert labels(own_shop, [name]) == ["yes"]


def labels(root: Path, ids: Iterable[str]) -> list[Any]:
    """Return the labels of captures that have reached the bucket."""
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    frame = captures(open_workspace(root, dict(os.environ)).bucket, "shop/sale").collect()
    by_id = dict(zip(frame["id"], frame["label"], strict=True))
    return [by_id.get(one) for one in ids]


@pytest.mark.slow
def test_killed_over_and_over_every_row_is_there_once(
    own_shop: Path, eventually: Callable[..., None]
) -> None:
    safe: set[str] = set()
    for _ in range(5):
        server = Server(own_shop, "sale@live")
        load = Load(server)
        with load:
            eventually(lambda load=load: load.lasted_s > 1.2 * BOUND_S)
            load.forgiving = True
            killed_s = kill(server)
        safe |= load.before(killed_s - BOUND_S)
    assert Server(own_shop, "sale@live").stop() == 0
    found = kept_ids(own_shop)
    assert safe <= set(found)
    assert len(found) == len(set(found))
