"""A colleague clones the project: what was computed elsewhere is fetched, not computed."""

import json
import subprocess
from pathlib import Path

from tests.journeys.checkout import Checkout

PIPELINE = """\
project: shared
stages:
  prepare:
    cmd: echo prepare >> "$COUNT"; mkdir -p data; sort raw.txt > data/sorted.txt
    deps: [raw.txt]
    params: [prepare]
    outs: [data]
  train:
    cmd: echo train >> "$COUNT"; cat data/sorted.txt > model.txt; echo '{"auc":0.5}' > metrics.json
    deps: [data/sorted.txt]
    params: [train.depth]
    outs: [model.txt]
    metrics: [metrics.json]
"""


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def first_checkout(tmp_path: Path) -> Checkout:
    env = {"COUNT": str(tmp_path / "count"), "TRUEUP_STORE": str(tmp_path / "bucket")}
    checkout = Checkout(tmp_path / "first", env)
    checkout.write("raw.txt", "b\na\n")
    checkout.write("params.yaml", "prepare: {n: 1}\ntrain: {depth: 3}\n")
    checkout.write("trueup.yaml", PIPELINE)
    checkout.write(".gitignore", "data\nmodel.txt\nmetrics.json\n")
    git(checkout.root, "init", "-q", "-b", "main")
    git(checkout.root, "add", ".")
    git(checkout.root, "commit", "-qm", "Begin")
    checkout.ok("run")
    git(checkout.root, "add", ".")
    git(checkout.root, "commit", "-qm", "Run")
    return checkout


def clone(first: Checkout, name: str) -> Checkout:
    root = first.root.parent / name
    git(first.root, "clone", "-q", str(first.root), str(root))
    copy = Checkout(root)
    copy.env = first.env
    return copy


def outcomes(checkout: Checkout) -> dict[str, str]:
    stages = json.loads(checkout.ok("run", "--json"))["stages"]
    return {stage["name"]: stage["outcome"] for stage in stages}


def test_a_fresh_clone_fetches_everything_and_computes_nothing(tmp_path: Path) -> None:
    first = first_checkout(tmp_path)
    second = clone(first, "second")
    assert not (second.root / "data").exists()
    assert outcomes(second) == {"prepare": "fetched", "train": "fetched"}
    assert second.files() == first.files()
    assert (tmp_path / "count").read_text().split() == ["prepare", "train"]
    assert "nothing changed" in second.ok("run")


def test_one_parameter_runs_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    first = first_checkout(tmp_path)
    first.ok("run", "--set", "train.depth=4")
    assert "depth: 4" in (first.root / "params.yaml").read_text()
    assert (tmp_path / "count").read_text().split() == ["prepare", "train", "train"]
    git(first.root, "commit", "-qam", "Deeper")
    assert outcomes(clone(first, "second")) == {"prepare": "fetched", "train": "fetched"}


def test_a_commit_of_before_is_fetched_again(tmp_path: Path) -> None:
    first = first_checkout(tmp_path)
    before = first.files()
    first.ok("run", "--set", "prepare.n=2")
    git(first.root, "commit", "-qam", "Other")
    git(first.root, "checkout", "-q", "HEAD~1")
    first.ok("run")
    assert first.files() == before
    assert (tmp_path / "count").read_text().split().count("prepare") == 2


def test_dry_run_and_explain_tell_why_and_change_nothing(tmp_path: Path) -> None:
    first = first_checkout(tmp_path)
    first.write("raw.txt", "c\n")
    before = first.files()
    said = first.ok("run", "--dry-run")
    assert "raw.txt" in said
    assert first.files() == before
    assert "raw.txt" in first.call("run", "--explain").stderr
