"""Slices: harm is searched for, small ones are pooled, and none is passed in silence."""

from typing import Any

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged
from trueup.gate.deciding import holm
from trueup.gate.verdict import Finding


def sliced(spoiled: str = "", count: int = 8000) -> dict[str, Any]:
    """Return a table by carrier; in one of them the candidate may know nothing."""
    columns = binary(count)
    rng = np.random.default_rng(9)
    carrier = rng.choice(
        ["AA", "DL", "UA", "B6", "HA", "OO"], count, p=[0.3, 0.3, 0.2, 0.197, 0.0015, 0.0015]
    )
    here = carrier == spoiled
    columns["candidate"] = np.where(
        here, rng.permutation(columns["candidate"]), columns["candidate"]
    )
    return {**columns, "slices": {"carrier": carrier}}


def by_slice(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {each.slice.partition("=")[2]: each for each in findings}


ASKED = entry("log_loss", each="carrier", versus="champion", margin=0.05)


def test_harm_to_one_slice_blocks_and_names_it() -> None:
    verdict = judged(sliced("UA"), ASKED)
    found = by_slice(verdict.findings)
    assert verdict.word == "fail"
    assert found["UA"].word == "fail"
    assert found["UA"].harm_corrected is not None
    assert {found[name].word for name in ("AA", "DL", "B6")} == {"pass"}
    assert "carrier=UA" in verdict.reasons[0]


def test_without_harm_the_largest_that_is_not_excluded_is_kept() -> None:
    verdict = judged(sliced(), ASKED)
    assert verdict.word == "pass"
    found = by_slice(verdict.findings)["AA"]
    assert found.reason == "no_harm_shown"
    assert found.interval is not None
    assert found.interval.lower is not None


def test_small_slices_are_not_judged_but_pooled_into_the_rest() -> None:
    found = by_slice(judged(sliced(), ASKED).findings)
    assert found["HA"].word == found["OO"].word == "not_judged"
    assert found["HA"].reason == "few_rows"
    assert found["(rest)"].rows == found["HA"].rows + found["OO"].rows


def test_when_no_slice_can_be_judged_nothing_passes() -> None:
    columns = binary(200)
    columns["slices"] = {"carrier": np.arange(200) // 10}
    asked = entry("recall", each="carrier", versus="champion", margin=0.05, min_rows=300)
    verdict = judged(columns, asked)
    assert verdict.word == "inconclusive"
    assert verdict.findings[0].reason == "nothing_judged"


def test_non_inferiority_of_slices_is_asked_for_by_name_and_has_its_joint_power() -> None:
    asked = entry(
        "log_loss", each="carrier", versus="champion", margin=0.05, question="non_inferior"
    )
    verdict = judged(sliced(), asked)
    powers = [each.power for each in verdict.findings if each.power is not None]
    assert verdict.joint_power == pytest.approx(np.prod(powers))
    assert judged(sliced("UA"), asked).word == "fail"


def test_holm_is_that_of_statsmodels() -> None:
    multiple = pytest.importorskip("statsmodels.stats.multitest")
    tails = [0.04, 0.001, 0.2, 0.013, 0.013]
    assert holm(tails) == pytest.approx(multiple.multipletests(tails, method="holm")[1])
