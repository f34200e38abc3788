"""Projects of the corpus without DVC: a run leaves nothing to do, forcing it changes no byte."""

import json
from pathlib import Path

import pytest

from tests.journeys.checkout import Checkout
from tests.oracle.corpus import Example, contents, examples, lay_out

EACH = 5  # one in so many, so that the quick tests stay quick; DVC's own run takes all
RESTLESS = {"always-changed", "neither-dependencies-nor-outputs", "persist", "keep-going"}
PEACEFUL = [
    example
    for example in examples()
    if example.name not in RESTLESS and not example.refused and not example.differs
]


@pytest.mark.parametrize("example", PEACEFUL[::EACH], ids=lambda example: example.name)
def test_a_run_leaves_nothing_to_do_and_can_be_repeated(example: Example, tmp_path: Path) -> None:
    root = tmp_path / "project"
    lay_out(example, root)
    checkout = Checkout(root)
    checkout.ok("run")
    made = contents(root)
    planned = json.loads(checkout.ok("status", "--json"))["stages"]
    assert {stage["state"] for stage in planned} == {"unchanged"}
    again = json.loads(checkout.ok("run", "--force", "--jobs", "1", "--json"))["stages"]
    assert {stage["outcome"] for stage in again} == {"ran"}
    assert contents(root) == made
