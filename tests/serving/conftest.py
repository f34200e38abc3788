"""One small project with versions, and one server over it for tests that change nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serving.servers import Server

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own checks."""
    ours = ROOT / ".build" / "prometheus" / "usr" / "bin" / "promtool"
    found = str(ours) if ours.exists() else shutil.which("promtool")
    if not found:
        pytest.skip("promtool is not installed; install it with: scripts/promtool.sh")
    return found


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two versions that fit each other, of which the first is live."""
    from tests.serving.servers import fitted, project, said, version

    root = project(tmp_path_factory.mktemp("shop") / "project")
    first = version(root, fitted(5))
    version(root, fitted(7))
    said(root, "alias", first, "live")
    return root


@pytest.fixture
def own_shop(shop: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    others = shutil.ignore_patterns("captures", "labels", ".tmp", "*.log")
    return Path(shutil.copytree(shop, tmp_path / "project", ignore=others))


@pytest.fixture(scope="session")
def server(shop: Path) -> "Iterator[Server]":
    """A server that follows the live version."""
    from tests.serving.servers import Server

    one = Server(shop, "sale@live")
    yield one
    one.stop()
