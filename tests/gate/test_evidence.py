"""Bounds from blocks agree with what SciPy computes slowly, and custom metrics keep theirs."""

from typing import Any

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged, only
from trueup.config.model_entries import MetricCall, RuleEntry
from trueup.errors import WrongUsage
from trueup.gate.blocks import Blocks
from trueup.gate.blockwise import quantity
from trueup.gate.bounds import SPENT, Sample
from trueup.gate.catalogue import metric_named
from trueup.gate.evidence import View, carrying, measure
from trueup.gate.grouping import Call
from trueup.gate.rows import Rows, prepared

scipy_stats = pytest.importorskip("scipy.stats")
sk = pytest.importorskip("sklearn.metrics")


def view(columns: dict[str, Any], codes: Any) -> View:
    blocks = Blocks("group", codes, int(codes.max()) + 1, codes)
    return View(prepared(Rows(task="binary", **columns)), blocks, 11, 2000)


def test_the_error_of_a_mean_of_rows_is_that_of_the_t_test() -> None:
    columns = binary(400)
    found = measure(
        metric_named("log_loss", "binary"), view(columns, np.arange(400)), "candidate", "champion"
    ).bounds
    assert isinstance(found, Sample)
    table = prepared(Rows(task="binary", **columns))
    one, two = (
        -np.log(np.where(table.truth, table.predicted[name], 1 - table.predicted[name]))
        for name in ("champion", "candidate")
    )
    theirs = scipy_stats.ttest_rel(one, two)
    assert found.estimate == pytest.approx((one - two).mean(), rel=1e-10)
    few = 1 + 1.5 / min(table.truth.sum(), (~table.truth).sum())  # what few events widen
    few *= 1 + 1.0 / 400  # and few groups
    assert few * found.estimate / found.se == pytest.approx(theirs.statistic, rel=1e-9)


@pytest.mark.parametrize("name", ["f1", "matthews_corrcoef", "average_precision", "roc_auc"])
def test_errors_by_group_agree_with_a_bootstrap_of_groups_by_scikit_learn(name: str) -> None:
    columns = binary(1200)
    codes = np.arange(1200) // 20
    score = {
        "f1": lambda y, p: sk.f1_score(y, p >= 0.5),
        "matthews_corrcoef": lambda y, p: sk.matthews_corrcoef(y, p >= 0.5),
        "average_precision": sk.average_precision_score,
        "roc_auc": sk.roc_auc_score,
    }[name]

    def whole(drawn: Any) -> float:
        rows = (drawn[:, None] * 20 + np.arange(20)).ravel()
        return float(score(columns["truth"][rows], columns["candidate"][rows]))

    theirs = scipy_stats.bootstrap(
        (np.arange(60),),
        lambda drawn: whole(drawn),
        n_resamples=300,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    found = quantity(
        metric_named(name, "binary"),
        view(columns, codes).blocks,
        prepared(Rows(task="binary", **columns)).labels("candidate"),
        None,
    )
    off = found.deviations()
    se = float(np.sqrt((off**2).sum() / (60 * 59)))
    assert se == pytest.approx(theirs.standard_error, rel=0.15)
    assert found.estimate == pytest.approx(whole(np.arange(60)), rel=1e-10)


def test_leaving_each_block_out_is_done_exactly() -> None:
    columns = binary(600)
    codes = np.arange(600) % 30
    labels = prepared(Rows(task="binary", **columns)).labels("candidate")
    found = quantity(metric_named("f1", "binary"), view(columns, codes).blocks, labels, None)
    left = [
        sk.f1_score(columns["truth"][codes != b], columns["candidate"][codes != b] >= 0.5)
        for b in range(30)
    ]
    written = -29 * (np.array(left) - np.mean(left))
    assert found.deviations() == pytest.approx(written, abs=1e-9)


def test_a_mean_over_equal_classes_has_the_freedom_of_all_of_them() -> None:
    truth = np.repeat(np.arange(4), 25)
    table = prepared(Rows(task="multiclass", truth=truth, candidate=np.full((100, 4), 0.25)))
    rare = prepared(
        Rows(task="multiclass", truth=truth[:80], candidate=np.full((80, 4), 0.25))
    )  # the last class has 5 rows
    each = metric_named("balanced_accuracy", "multiclass")
    assert carrying(each, table) == pytest.approx(1 + 4 * 24)
    assert 5 < carrying(each, rare) < 20


def test_a_bound_is_never_narrower_than_students_t() -> None:
    columns = binary(600)
    found = measure(
        metric_named("f1", "binary"), view(columns, np.arange(600) % 40), "candidate", "champion"
    ).bounds
    assert isinstance(found, Sample)
    lower, upper, _ = found.between(0.05)
    t = scipy_stats.t.ppf(1 - SPENT * 0.05, found.df)
    assert lower <= found.estimate - t * found.se + 1e-12
    assert upper >= found.estimate + t * found.se - 1e-12


def ranked(count: int = 120) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, (count, 12)).astype(float)
    score = truth + rng.normal(size=truth.shape) * 2
    return {
        "truth": truth.ravel(),
        "candidate": score.ravel(),
        "champion": (truth + rng.normal(size=truth.shape) * 2).ravel(),
        "group": np.repeat(np.arange(count), 12),
    }


