"""Curves of a verdict: what scikit-learn draws, at a hundred points, within a bounded record."""

from typing import Any

import msgspec
import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gate.tables import binary, entry, judged
from trueup.gate import classifying, curve_records
from trueup.gate.comparing import compare
from trueup.gate.curve_records import ModelCurves
from trueup.gate.curves import curves_of
from trueup.gate.rows import Rows
from trueup.gate.verdict import decode, encode

sk = pytest.importorskip("sklearn.metrics")
calibration = pytest.importorskip("sklearn.calibration")
MOST_POINTS, MOST_BYTES = 101, 20_000


def drawn(task: Any = "binary", metrics: tuple[str, ...] = (), **columns: Any) -> ModelCurves:
    return curves_of(compare(Rows(task=task, **columns)), metrics)["candidate"]


def bounded(curves: dict[str, ModelCurves]) -> None:
    assert len(msgspec.json.encode(curves)) <= MOST_BYTES
    for each in curves.values():
        assert each.ranking is None or len(each.ranking.hits) <= MOST_POINTS


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_every_point_of_the_ranking_lies_on_scikit_learns_roc_curve(digits: int) -> None:
    columns = binary(5000)
    truth, score = columns["truth"], columns["candidate"].round(digits)
    ranking = drawn(truth=truth, candidate=score).ranking
    assert ranking is not None
    fpr, tpr, _ = sk.roc_curve(truth, score, drop_intermediate=False)
    there = {
        (round(f * (~truth).sum()), round(t * truth.sum())) for f, t in zip(fpr, tpr, strict=True)
    }
    assert set(zip(ranking.false_alarms, ranking.hits, strict=True)) <= there
    assert (ranking.hits[0], ranking.false_alarms[0]) == (0, 0)
    assert (ranking.hits[-1], ranking.false_alarms[-1]) == (truth.sum(), (~truth).sum())


def test_a_hundred_points_hold_the_area_to_a_thousandth() -> None:
    columns = binary(50_000)
    ranking = drawn(**{key: columns[key] for key in ("truth", "candidate")}).ranking
    assert ranking is not None
    fpr, tpr, _ = sk.roc_curve(columns["truth"], columns["candidate"])
    x = np.array(ranking.false_alarms) / ranking.false_alarms[-1]
    y = np.array(ranking.hits) / ranking.hits[-1]
    assert np.trapezoid(y, x) == pytest.approx(np.trapezoid(tpr, fpr), abs=1e-3)


def test_calibration_is_scikit_learns_with_the_rows_of_each_bin() -> None:
    columns = binary(5000)
    bins = drawn(truth=columns["truth"], candidate=columns["candidate"]).calibration
    came, claimed = calibration.calibration_curve(columns["truth"], columns["candidate"], n_bins=15)
    assert [each.came for each in bins] == pytest.approx(came, rel=1e-5)
    assert [each.claimed for each in bins] == pytest.approx(claimed, rel=1e-5)
    assert sum(each.rows for each in bins) == 5000


def test_the_bins_are_those_of_the_calibration_error() -> None:
    assert curve_records.BINS == classifying.BINS


def test_scores_that_are_no_probabilities_have_no_calibration() -> None:
    columns = binary(500)
    assert drawn(truth=columns["truth"], candidate=columns["candidate"] * 10).calibration == ()


def test_confusion_is_at_the_thresholds_that_the_rules_ask_about() -> None:
    columns = binary(2000)
    truth, score = columns["truth"], columns["candidate"]
    found = drawn(metrics=("recall@0.3", "roc_auc", "f1@0.7"), truth=truth, candidate=score)
    assert [each.threshold for each in found.confusions] == [0.3, 0.7]
    for each in found.confusions:
        assert each.threshold is not None
        expected = sk.confusion_matrix(truth, score >= each.threshold)
        assert np.array_equal(each.counts, expected)
    (plain,) = drawn(truth=truth, candidate=score).confusions
    assert plain.threshold == 0.5


