"""What must never pass in silence is named."""

from typing import Any

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged
from trueup.errors import WrongUsage
from trueup.gate.verdict import Verdict

ASKED = entry("roc_auc", at_least=0.5)


def caught(columns: dict[str, Any], **known: Any) -> tuple[Verdict, list[str]]:
    verdict = judged(columns, ASKED, **known)
    return verdict, [trap.kind for trap in verdict.traps]


def test_sound_rows_hold_no_trap() -> None:
    verdict, kinds = caught({**binary(), "ids": np.arange(4000)})
    assert (verdict.word, kinds) == ("pass", [])


def test_predictions_that_are_no_numbers_fail_the_candidate() -> None:
    columns = binary()
    columns["candidate"][7] = np.nan
    verdict, kinds = caught(columns)
    assert (verdict.word, kinds) == ("fail", ["nan_predictions"])
    assert verdict.left_out.unusable == 1
    assert "1 prediction of the candidate" in verdict.reasons[0]


def test_constant_predictions_fail_the_candidate() -> None:
    columns = {**binary(), "candidate": np.full(4000, 0.3)}
    verdict, kinds = caught(columns)
    assert (verdict.word, kinds) == ("fail", ["constant_predictions"])


def test_rows_of_one_class_judge_nothing() -> None:
    columns = {**binary(), "truth": np.ones(4000, dtype=bool)}
    verdict, kinds = caught(columns)
    assert (verdict.word, kinds) == ("inconclusive", ["one_class"])


def test_rows_without_truth_are_counted_and_named() -> None:
    columns = binary()
    columns["truth"] = columns["truth"].astype(float)
    columns["truth"][:3] = np.nan
    verdict, kinds = caught(columns)
    assert (verdict.word, kinds) == ("inconclusive", ["nan_truth"])
    assert verdict.left_out.unusable == 3


def test_an_id_that_comes_twice_is_named() -> None:
    verdict, kinds = caught({**binary(), "ids": np.r_[0, np.arange(3999)]})
    assert (verdict.word, kinds) == ("inconclusive", ["duplicate_ids"])


def test_a_slice_that_was_there_before_and_is_gone_is_named() -> None:
    columns = {**binary(), "slices": {"carrier": np.repeat(["AA", "UA"], 2000)}}
    verdict, kinds = caught(columns, expected={"carrier": ["AA", "UA", "DL"]})
    assert (verdict.word, kinds) == ("inconclusive", ["vanished_slice"])
    assert "DL" in verdict.traps[0].says


@pytest.mark.parametrize("kind", ["number", "text"])
def test_a_feature_that_alone_predicts_the_target_is_named(kind: str) -> None:
    columns = binary()
    leak: Any = columns["truth"] * 3.0 + 0.1 * np.random.default_rng(0).random(4000)
    if kind == "text":
        leak = np.where(columns["truth"], "paid late", "paid")
    features = {
        "honest": columns["champion"],
        "leak": leak,
        "name": np.arange(4000).astype(str),
        "same": np.repeat("x", 4000),
    }
    verdict, kinds = caught({**columns, "features": features})
    assert (verdict.word, kinds) == ("inconclusive", ["leaking_feature"])
    assert "leak alone" in verdict.traps[0].says


def test_a_feature_that_is_the_number_to_predict_is_named() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=500)
    columns = {
        "truth": truth,
        "candidate": truth + rng.normal(size=500),
        "features": {"copy": truth * 2 + 1, "noise": rng.normal(size=500)},
    }
    verdict = judged(columns, entry("mae", at_most=5), task="regression")
    assert [trap.says for trap in verdict.traps] == [
        "the feature copy alone predicts the target (1.0000)"
    ]


def test_no_rows_at_all_are_inconclusive() -> None:
    empty = {name: each[:0] for name, each in binary().items()}
    verdict, kinds = caught(empty)
    assert (verdict.word, kinds) == ("inconclusive", ["no_rows"])


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(WrongUsage, match="champion has 10 rows"):
        caught({**binary(), "champion": np.zeros(10)})


def test_three_classes_are_no_binary_task() -> None:
    with pytest.raises(WrongUsage, match="3 values"):
        caught({**binary(6), "truth": np.array([0, 1, 2, 0, 1, 2])})
