"""The forges that every test of the port runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forges.worlds import BRANCH, World, world_of
from trueup.forges.places import Kind


@pytest.fixture(params=["github", "gitlab"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """One repository on each forge in turn."""
    kind: Kind = request.param
    with world_of(kind, tmp_path / "forge") as found:
        yield found


@pytest.fixture
def pushed(request: pytest.FixtureRequest) -> World:
    """The test's repository, with a branch that can be proposed."""
    name = next(name for name in ("world", "github", "gitlab") if name in request.fixturenames)
    found: World = request.getfixturevalue(name)
    found.standin.branch(BRANCH)
    return found


@pytest.fixture
def github(tmp_path: Path) -> Iterator[World]:
    """One repository on GitHub."""
    with world_of("github", tmp_path / "forge") as found:
        yield found


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[World]:
    """One repository on GitLab."""
    with world_of("gitlab", tmp_path / "forge") as found:
        yield found