def test_a_class_keeps_its_name_and_two_have_the_positive_one_second() -> None:
    truth = np.array(["late", "on time"] * 50)
    score = np.linspace(0, 1, 100)
    (found,) = drawn(truth=truth, candidate=score, positive="late").confusions
    assert found.classes == ("on time", "late")


def test_a_matrix_of_many_classes_keeps_the_frequent_and_joins_the_others() -> None:
    rng = np.random.default_rng(3)
    truth = rng.choice(40, size=4000, p=np.arange(1, 41) / 820)
    (found,) = drawn("multiclass", truth=truth, candidate=rng.permutation(truth)).confusions
    assert found.classes[-1] == "(others)"
    assert "39" in found.classes
    assert "0" not in found.classes
    assert sum(map(sum, found.counts)) == 4000


def test_residuals_are_shown_by_the_size_of_the_prediction() -> None:
    rng = np.random.default_rng(4)
    predicted = rng.normal(size=10_000)
    spreads = drawn("regression", truth=predicted + 2, candidate=predicted).spreads
    assert len(spreads) == 20
    assert [each.middle for each in spreads] == pytest.approx([2.0] * 20)
    assert sorted(each.predicted for each in spreads) == [each.predicted for each in spreads]


@settings(max_examples=40)
@given(
    st.integers(1, 400),
    st.integers(0, 2**31),
    st.sampled_from([1.0, 1e-300, 1e308, 123456789.123]),
    st.sampled_from(["binary", "multiclass", "regression"]),
)
def test_whatever_the_numbers_the_record_is_bounded_and_comes_back(
    count: int, seed: int, scale: float, task: Any
) -> None:
    rng = np.random.default_rng(seed)
    truth: Any = rng.random(count) * scale
    if task == "binary":
        truth = rng.random(count) < 0.3
    if task == "multiclass":
        truth = np.array(["\x01" * 60 + str(each) for each in range(count)])
    predicted = truth if task == "multiclass" else rng.random(count) * scale
    curves = curves_of(
        compare(Rows(task=task, truth=truth, candidate=predicted, champion=predicted))
    )
    bounded(curves)
    stored = msgspec.json.encode(curves)
    assert msgspec.json.decode(stored, type=dict[str, ModelCurves]) == curves


def test_the_digest_of_a_verdict_covers_its_curves() -> None:
    made = judged(binary(600), entry("roc_auc", at_least=0.5), digests={"model": "aa"})
    assert set(made.curves) == {"candidate", "champion"}
    assert decode(encode(made)) == made
    stored = encode(made).replace(b'"hits":[0,', b'"hits":[1,')
    with pytest.raises(Exception, match="not the one that its digest names"):
        decode(stored)


def test_a_record_from_before_there_were_curves_is_read_and_keeps_its_digest() -> None:
    old = (
        b'{"alpha":0.03,"blocks":"rows","confidence":0.95,"digest":"%s","digests":{"model":"aa"},'
        b'"findings":[],"format":1,"joint_power":null,"left_out":{"seen":0,"seen_known":true,'
        b'"unusable":0},"mode":"enforce","no_change":false,"on_inconclusive":"block","reasons":[],'
        b'"resamples":2000,"rows":10,"seed":1,"spending":{"plan":"series","reuse":20,"use":1},'
        b'"traps":[],"word":"inconclusive"}'
    )
    digest = b"eeef9c0759252b03ecc3e95932936836b35890daacd13a1170648a5ddbd5abf4"
    read = decode(old % digest)
    assert read.curves == {}
    assert read.digest == digest.decode()


def test_a_record_with_fields_that_came_later_is_read_all_the_same() -> None:
    fields = msgspec.json.decode(encode(judged(binary(600), entry("roc_auc", at_least=0.5))))
    newer = {**fields, "digest": "", "since": {"then": [1.0, None]}}
    newer["digest"] = blake3(msgspec.json.encode(newer, order="sorted")).hexdigest()
    assert decode(msgspec.json.encode(newer)).digest == newer["digest"]
