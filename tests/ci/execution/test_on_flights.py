"""The example of flights, checked by its generated workflow on real rows."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.execution.conftest import Team, working
from tests.ci.projects import commit, git
from tests.support.seaweed import BUCKET, TEAM
from trueup.ci.workflows.github import CHECK

pytestmark = [pytest.mark.slow, pytest.mark.s3]


@pytest.fixture
def team(weed: Path, tmp_path: Path) -> Iterator[Team]:
    program = Path(sys.executable).parent / "trueup"
    words = [str(program), "-C", str(tmp_path), "init", "--example", "flights"]
    subprocess.run(words, check=True, capture_output=True)
    root = tmp_path / "flights"
    yaml = (root / "trueup.yaml").read_text()
    stored = f"project: flights\nstore: s3://{BUCKET}/{TEAM}\n"
    (root / "trueup.yaml").write_text(yaml.replace("project: flights\n", stored))
    git(root, "init", "-q", "-b", "main")
    with working(root, weed, [CHECK]) as team:
        yield team


def test_a_push_promotes_flights_and_a_spoiled_model_is_red_with_its_slices_and_curves(
    team: Team,
) -> None:
    first = team.push()
    assert not first.failed, first.said
    assert "flights/flight-late/1 promoted: champion of dev" in first.said
    again = team.push()
    assert not again.failed, again.said
    assert again.said.count(": fetched") == 4, again.said

    git(team.root, "switch", "-qc", "topic")
    params = team.root / "params.yaml"
    params.write_text(params.read_text().replace("learning_rate: 0.1", "learning_rate: 3"))
    commit(team.root)
    worse = team.request()
    assert worse.failed
    assert "exit status 3" in worse.said, worse.said
    ((_, comment),) = team.world.standin.said(1)
    for told in ("❌ flights: fail", "carrier=", "champion flights/flight-late/1", "xychart-beta"):
        assert told in comment
