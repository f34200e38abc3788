"""The workflows that trueup writes for GitHub are executed, unchanged, against a real bucket."""

from datetime import timedelta

import msgspec
import pytest

from tests.ci.execution.conftest import Team
from tests.ci.projects import commit, git, noise
from tests.support.seaweed import BUCKET, TEAM
from trueup.errors import AccessRefused
from trueup.loop.heartbeat import TICKED, beat, last_beat
from trueup.project.registering import registry_of
from trueup.project.workspace import Workspace
from trueup.store.opening import open_bucket

pytestmark = [pytest.mark.slow, pytest.mark.s3]


def champion(team: Team, environment: str = "dev") -> int | None:
    registry = registry_of(Workspace(team.root, team.server.env))
    return registry.history("shop/sale").champion(environment)


def test_a_push_promotes_a_request_is_judged_a_fork_stops_nobody_and_the_loop_makes_its_pass(
    team: Team,
) -> None:
    first = team.push()
    assert not first.failed, first.said
    assert "shop/sale/1 promoted: champion of dev" in first.said
    assert "✅ shop: pass" in first.said  # the step's summary
    assert champion(team) == 1
    assert "gh workflow run trueup-release.yml --ref main" in team.asked
    released = team.release()
    assert not released.failed, released.said
    assert champion(team, "prod") == 1

    again = team.push()
    assert not again.failed, again.said
    assert again.said.count(": fetched") == 3, again.said

    git(team.root, "switch", "-qc", "topic")
    noise(team.root, 1)
    commit(team.root)
    worse = team.request()
    assert worse.failed
    assert "exit status 3" in worse.said, worse.said
    ((_, comment),) = team.world.standin.said(1)
    assert "❌ shop: fail" in comment
    assert "trueup.yaml:" in comment
    assert champion(team) == 1
    assert "is not trusted" in worse.said

    noise(team.root, 0.31)
    commit(team.root)
    fork = team.request(fork=True)
    assert not fork.failed, fork.said
    assert "This check ran without the bucket" in fork.said
    assert "no\\_bucket" in fork.said
    assert len(team.world.standin.said(1)) == 1

    git(team.root, "switch", "-q", "main")
    for ran in (team.schedule(), team.dispatch()):
        assert not ran.failed, ran.said
        assert "What is not done" in ran.said
    beats = team.heartbeat()
    assert not beats.failed, beats.said
    assert "shop/sale: its last sign of life was at" in beats.said
    stopped(team)
    late = team.heartbeat()
    assert late.failed
    assert "no sign of life of the loop of shop/sale" in late.said


def stopped(team: Team) -> None:
    """Let the loop's last pass be a day ago."""
    bucket = open_bucket(f"s3://{BUCKET}/{TEAM}", root=team.root, env=team.server.env)
    name = f"{TICKED}shop/sale"
    last = last_beat(bucket, name)
    assert last is not None
    beat(bucket, name, msgspec.structs.replace(last, at=last.at - timedelta(days=1)))


@pytest.mark.parametrize(
    "key",
    [
        "cache/trusted/0123.json", "verdicts/trusted/0123.json", "models/shop/sale/events/9.json",
        "loop/shop/sale/events/9.json", "captures/shop/sale/x", "heartbeats/x",
    ],
)  # fmt: skip
def test_a_requests_identity_cannot_write_what_is_trusted(team: Team, key: str) -> None:
    bucket = open_bucket(f"s3://{BUCKET}/{TEAM}", root=team.root, env=team.server.request_env)
    with pytest.raises(AccessRefused, match=f"refused access to {key}"):
        bucket.put(key, b"mine")
    bucket.put("cache/pr/1/0123.json", b"{}")
