"""Passes that a schedule makes leave signs of life, and their absence is noticed."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.loop.test_watching import LOOP
from tests.project.projects import opened, write
from trueup import clock
from trueup.cli.group import trueup
from trueup.errors import RemoteSilent, WrongUsage
from trueup.loop.heartbeat import TICKED, beat, last_beat, leaving
from trueup.project import looping
from trueup.project.lifesigns import check_alive, last_signs, look_at_heartbeats
from trueup.store.memory import MemoryBucket

NAME = f"{TICKED}p/m"


def said(root: Path, *words: str) -> object:
    return CliRunner().invoke(trueup, ["-C", str(root), *words], standalone_mode=False).return_value


def test_a_pass_leaves_a_sign_only_where_it_is_said_how_soon_the_next_one_comes(
    tmp_path: Path,
) -> None:
    root = write(tmp_path, {"trueup.yaml": LOOP})
    bucket = opened(root).bucket
    looping.tick(opened(root), looping.Wanted("m"))
    looping.tick(opened(root), looping.Wanted("m"), every_s=3600, dry_run=True)
    assert last_beat(bucket, NAME) is None
    assert last_signs(opened(root)) == {"p/m": None}
    check_alive({"p/m": None}, clock.now())  # what has never begun has not stopped

    said(root, "tick", "m", "--every", "1h")
    left = last_beat(bucket, NAME)
    assert left is not None
    assert (left.every_s, left.models, left.problem) == (3600, ("p/m",), "")
    signs = last_signs(opened(root))
    check_alive(signs, left.at + timedelta(hours=3))
    with pytest.raises(RemoteSilent, match="no sign of life of the loop of p/m") as late:
        check_alive(signs, left.at + timedelta(hours=3, seconds=1))
    assert "gh workflow enable" in late.value.remedy


def test_a_watch_that_is_alive_makes_up_for_a_schedule_that_is_not(tmp_path: Path) -> None:
    root = write(tmp_path, {"trueup.yaml": LOOP})
    looping.tick(opened(root), looping.Wanted("m"), every_s=60)
    bucket = opened(root).bucket
    left = last_beat(bucket, NAME)
    assert left is not None
    beat(bucket, NAME, type(left)(left.at - timedelta(days=1), 60, models=("p/m",)))
    (finding,) = [one for one in look_at_heartbeats(opened(root)) if one.state == "missing"]
    assert finding.remedy == "trueup tick p/m"
    beat(bucket, "p", type(left)(left.at, 60, models=("p/m",)))
    check_alive(last_signs(opened(root)), left.at)


def test_a_pass_that_fails_says_so_in_its_sign() -> None:
    bucket = MemoryBucket()

    def passed() -> None:
        with leaving(bucket, "p/m", 60):
            assert last_beat(bucket, NAME) is not None
            raise WrongUsage("the pipe has burst", remedy="mend it")

    with pytest.raises(WrongUsage):
        passed()
    left = last_beat(bucket, NAME)
    assert left is not None
    assert left.problem == "the pipe has burst"


def test_the_verb_tells_each_loops_last_sign_and_a_project_without_loops_is_refused(
    tmp_path: Path,
) -> None:
    root = write(tmp_path / "p", {"trueup.yaml": LOOP})
    looping.tick(opened(root), looping.Wanted("m"), every_s=60)
    done = CliRunner().invoke(trueup, ["-C", str(root), "loop", "heartbeat"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("p/m: its last sign of life was at ")
    empty = write(tmp_path / "none", {"trueup.yaml": LOOP.partition("models:")[0]})
    with pytest.raises(WrongUsage, match="no model of this project has a loop"):
        last_signs(opened(empty))