def test_ndcg_is_scikit_learns_and_its_blocks_are_queries() -> None:
    columns = ranked()
    verdict = judged(columns, entry("ndcg@5", at_least=0.3), task="ranking")
    theirs = sk.ndcg_score(
        columns["truth"].reshape(-1, 12), columns["candidate"].reshape(-1, 12), k=5
    )
    assert only(verdict).candidate == pytest.approx(theirs, rel=1e-12)
    assert (verdict.word, only(verdict).blocks) == ("pass", 120)


def test_mean_average_precision_is_scikit_learns_query_by_query() -> None:
    columns = ranked()
    columns["truth"] = (columns["truth"] > 2).astype(float)
    finding = only(judged(columns, entry("map", at_least=0.1), task="ranking"))
    truth, score = (columns[name].reshape(-1, 12) for name in ("truth", "candidate"))
    each = [sk.average_precision_score(t, s) for t, s in zip(truth, score, strict=True) if t.any()]
    assert finding.candidate == pytest.approx(np.mean(each), rel=1e-12)


def custom(per: Any, function: Any, **asked: Any) -> tuple[RuleEntry, dict[str, Any]]:
    rule = RuleEntry(metric=MetricCall(call="shop:cost", per=per), **asked)
    return rule, {"calls": {"shop:cost": Call(function, per)}}


def test_a_function_of_rows_has_the_interval_of_its_mean() -> None:
    rule, known = custom("row", lambda truth, given: np.abs(truth - given), at_most=0.5)
    finding = only(judged(binary(), rule, **known))
    plain = only(judged(binary(), entry("brier", at_most=0.5)))
    assert finding.word == plain.word == "pass"
    assert finding.interval is not None


def test_a_function_that_returns_one_number_for_many_rows_is_an_error() -> None:
    rule, known = custom("row", lambda truth, given: 1.0, at_most=0.5)
    with pytest.raises(WrongUsage, match="per: group or per: table"):
        judged(binary(), rule, **known)


def test_a_function_of_groups_is_resampled_by_group() -> None:
    rule, known = custom(
        "group", lambda truth, given: abs(truth.mean() - given.mean()), at_most=0.5
    )
    columns = {**binary(), "group": np.arange(4000) // 40}
    finding = only(judged(columns, rule, **known))
    assert (finding.word, finding.blocks) == ("pass", 100)


def test_a_function_of_the_table_agrees_with_the_same_metric_of_ours() -> None:
    rule, known = custom(
        "table",
        lambda truth, given: sk.f1_score(truth, given >= 0.5),
        versus="champion",
        margin=0.2,
    )
    columns = {**binary(1000), "group": np.arange(1000) // 20}
    slow = only(judged(columns, rule, **known))
    quick = only(judged(columns, entry("f1", versus="champion", margin=0.2)))
    assert slow.estimate == pytest.approx(quick.estimate, rel=1e-9)
    assert slow.interval is not None
    assert quick.interval is not None
    assert slow.interval.lower == pytest.approx(quick.interval.lower, abs=0.004)
