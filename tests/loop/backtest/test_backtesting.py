"""A backtest of a whole project: real stages, a real gate, real windows."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.loop.shop import CONFIGURATION, FIRST, LIVE, PREPARE, TRAIN, rows
from tests.project.projects import opened, write
from trueup.loop.backtest.asof import FromTheFuture
from trueup.project.backtesting import Wanted, backtest

pytestmark = pytest.mark.slow

UNTIL = LIVE + timedelta(days=49)
LATER = PREPARE.replace('if row["at"] < until]', 'if row["at"] < until[:8] + "28"]')
POLICIES = """
    policies:
      monthly, no gate:
        when: [{schedule: "0 0 1 * *", do: retrain}]
        gate: off
"""


def project(root: Path, prepare: str = PREPARE) -> Path:
    """Write the shop with seven weeks of its past, in which the neighbourhood changes."""
    text = CONFIGURATION.replace("LOOP", "{drift: {}, do: retrain}").replace("THEN", "person")
    files = {"trueup.yaml": text, "prepare.py": prepare, "train.py": TRAIN}
    write(root, {**files, "policies.yaml": POLICIES})
    (root / "params.yaml").write_text('prepare:\n  until: "2026-01-10T00:00:00Z"\n')
    rows(FIRST, 60, 20, seed=1).write_csv(root / "raw.csv")
    rows(FIRST - timedelta(days=40), 30, 40, seed=2).write_csv(root / "test.csv")
    rows(LIVE, 49, 20, seed=3).write_csv(root / "past.csv")
    return root


def state(root: Path) -> dict[str, bytes]:
    """Return all files of a project but those of the backtest."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".trueup" not in path.parts
    }


def wanted(**how: object) -> Wanted:
    """Return what is asked for, once a week."""
    usual = {
        "name": "sale", "rows": "past.csv", "since": LIVE, "until": UNTIL, "step_s": 7 * 86400.0,
        "jobs": 1,
    }  # fmt: skip
    return Wanted(**{**usual, **how})  # type: ignore[arg-type]  # keyword arguments of several types


class Enough(Exception):
    """Ends a backtest from without."""


def test_policies_are_replayed_go_on_after_a_kill_and_leave_the_project_as_it_is(
    tmp_path: Path,
) -> None:
    root = project(tmp_path)
    before = state(root)
    heard: list[str] = []

    def until_the_second(text: str) -> None:
        heard.append(text)
        if text.startswith("monthly"):
            raise Enough

    only = ("never", "monthly", "drift", "monthly, no gate")
    with pytest.raises(Enough):
        backtest(opened(root), wanted(only=only, policies="policies.yaml"), until_the_second)
    done = backtest(opened(root), wanted(only=only, policies="policies.yaml", jobs=2))
    again = backtest(opened(root), wanted(only=only, policies="policies.yaml"))

    assert again == done
    assert state(root) == before
    assert not (root / ".trueup" / "store").exists()
    runs = {run.name: run for run in done.runs}
    assert [len(run.windows) for run in done.runs] == [7] * 4
    assert all(window.rows == window.labelled == 140 for window in runs["never"].windows)
    assert runs["never"].cost.retrains == 0
    assert [step.cause for step in runs["monthly"].steps] == [
        "the slot of 2026-02-01 00:00 UTC is due",
        "the slot of 2026-03-01 00:00 UTC is due",
    ]
    assert runs["monthly"].cost.promoted == 2  # much more rows to learn from, and the gate sees it
    assert [step.candidate for step in runs["monthly, no gate"].steps] == [
        step.candidate for step in runs["monthly"].steps
    ]
    assert runs["drift"].windows[0].drifted is not None
    first = runs["never"].windows[0]
    assert first.metrics["log_loss"] == runs["monthly"].windows[0].metrics["log_loss"]
    assert {one.policy for one in done.comparisons} >= {"monthly", "drift"}
    shutil.rmtree(
        next(one for one in (root / ".trueup" / "backtest").iterdir() if one.name != "store")
    )
    anew = backtest(opened(root), wanted(only=only, policies="policies.yaml"))
    assert anew == done  # how long training took as well, as it is not done again
    more = (root / "policies.yaml").read_text() + "  weekly: {when: []}\n"
    (root / "policies.yaml").write_text(more)
    backtest(opened(root), wanted(only=only, policies="policies.yaml"))
    assert len(list((root / ".trueup" / "backtest").iterdir())) == 2  # the store, and one history


def test_a_stage_that_looks_ahead_stops_the_backtest_and_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, LATER)

    with pytest.raises(FromTheFuture) as error:
        backtest(opened(root), wanted(only=("never",)))

    said = str(error.value)
    assert "the stage 'prepare' returned a row from later than 2026-01-19 00:00 UTC" in said
    assert "of train.csv, its at is 2026-01-19 " in said


def test_the_command_writes_json_and_a_page(tmp_path: Path) -> None:
    root = project(tmp_path)
    words = ["backtest", "sale", "--rows", "past.csv", "--since", "2026-01-19", "--step", "21d"]
    words += ["--only", "never", "--jobs", "1", "--json", "--html", "page.html"]

    done = subprocess.run(["trueup", "-C", str(root), *words], capture_output=True, check=True)

    told = json.loads(done.stdout)
    assert told["runs"][0]["name"] == "never"
    assert datetime.fromisoformat(told["begin"]) == datetime(2026, 1, 19, tzinfo=UTC)
    assert "<html" in (root / "page.html").read_text()
