"""Trial records: two versions' answers to the same rows, joined with what turned out to be true."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures.rows import MODEL, NOON, bring
from trueup.captures import trials
from trueup.captures.finding import Span
from trueup.captures.losses import losses
from trueup.captures.pairing import CHALLENGER, CHAMPION, Contest, paired
from trueup.captures.records import Batch, Captured, Labelled, Role
from trueup.captures.trials import Side, Trial
from trueup.captures.trying import compared, interval, tried
from trueup.errors import WrongUsage
from trueup.store.memory import MemoryBucket

CONTEST = Contest(1, 2, ("carrier", "nothing"))
BEGUN = Trial(
    model=MODEL, champion=Side(1, "a" * 64), challenger=Side(2, "b" * 64), at=NOON, by="x"
)


def answered(
    ids: Sequence[str],
    score: Any,
    version: int,
    role: Role,
    *,
    propensity: float = 0.0,
    after_s: float = 0.0,
) -> Captured:
    """Return answers of a version: a decision and a score."""
    scores = np.asarray(score, float)
    return Captured(
        *(MODEL, version, "d" * 64, NOON + timedelta(seconds=after_s), list(ids)),
        {"carrier": ["UA" if k % 2 else "AA" for k in range(len(ids))], "delay": scores},
        {"prediction": (scores > 0.5).astype(np.int64), "score": scores},
        latency_s=0.001 * version,
        role=role,
        propensity=propensity,
    )


def said(ids: Sequence[str], truth: Any) -> Labelled:
    return Labelled(MODEL, list(ids), list(truth), NOON + timedelta(hours=1))


def both(rows: int = 400, seed: int = 1) -> tuple[list[str], Any, Any, Any]:
    """Return ids, a truth, and the scores of a poor champion and a better challenger."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 2, rows)
    poor = np.clip(0.5 + (truth - 0.5) * 0.2 + draw.normal(0, 0.2, rows), 0.01, 0.99)
    good = np.clip(0.5 + (truth - 0.5) * 0.6 + draw.normal(0, 0.2, rows), 0.01, 0.99)
    return [f"id-{k:04}" for k in range(rows)], truth, poor, good


