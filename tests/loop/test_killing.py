"""A tick that is killed at any of its points is finished by the next one, and done once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trueup.loop.points import POINTS

SLOW = pytest.mark.slow  # as the others, and each costs some ten seconds
SCENARIOS = (
    "promote",
    "rollback",
    *(pytest.param(name, marks=SLOW) for name in ("canary", "trial won", "trial lost")),
    *(
        pytest.param(name, marks=SLOW)
        for name in ("pull_request", "merged", "person", "refit", "harm")
    ),
)
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=SCENARIOS)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What came of a scenario for each point, and of the one that nobody killed, first."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.loop.killing", str(folder), request.param]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return request.param, [json.loads(line) for line in done.stdout.splitlines()]


ENDS = {
    "promote": "promoted", "canary": "promoted", "pull_request": "proposed", "person": "asked",
    "harm": "rolled back", "rollback": "rolled back", "trial won": "promoted",
    "trial lost": "rolled back", "refit": "asked", "merged": "proposed",
}  # fmt: skip

STEPS = {
    "promote": ("train", "deliver", "promote"), "rollback": ("rollback",), "harm": ("rollback",),
    "canary": ("train", "deliver", "canary", "trial"), "trial won": ("trial", "promote"),
    "trial lost": ("trial", "withdraw"), "pull_request": ("pull_request",), "person": ("deliver",),
    "refit": ("train", "deliver", "refit"), "merged": (),
}  # fmt: skip


def test_killed_at_any_point_the_work_is_finished_once(told: Any) -> None:
    name, runs = told
    whole = runs[0]["after"]
    assert whole["ends"] == [ENDS[name]]
    assert whole != runs[0]["before"]
    for run in runs[1:]:
        found = dict(run["after"])
        sent, usual = found.pop("sent"), dict(whole)["sent"]
        assert found == {key: each for key, each in whole.items() if key != "sent"}, run["point"]
        assert set(sent) == set(usual), run["point"]
        extra = sum(sent.values()) - sum(usual.values())
        assert extra == (1 if run["killed"] and run["point"] == "message sent" else 0)


def test_the_scenario_comes_by_its_points(told: Any) -> None:
    name, runs = told
    met = {run["point"] for run in runs if run["killed"]}
    wanted = {"history read", "observed", "tick done"}
    if name == "merged":
        wanted |= {"proposal closed"}
    else:
        wanted |= {"claim made", "claim written"}
    if name not in ("canary", "merged"):
        wanted |= {"end made", "end written"}
    if name in ("promote", "trial won", "pull_request", "person"):
        wanted |= {"aftermath made", "aftermath written"}
    if not name.startswith("trial") and name != "merged":
        wanted |= {"decision made", "decision written"}
    for step in STEPS[name]:
        wanted |= {f"{step} {one}" for one in ("begins", "started", "made", "written")}
    assert wanted <= met
    assert met <= set(POINTS)
