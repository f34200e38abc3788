"""Damaged files of models: never served, and what is served already does not notice.

Nothing is lost but the swap or the start. Content that is not what its digest says is content
that is not there, so both say what is missing and how it is made again.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.faults.load import Load
from tests.serving.servers import RECORD, Server, fitted, said, version


def flip(path: Path) -> None:
    """Change a byte in the middle of a file, which may be one that nobody should write to."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def stored(root: Path) -> set[Path]:
    """Return all content in the project's bucket."""
    store = root / ".trueup" / "store"
    return {
        one for kind in ("objects", "packs") for one in (store / kind).rglob("*") if one.is_file()
    }


def placed(root: Path) -> list[Path]:
    """Return what versions were put in place to be read."""
    return [one for one in (root / ".trueup" / "serving").rglob("*") if one.is_file()]


def serve(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Start a server that should not start."""
    command = [sys.executable, "-m", "trueup", "-C", str(root), "serve", *words, "--port", "0"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        pytest.param(Path.unlink, marks=pytest.mark.slow),
        pytest.param(lambda path: path.write_bytes(b""), marks=pytest.mark.slow),
    ],
)
def test_a_damaged_version_is_not_started_with_and_it_says_what_is_missing(
    own_shop: Path, damage: Callable[[Path], None]
) -> None:
    for path in placed(own_shop):
        path.unlink()
    for path in stored(own_shop):
        path.chmod(0o644)
        damage(path)
    done = serve(own_shop, "sale@live")
    assert done.returncode == 2, done.stderr
    assert "model.onnx is kept neither" in done.stderr or "is not in the store" in done.stderr
    assert "trueup run" in done.stderr  # what to do
    assert "Traceback" not in done.stderr


def test_a_file_damaged_where_it_was_put_is_put_there_anew(own_shop: Path) -> None:
    Server(own_shop, "sale@live").stop()
    assert placed(own_shop)
    for path in placed(own_shop):
        flip(path)
    server = Server(own_shop, "sale@live")
    try:
        assert server.predict(RECORD)["version"] == 1
    finally:
        assert server.stop() == 0


@pytest.fixture
def following(own_shop: Path) -> Iterator[Server]:
    server = Server(own_shop, "sale@live")
    yield server
    assert server.stop() == 0


def test_damage_under_a_running_server_changes_no_answer(
    following: Server, own_shop: Path, eventually: Callable[..., None]
) -> None:
    before = following.predict(RECORD)["predictions"]
    with Load(following, threads=2) as load:
        for path in [*placed(own_shop), *stored(own_shop)]:
            path.chmod(0o644)
            path.write_bytes(b"")
        eventually(lambda: len(load.answered) > 200)
    assert not load.failed
    assert following.predict(RECORD)["predictions"] == before
    assert "Traceback" not in following.log


def test_a_version_damaged_between_its_promotion_and_its_swap_is_refused_and_a_good_one_taken(
    following: Server, own_shop: Path, eventually: Callable[..., None]
) -> None:
    before = stored(own_shop)
    name = version(own_shop, fitted(4))
    for path in stored(own_shop) - before:
        flip(path)
    with Load(following, threads=2) as load:
        said(own_shop, "alias", name, "live")
        eventually(lambda: following.metric('trueup_model_behind{model="sale"}') == 1)
        trouble = following.client.get("/v2/models/sale").json()["parameters"]["trouble"]
        assert f"version {name[-1]} is not served" in trouble
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: following.metric('trueup_model_behind{model="sale"}') == 0)
        eventually(lambda: load.answered[-1].version == 2)
    assert not load.failed
    assert {one.version for one in load.answered} == {1, 2}
