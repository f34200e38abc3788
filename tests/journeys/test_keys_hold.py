"""A stage's key is the same however the project came to be read."""

import json
import shutil
from pathlib import Path

from tests.journeys.checkout import Checkout

PIPELINE = """\
stages:
  a: {cmd: cat in.txt > a.txt, deps: [in.txt], outs: [a.txt]}
  b:
    wdir: sub
    cmd: cat ../a.txt > b.txt
    deps: [../a.txt]
    params: [{../p.yaml: [x]}]
    outs: [b.txt]
"""


def lay_out(root: Path) -> Checkout:
    checkout = Checkout(root)
    checkout.write("in.txt", "in\n")
    checkout.write("p.yaml", "x: {y: 1}\n")
    checkout.write("sub/.keep", "")
    checkout.write("trueup.yaml", PIPELINE)
    return checkout


def locked(checkout: Checkout) -> dict[str, str]:
    stages = json.loads((checkout.root / "trueup.lock").read_bytes())["stages"]
    return {name: stage["key"] for name, stage in stages.items()}


def planned(checkout: Checkout) -> dict[str, str]:
    stages = json.loads(checkout.ok("status", "--json"))["stages"]
    return {stage["name"]: stage["key"] for stage in stages}


def test_it_does_not_matter_what_was_remembered_from_before(tmp_path: Path) -> None:
    checkout = lay_out(tmp_path / "project")
    checkout.ok("run")
    first = locked(checkout)
    assert planned(checkout) == first
    shutil.rmtree(checkout.root / ".trueup" / "state")
    assert planned(checkout) == first
    checkout.ok("run", "--force")
    assert locked(checkout) == first
    checkout.ok("run", "--force")
    assert locked(checkout) == first


def test_it_does_not_matter_in_which_folder_the_project_lies(tmp_path: Path) -> None:
    one, other = lay_out(tmp_path / "one"), lay_out(tmp_path / "else" / "where")
    one.ok("run")
    other.ok("status")
    other.ok("run", "--jobs", "1")
    assert locked(one) == locked(other)
