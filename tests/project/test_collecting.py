"""Garbage is collected, and nothing that a branch, a tag or a recent run needs."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.project.projects import opened, outcomes, ran, write
from trueup.project.collecting import collect_garbage

PROJECT = {
    "trueup.yaml": """
        format: 1
        project: p
        keep: {runs: 1d}
        environment: {key: none}
        stages:
          s: {cmd: cp params.yaml o, params: [n], outs: [o]}
    """,
    "params.yaml": "n: 0\n",
    ".gitignore": ".trueup\no\n",
}
_OLD_S = 30 * 24 * 3600


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write(tmp_path, PROJECT)
    subprocess.run(["git", "-C", str(root), "init", "-q", "-b", "main"], check=True)
    return root


def committed(root: Path, message: str) -> None:
    subprocess.run(["git", "-C", str(root), "add", "--all"], check=True)
    subprocess.run(["git", "-C", str(root), "commit", "-qm", message], check=True)


def grown_old(root: Path) -> None:
    """Let everything in the store look as if it was written a month ago."""
    for path in (root / ".trueup" / "store").rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - _OLD_S
            os.utime(path, (then, then))


def test_what_another_branch_has_locked_stays_and_what_nobody_has_goes(project: Path) -> None:
    for n, branch in ((1, "other"), (2, ""), (3, "")):
        ran(project, sets=(f"n={n}",))
        if branch:
            committed(project, branch)
            subprocess.run(["git", "-C", str(project), "branch", branch], check=True)
    committed(project, "newest")
    grown_old(project)
    first = next(iter(collect_garbage(opened(project)).values()))
    assert first.removed == ()
    assert first.marked > 0
    marks = project / ".trueup" / "store" / "gc" / "marks.json"
    week_ago = _shifted(marks.read_text(), days=8)
    marks.write_text(week_ago)
    second = next(iter(collect_garbage(opened(project)).values()))
    assert len(second.removed) > 0
    assert outcomes(ran(project, sets=("n=1",))) == {"s": "fetched"}
    assert outcomes(ran(project, sets=("n=2",))) == {"s": "ran"}
    assert outcomes(ran(project, sets=("n=3",))) == {"s": "fetched"}


def test_a_dry_run_changes_nothing(project: Path) -> None:
    ran(project)
    grown_old(project)
    before = sorted(path for path in (project / ".trueup" / "store").rglob("*"))
    report = next(iter(collect_garbage(opened(project), dry_run=True).values()))
    assert report.dry_run
    assert sorted(path for path in (project / ".trueup" / "store").rglob("*")) == before


def test_content_that_vanished_under_a_plan_is_made_again(project: Path) -> None:
    ran(project)
    for path in (project / ".trueup" / "store" / "objects").iterdir():
        path.write_bytes(b"spoiled")
    (project / "o").unlink()
    assert outcomes(ran(project)) == {"s": "ran"}
    assert (project / "o").read_text() == "n: 0\n"


def _shifted(marks: str, *, days: int) -> str:
    import re
    from datetime import datetime, timedelta

    def earlier(found: "re.Match[str]") -> str:
        at = datetime.fromisoformat(found.group(1).replace("Z", "+00:00"))
        return f'"{(at - timedelta(days=days)).isoformat()}"'

    return re.sub(r'"(\d{4}-[^"]+)"', earlier, marks)


def test_a_pack_that_is_mostly_dead_is_packed_again_and_goes(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "trueup.yaml": """
                format: 1
                project: p
                keep: {runs: 1d}
                environment: {key: none}
                stages:
                  s:
                    cmd: mkdir -p o; for i in $(seq 40); do echo $i $(cat n) > o/$i; done; touch o/x
                    deps: [n]
                    outs: [o]
            """,
            "n": "1\n",
        },
    )
    ran(root)
    write(root, {"n": "2\n", "trueup.yaml": (root / "trueup.yaml").read_text()})
    ran(root)
    grown_old(root)
    packs = root / ".trueup" / "store" / "packs"
    collect_garbage(opened(root))
    marks = root / ".trueup" / "store" / "gc" / "marks.json"
    marks.write_text(_shifted(marks.read_text(), days=8))
    before = len(list(packs.iterdir()))
    collect_garbage(opened(root))
    assert len(list(packs.iterdir())) < before
    for path in (root / "o").iterdir():
        path.unlink()
    assert outcomes(ran(root)) == {"s": "fetched"}
    assert (root / "o" / "40").read_text() == "40 2\n"
