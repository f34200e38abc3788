"""Losses of two versions are read from what both, or either, has answered."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.captures.rows import MODEL, NOON, bring, labelled
from trueup.captures.finding import Span
from trueup.captures.pairing import Contest
from trueup.captures.records import Captured, Role
from trueup.errors import WrongUsage
from trueup.loop.aftermath.reading import shadowed, split
from trueup.store.memory import MemoryBucket

DAY = timedelta(days=1)
CONTEST = Contest(champion=2, challenger=1, group="tailnum")


def answers(
    names: list[str], score: float, version: int, role: Role, at: datetime = NOON
) -> Captured:
    rows = len(names)
    inputs = {"tailnum": [f"N{k % 2}" for k in range(rows)]}
    outputs = {"prediction": [int(score >= 0.5)] * rows, "score": [score] * rows}
    return Captured(MODEL, version, str(version) * 64, at, names, inputs, outputs, role=role)


def test_a_shadow_is_paired_by_id_with_the_labels_of_that_moment(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    names = ["a", "b", "c"]
    batches = [answers(names, 0.9, 2, "champion"), answers(names, 0.4, 1, "shadow")]
    bring([*batches, answers(["d"], 0.9, 2, "champion")], bucket, tmp_path)
    bring([labelled(["a", "b"], 1), labelled(["c"], 1, after_s=2e5)], bucket, tmp_path / "labels")
    found = shadowed(bucket, MODEL, CONTEST, Span(), ("log_loss", NOON + DAY))
    assert found.basis == "shadow"
    assert found.new == pytest.approx([-np.log(0.9)] * 2)
    assert found.old == pytest.approx([-np.log(0.4)] * 2)
    assert sorted(found.group) == ["N0", "N1"]
    assert found.time.dtype.kind == "M"
    later = shadowed(bucket, MODEL, CONTEST, Span(), ("error_rate", NOON + 9 * DAY))
    assert later.new.tolist() == [0.0] * 3
    assert later.old.tolist() == [1.0] * 3


def test_a_split_gives_each_row_the_loss_of_who_answered_it(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    batches = [
        answers(["a", "b"], 0.9, 2, "champion"),
        answers(["c"], 0.4, 1, "challenger"),
        answers(["a"], 0.4, 1, "shadow"),
    ]
    bring([*batches, labelled(["a", "b", "c"], 1)], bucket, tmp_path)
    found = split(bucket, MODEL, CONTEST, Span(), ("error_rate", NOON + DAY))
    assert np.nan_to_num(found.new, nan=-1).tolist() == [0.0, 0.0, -1.0]
    assert np.nan_to_num(found.old, nan=-1).tolist() == [-1.0, -1.0, 1.0]


def test_a_measure_that_the_answers_do_not_have_is_refused(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    names = ["a"]
    batches = [answers(names, 0.9, 2, "champion"), answers(names, 0.4, 1, "shadow")]
    bring([*batches, labelled(names, 1)], bucket, tmp_path)
    with pytest.raises(WrongUsage, match="There are: error_rate, log_loss"):
        shadowed(bucket, MODEL, CONTEST, Span(), ("absolute_error", NOON + DAY))
