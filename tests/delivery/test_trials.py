"""A challenger judged by its trial: live rows that it and the champion have both answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.live_traffic import (
    challenger,
    digest_of,
    shadowed,
    traffic,
    with_champion,
)
from tests.delivery.test_delivering import PROJECT, said
from tests.project.projects import write

GOOD = {1: 0.5, 2: 0.6}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with a champion."""
    root = write(tmp_path / "project", PROJECT)
    with_champion(root)
    return root


def judged(root: Path, *words: str, name: str = "sale/2") -> tuple[int, Any]:
    """Judge a version by its trial, and return the exit code and the judgement."""
    result = said(root, "gate", name, "--trial", "--json", *words)
    return result.exit_code, json.loads(result.stdout)["judgements"][0]


def test_a_challenger_passes_by_its_trial_and_is_promoted_on_it(shop: Path) -> None:
    assert challenger(shop) == 2
    shadowed(shop, traffic(2000, GOOD))
    code, found = judged(shop)
    assert code == 0, found["verdict"]["reasons"]
    evidence = found["evidence"]
    assert (evidence["basis"], evidence["outcome"]) == ("trial", "pass")
    assert evidence["model"] == digest_of(shop, 2)
    assert evidence["champion"] == digest_of(shop, 1)
    done = said(shop, "promote", "sale/2")
    assert done.exit_code == 0
    assert "by a passing verdict on its trial" in done.stdout
    assert said(shop, "resolve", "sale").stdout.startswith("shop/sale/2")


def test_a_refit_is_champion_after_its_trial_has_passed_and_not_before(shop: Path) -> None:
    challenger(shop, refit=True)
    for words in ((), ("--override", "--why", "please")):
        refused = said(shop, "promote", "sale/2", *words)
        assert refused.exit_code == 4
    shadowed(shop, traffic(2000, GOOD))
    assert judged(shop)[0] == 0
    assert said(shop, "promote", "sale/2").exit_code == 0


def test_a_trial_beside_a_champion_that_has_moved_promotes_nothing(shop: Path) -> None:
    challenger(shop, refit=True)
    challenger(shop, letter="e")
    shadowed(shop, traffic(2000, GOOD))
    assert judged(shop)[0] == 0
    assert said(shop, "promote", "sale/3", "--override", "--why", "first").exit_code == 0
    assert said(shop, "promote", "sale/2").exit_code == 7
    assert said(shop, "resolve", "sale").stdout.startswith("shop/sale/3")
