"""Profiles beside captures: written by batch and server once there is a grid, as good as rows."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import msgspec
import pytest

from tests.project.projects import opened
from tests.project.watched import LIVE, project, promoted, rows, said, served, watched
from trueup import clock
from trueup.captures.finding import Span, segments_in
from trueup.monitoring.broken import windows
from trueup.monitoring.watching.events import Checked
from trueup.monitoring.watching.history import Diary
from trueup.monitoring.watching.windows import windows_of
from trueup.project import capture_client

DAY = timedelta(days=1)
HEAVY = ("polars", "scipy", "pyarrow", "sklearn", "pandas", "obstore")
Eventually = Callable[..., None]


@pytest.fixture(scope="module")
def counted_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop with a grid, and five days since, of which three have moved; not checked."""
    root = project(tmp_path_factory.mktemp("shop") / "project")
    promoted(root, 5)
    served(root, rows(LIVE, 2, 100, seed=3))
    watched(root)
    served(root, rows(LIVE + 2 * DAY, 2, 100, seed=4))
    served(root, rows(LIVE + 4 * DAY, 3, 100, seed=5, shift=0.35))
    return root


def parts(root: Path) -> list[Path]:
    folder = root / ".trueup" / "store" / "profiles" / "shop" / "sale"
    return [one for one in folder.glob("*/*/v*.msgpack") if "-captures-" not in one.name]


def told(root: Path) -> list[dict[str, Any]]:
    """Return what was written down of windows, without when."""
    history = Diary(opened(root).bucket, "shop/sale", "dev").history()
    found = [msgspec.to_builtins(one) for one in history.events if isinstance(one, Checked)]
    return [{key: value for key, value in one.items() if key != "at"} for one in found]


def told_after(root: Path) -> list[dict[str, Any]]:
    watched(root)
    return told(root)


def own_profiles(root: Path) -> dict[str, bytes]:
    folder = root / ".trueup" / "store" / "profiles" / "shop" / "sale"
    return {one.name: one.read_bytes() for one in folder.glob("*/*/v*-captures-*.msgpack")}


def test_each_segment_since_has_a_profile_and_those_before_have_none(counted_shop: Path) -> None:
    segments = segments_in(opened(counted_shop).bucket, "captures", "shop/sale")
    since = [one for one in segments if one.first_ms >= (LIVE + 2 * DAY).timestamp() * 1000]
    assert len(since) == len(segments) - 2 == 5
    names = {f"v{one.version}-{one.source}-{one.size_bytes}.msgpack" for one in since}
    assert {one.name for one in parts(counted_shop)} == names


def test_what_was_answered_elsewhere_is_of_the_environment_and_has_profiles_too(
    counted_shop: Path, tmp_path: Path
) -> None:
    root = Path(copytree(counted_shop, tmp_path / "elsewhere"))
    before, bucket = len(parts(root)), opened(root).bucket
    answered = capture_client.captured("sale", since=LIVE + 6 * DAY, folder=root).collect()
    later = answered.select("id", "at", "^(input|output)\\..*$").with_columns(
        id="x" + answered["id"], at=answered["at"] + DAY
    )
    later.write_parquet(root / "elsewhere.parquet")
    line = ("sale/1", str(root / "elsewhere.parquet"), "--id", "id", "--at", "at")
    said(root, "captures", "import", *line)
    columns = later.select("^(input|output)\\..*$")
    inputs, outputs = (
        {
            name.removeprefix(kind): columns[name].to_list()
            for name in columns.columns
            if name.startswith(kind)
        }
        for kind in ("input.", "output.")
    )
    at = LIVE + 8 * DAY
    capture_client.capture("sale/1", inputs, outputs, at=at, folder=root)
    assert capture_client.flush()
    capture_client._SESSIONS.pop(root.absolute())._end()
    assert len(parts(root)) == before + 2
    span = Span(LIVE + 7 * DAY, LIVE + 9 * DAY, 1, environment="dev")
    assert {one.environment for one in segments_in(bucket, "captures", "shop/sale", span)} == {
        "dev"
    }
    assert [one["rows"] for one in told_after(root)][-2:] == [len(later)] * 2


def test_erasing_takes_the_profile_of_the_persons_segment_along(
    counted_shop: Path, tmp_path: Path
) -> None:
    root = Path(copytree(counted_shop, tmp_path / "erased"))
    before = {one.name for one in parts(root)}
    said(root, "captures", "erase", "sale", "--id", "4-0", "--why", "asked to")
    after = {one.name for one in parts(root)}
    assert after < before
    assert len(after) == len(before) - 1
    watched(root)
    assert [one["rows"] for one in told(root)] == [100, 100, 99, 100, 100, 100, 100]


def test_monitoring_comes_to_the_same_with_and_without_them(
    counted_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = Path(copytree(counted_shop, tmp_path / "without"))
    for one in parts(without):
        one.unlink()
    watched(without)
    found = Path(copytree(counted_shop, tmp_path / "with"))
    with monkeypatch.context() as patch:
        patch.setattr(windows, "scan_on", lambda *_: pytest.fail("rows were counted"))
        watched(found)
    assert [one["state"] for one in told(found)][-3:] == ["alarm"] * 3
    assert told(found) == told(without)
    assert own_profiles(found) == own_profiles(without)


def test_a_server_writes_them_too_and_monitoring_comes_to_the_same(
    tmp_path: Path, eventually: Eventually
) -> None:
    from tests.serving import servers

    root = servers.project(tmp_path / "shop")
    path = root / "trueup.yaml"
    path.write_text(f"{path.read_text()}    monitor: {{window: 2s, lateness: 1s}}\n")
    name = servers.version(root, servers.fitted(5))
    said(root, "promote", name, "--override", "--why", "a test")
    read = 'trueup_monitor_read_age_seconds{model="sale"}'
    asked = [{**servers.RECORD, "near": k / 50, "shop": "abz"[k % 3]} for k in range(50)]
    for _ in range(2):  # the second time there is a grid
        server = servers.Server(root, "sale")
        try:
            eventually(lambda server=server: read in server.client.get("/metrics").text)
            server.predict(*asked)
        finally:
            server.stop()
        loaded = set(Path(server._log.name).read_text().partition("MODULES ")[2].split())
        assert [one for one in HEAVY if one in loaded] == []
        span = Span(clock.now() - DAY, clock.now() + DAY)
        watched(root, reference=span, now=clock.now() - DAY)
    assert "trueup.monitoring.profiles.captured" in loaded
    bucket = opened(root).bucket
    last = max(segments_in(bucket, "captures", "shop/sale"))
    assert [one.name for one in parts(root)] == [
        f"v1-{last.source}-{last.size_bytes}.msgpack" for _ in windows_of([last], 2.0)
    ]
    without = Path(copytree(root, tmp_path / "without"))
    for one in parts(without):
        one.unlink()
    later = clock.now() + DAY
    watched(root, now=later)
    watched(without, now=later)
    assert sum(one["rows"] for one in told(root)) == 100
    assert told(root) == told(without)
    assert own_profiles(root) == own_profiles(without)