def test_a_trial_counts_what_both_have_predicted_and_measures_it_where_labels_are(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    ids, truth, poor, good = both()
    batches: list[Batch] = [
        answered(ids, poor, 1, "champion"),
        answered(ids[:300], good[:300], 2, "shadow"),
        said(ids[:200], truth[:200].tolist()),
    ]
    bring(batches, bucket, tmp_path)
    found = tried(bucket, BEGUN, CONTEST)
    assert (found.rows, found.labelled, found.decided) == (300, 200, 300)
    assert found.differing == int(((poor[:300] > 0.5) != (good[:300] > 0.5)).sum())
    distance = np.abs(poor - good)[:300]
    assert found.distance_mean == pytest.approx(distance.mean())
    assert found.distance_max == pytest.approx(distance.max())
    wrong, log_loss = found.differences
    assert (wrong.measure, log_loss.measure, wrong.rows) == ("error_rate", "log_loss", 200)
    assert wrong.champion == pytest.approx(((poor > 0.5) != truth)[:200].mean())
    assert wrong.challenger == pytest.approx(((good > 0.5) != truth)[:200].mean())
    gave = np.where(truth == 1, good, 1 - good)[:200]
    assert log_loss.challenger == pytest.approx(-np.log(gave).mean())
    assert trials.leaning(log_loss) == "better"
    assert [one.value for one in found.slices] == ["AA", "UA"]
    assert sum(one.rows for one in found.slices) == 300
    assert found.missing == ("nothing",)
    assert [(one.version, one.role, one.rows) for one in found.latencies] == [
        (1, "champion", 400),
        (2, "shadow", 300),
    ]
    assert found.latencies[1].p99_ms == pytest.approx(2.0, rel=1e-3)
    assert found.apart == ()


def test_the_pairs_are_told_with_truth_outputs_and_slices(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    batches: list[Batch] = [
        answered(["a", "b"], [0.1, 0.9], 1, "champion"),
        answered(["c"], [0.9], 2, "challenger"),
        answered(["c"], [0.2], 1, "shadow"),
        answered(["a", "b"], [0.3, 0.8], 2, "shadow"),
        answered(["a"], [0.4], 2, "shadow", after_s=1.0),
        answered(["z"], [0.4], 3, "shadow"),
        said(["a", "c"], [True, False]),
    ]
    bring(batches, bucket, tmp_path)
    found = paired(bucket, MODEL, CONTEST).sort("id").collect()
    assert found["id"].to_list() == ["a", "b", "c"]
    assert found["role"].to_list() == ["champion", "champion", "challenger"]
    assert found["truth"].to_list() == [True, None, False]
    assert found["champion.score"].to_list() == [0.1, 0.9, 0.2]
    assert found["challenger.score"].to_list() == [0.4, 0.8, 0.9]
    assert found["slice.carrier"].to_list() == ["AA", "UA", "AA"]
    assert found["propensity"].null_count() == 3


def test_versions_that_answer_rows_of_their_own_are_compared_over_the_time_of_both(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    ids, truth, poor, good = both(600)
    batches: list[Batch] = [
        answered(ids[:200], poor[:200], 1, "champion", after_s=-3600),  # before the trial
        answered(ids[200:400], poor[200:400], 1, "champion", after_s=5),
        answered(ids[400:500], good[400:500], 2, "challenger", after_s=0),
        answered(ids[500:], good[500:], 2, "challenger", after_s=10),
        said(ids, truth.tolist()),
    ]
    bring(batches, bucket, tmp_path)
    found = tried(bucket, BEGUN, CONTEST)
    assert (found.rows, found.differences) == (0, ())
    wrong = found.apart[0]
    assert (wrong.champion_rows, wrong.rows) == (200, 200)
    assert wrong.champion == pytest.approx(((poor > 0.5) != truth)[200:400].mean())
    assert trials.leaning(wrong) == "better"


def test_explored_rows_are_weighted_by_how_likely_they_were_chosen(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    ids = [f"{k:03}" for k in range(90)]
    rare, frequent = ids[:30], ids[30:]
    batches: list[Batch] = []
    for some, share, score in ((rare, 0.1, 0.9), (frequent, 0.5, 0.1)):
        batches.append(answered(some, [0.1] * len(some), 1, "explore", propensity=share))
        batches.append(answered(some, [score] * len(some), 2, "shadow", propensity=share))
    bring([*batches, said(ids, [1] * 90)], bucket, tmp_path)
    found = tried(bucket, BEGUN, CONTEST)
    assert found.explored == 90
    assert found.differences[0].difference == pytest.approx(-30 / 90)
    assert found.explored_only[0].difference == pytest.approx(-300 / (300 + 120))


@pytest.mark.parametrize(
    ("truth", "answers"),
    [
        (["yes", "no"], ["yes", "yes"]),
        ([True, False], [1, 1]),
        ([1.0, 0.0], [1, 1]),
        (["1", "0"], [True, True]),
        (["true", "0.0"], ["1", "1.0"]),
    ],
)
def test_a_class_is_the_same_however_it_is_written(truth: list[Any], answers: list[Any]) -> None:
    frame = pl.DataFrame({"truth": truth, "a.prediction": answers, "a.score": [0.9, 0.9]})
    wrong, log_loss = losses(frame, "truth", ("a.",))
    assert frame.select(wrong.of["a."].alias("x"))["x"].to_list() == [0.0, 1.0]
    found = frame.select(log_loss.of["a."].alias("x"))["x"].to_list()
    assert found == pytest.approx([-np.log(0.9), -np.log(0.1)])


def test_of_many_classes_the_score_of_the_true_one_counts() -> None:
    frame = pl.DataFrame(
        {
            "truth": ["cat", "dog", None],
            "a.prediction": ["cat", "cat", "cat"],
            "a.score_cat": [0.7, 0.6, 0.5],
            "a.score_dog": [0.2, 0.3, 0.5],
            "a.score_cow": [0.1, 0.1, 0.0],
        }
    )
    _, log_loss = losses(frame, "truth", ("a.",))
    found = frame.select(log_loss.of["a."].alias("x"))["x"].to_list()
    assert found == [pytest.approx(-np.log(0.7)), pytest.approx(-np.log(0.3)), None]


def test_of_numbers_the_distance_counts_and_of_margins_no_log_loss() -> None:
    amounts = pl.DataFrame({"truth": [1, 2], "a.prediction": [1.5, 1.0]})
    (far,) = losses(amounts, "truth", ("a.",))
    assert amounts.select(far.of["a."].alias("x"))["x"].to_list() == [0.5, 1.0]
    margins = pl.DataFrame({"truth": [1], "a.prediction": [1], "a.score": [3.2]})
    assert [one.measure for one in losses(margins, "truth", ("a.",))] == ["error_rate"]
    assert losses(pl.DataFrame({"truth": [1], "a.other": [1]}), "truth", ("a.",)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 200))
def test_exchanging_the_versions_turns_every_difference_round(seed: int, rows: int) -> None:
    ids, truth, poor, good = both(rows, seed)
    frame = pl.DataFrame(
        {
            "id": ids, "time": [NOON] * rows, "propensity": [None] * rows, "truth": truth,
            "champion.prediction": (poor > 0.5).astype(int), "champion.score": poor,
            "challenger.prediction": (good > 0.5).astype(int), "challenger.score": good,
        }
    )  # fmt: skip
    turned = {CHAMPION: CHALLENGER, CHALLENGER: CHAMPION}
    other = frame.rename(
        {p + one: q + one for p, q in turned.items() for one in ("prediction", "score")}
    )
    found, back = compared(frame, BEGUN), compared(other, BEGUN)
    assert (found.differing, found.distance_max) == (back.differing, back.distance_max)
    for one, two in zip(found.differences, back.differences, strict=True):
        assert one.difference == pytest.approx(-two.difference)
        assert (one.low, one.high) == pytest.approx((-(two.high or 0), -(two.low or 0)))


def test_an_interval_holds_the_mean_as_often_as_it_says_also_where_rows_hang_together() -> None:
    draw = np.random.default_rng(7)
    held = narrow = 0
    for _ in range(400):
        group = np.repeat(np.arange(50), 8)
        values = draw.normal(0, 1, 50)[group] + draw.normal(0, 0.5, 400)
        frame = pl.DataFrame({"d": values, "w": np.ones(400), "g": group})
        _, low, high = interval(frame, 0.95)
        held += bool(low is not None and high is not None and low <= 0 <= high)
        _, low, high = interval(frame.drop("g"), 0.95)
        narrow += bool(low is not None and high is not None and low <= 0 <= high)
    assert 0.91 < held / 400 < 0.99
    assert narrow / 400 < 0.8  # what would be said if the group were not known


def test_few_rows_have_no_interval_and_none_no_difference(bucket: MemoryBucket) -> None:
    mean, low, high = interval(pl.DataFrame({"d": [1.0] * 29, "w": [1.0] * 29}), 0.95)
    assert (mean, low, high) == (1.0, None, None)
    empty = tried(bucket, BEGUN, CONTEST, Span(since=NOON))
    assert (empty.rows, empty.differences, empty.slices, empty.first) == (0, (), (), None)


def test_records_are_kept_for_good_and_found_by_the_models_they_are_of(
    bucket: MemoryBucket,
) -> None:
    assert trials.latest(bucket, MODEL, "a" * 64, "b" * 64) is None
    first = trials.keep(bucket, BEGUN)
    second = trials.keep(bucket, msgspec.structs.replace(BEGUN, rows=7))
    other = trials.keep(bucket, msgspec.structs.replace(BEGUN, champion=Side(3, "c" * 64)))
    assert [one.number for one in trials.kept(bucket, MODEL)] == [first, second, other] == [1, 2, 3]
    found = trials.latest(bucket, MODEL, "a" * 64, "b" * 64)
    assert found is not None
    assert (found.number, found.trial.rows) == (2, 7)
    assert [one.key for one in bucket.list("captures/flights/late/trials/")]


def test_a_newer_format_is_refused_by_name() -> None:
    body = msgspec.json.encode({**msgspec.to_builtins(BEGUN), "format": 2})
    with pytest.raises(WrongUsage, match="format 2, this trueup reads up to 1"):
        trials.decode(body, "here")
