"""The verbs that look show what runs recorded and what Git holds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trueup
from trueup.cli.group import trueup as command_line
from trueup.errors import TrueupError, WrongUsage
from trueup.git import NotARevision

CONFIG = """\
project: late
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [depth, rate]
    outs: [model.txt]
    metrics: [metrics.json]
"""
TRAIN = """\
import json, pathlib, re, trueup
depth = int(re.search(r"depth: (\\d+)", pathlib.Path("params.yaml").read_text())[1])
for step in range(3):
    trueup.log(step=step, loss=depth / (step + 1))
print("trained to", depth)
pathlib.Path("model.txt").write_text(str(depth))
pathlib.Path("metrics.json").write_text(json.dumps({"auc": depth / 10, "rows": 5}))
"""


class Folder:
    """A project in a repository, and the command line in this process."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys = root, capsys

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, "utf-8")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "state")

    def call(self, *words: str) -> str:
        self._capsys.readouterr()
        command_line.main(["-C", str(self.root), *words], standalone_mode=False)
        return self._capsys.readouterr().out

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call(*words, "--json"))
        return found


@pytest.fixture
def folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Folder:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin")
    for name in ("TRUEUP_STORE", "TRUEUP_POINTS", "TRUEUP_STAGE"):
        monkeypatch.delenv(name, raising=False)
    found = Folder(tmp_path, capsys)
    found.git("init", "-q", "-b", "main")
    found.write("trueup.yaml", CONFIG)
    found.write("train.py", TRAIN)
    found.write("params.yaml", "depth: 4\nrate: 0.5\n")
    found.write(".gitignore", ".trueup\nmodel.txt\nmetrics.json\n")
    return found


@pytest.fixture
def ran(folder: Folder) -> Folder:
    """Two runs, the first one's state committed."""
    folder.call("run")
    folder.commit()
    folder.write("params.yaml", "depth: 8\nrate: 0.5\n")
    folder.call("run")
    return folder


def test_runs_are_listed_with_what_they_were_given_and_gave(ran: Folder) -> None:
    found = ran.json("runs", "--columns", "status,project,params.depth,metrics.auc")
    assert found == {
        "runs": [
            {"status": "done", "project": "late", "params.depth": depth, "metrics.auc": depth / 10}
            for depth in (8, 4)
        ],
        "total": 2,
    }
    (best,) = ran.call(
        "runs", "--sort", "metrics.auc", "-n", "1", "--columns", "metrics.auc,at"
    ).splitlines()[1:]
    assert best.split()[0] == "0.4"
    assert "auc" in ran.call("runs", "--md").splitlines()[0]
    assert ran.call("runs", "--filter", "status=failed") == "no runs\n"
    with pytest.raises(WrongUsage, match=r"Did you mean 'params\.depth'"):
        ran.call("runs", "--filter", "params.dept=8")


def test_one_run_is_shown_with_stages_curves_and_log(ran: Folder) -> None:
    shown = ran.call("runs", "show", "last")
    assert "parameter depth changed from 4 to 8" in shown
    assert "train  loss" in shown
    assert ran.call("runs", "show", "last~1", "--log", "train") == "trained to 4\n"
    points = json.loads(ran.call("runs", "show", "last", "--points", "--json"))
    assert [(point["step"], point["values"]["loss"]) for point in points] == [
        (0, 8.0),
        (1, 4.0),
        (2, 8 / 3),
    ]
    detail = ran.json("runs", "show", "last")
    assert detail["tails"] == {}


def test_two_runs_are_compared_in_what_differs(ran: Folder) -> None:
    found = ran.json("compare", "last~1", "last")
    rows = {(row["section"], row["name"]): row for row in found["differences"]}
    assert rows["metrics", "auc"]["change"] == 0.4
    assert rows["params", "depth"]["relative"] == 1.0
    assert ("artifacts", "model.txt") in rows
    assert ("params", "rate") not in rows
    assert ("metrics", "rows") not in rows
    assert "rate" in ran.call("compare", "last~1", "last", "--all")
    assert "| auc | 0.4 | 0.8 | +0.4 | +100 |" in ran.call("compare", "last~1", "last", "--md")
    with pytest.raises(WrongUsage, match="two different runs"):
        ran.call("compare", "last", "last")


def test_params_are_compared_with_a_revision(ran: Folder) -> None:
    assert ran.json("params", "diff")["differences"] == [
        {
            "section": "params",
            "file": "params.yaml",
            "name": "depth",
            "values": {"old": 4, "new": 8},
            "change": 4,
            "relative": 1.0,
        }
    ]
    ran.write("params.yaml", "depth: 4\nrate: 0.5\nnew: null\n")
    assert ran.call("params", "diff", "main") == (
        "Params\nname  main  workspace\nnew      -       null\n"
    )


def test_metrics_that_git_does_not_hold_come_from_the_store(ran: Folder) -> None:
    assert ran.call("metrics", "diff") == (
        "Metrics\nname  HEAD  workspace  change  relative (%)\nauc    0.4        0.8    +0.4"
        "          +100\n"
    )


def test_metrics_in_git_are_compared_too(folder: Folder) -> None:
    folder.write("trueup.yaml", CONFIG.replace("[metrics.json]", "[{m.yaml: {cache: false}}]"))
    folder.write("m.yaml", "a: {b: 1e-3}\n")
    folder.commit()
    folder.write("m.yaml", "a: {b: .nan}\n")
    (row,) = folder.json("metrics", "diff")["differences"]
    assert row["values"] == {"old": 0.001, "new": "nan"}


def test_nothing_that_differs_is_said(ran: Folder) -> None:
    ran.commit()
    assert ran.call("params", "diff") == "nothing differs\n"
    assert ran.json("metrics", "diff")["differences"] == []


def test_an_unknown_revision_is_told(ran: Folder) -> None:
    with pytest.raises(NotARevision):
        ran.call("params", "diff", "nope")
    with pytest.raises(NotARevision):
        ran.call("metrics", "diff", "--", "--output=x")


def test_a_broken_file_is_told_with_its_revision(ran: Folder) -> None:
    ran.write("params.yaml", "a: [1\n")
    with pytest.raises(TrueupError, match=r"params\.yaml:\d"):
        ran.call("params", "diff")
    ran.git("commit", "-qam", "broken")
    ran.write("params.yaml", "depth: 8\n")
    with pytest.raises(TrueupError, match=r"HEAD:params\.yaml:\d"):
        ran.call("params", "diff")


def test_the_python_api_lists_the_same_runs(ran: Folder) -> None:
    records = trueup.runs(["metrics.auc>0.5"], as_="records", folder=ran.root)
    assert [record["params.depth"] for record in records] == [8]
    assert trueup.runs is trueup.runs


def test_a_frame_needs_polars_and_says_so(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(WrongUsage, match="pip install polars"):
        trueup.runs(folder=folder.root)
    with pytest.raises(WrongUsage, match="'frame' or 'records'"):
        trueup.runs(as_="pandas", folder=folder.root)  # type: ignore[arg-type]  # a person's mistake


def test_a_frame_holds_every_column(ran: Folder) -> None:
    polars = pytest.importorskip("polars", reason="install it with: pip install polars")
    frame = trueup.runs(sort=["metrics.auc"], folder=ran.root)
    assert frame["metrics.auc"].to_list() == [0.4, 0.8]
    assert frame.schema["at"] == polars.Datetime("us", "UTC")


def test_a_folder_of_no_project_and_no_runs_is_an_empty_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Folder(tmp_path, capsys).call("runs") == "no runs\n"
    assert list(tmp_path.iterdir()) == []
