"""Every metric of every task, from tables in files to a verdict."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.config.model_entries import EvaluateEntry, GateEntry, ModelEntry, RuleEntry
from trueup.delivery.evaluating import evaluation, predictions_of, rows_of
from trueup.delivery.tables import read_table
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.names import known_metrics
from trueup.gate.rules import rules_of
from trueup.gate.verdict import Verdict

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 1200
RNG = np.random.default_rng(11)


def judged(root: Path, model: ModelEntry, *rules: RuleEntry) -> Verdict:
    """Judge predictions.parquet against champion.parquet on what the model is evaluated on."""
    found = evaluation(root, model, lambda path: path)
    predicted = {
        name: predictions_of(found, read_table(root / file, file))
        for name, file in (("candidate", "predictions.parquet"), ("champion", "champion.parquet"))
    }
    return judge(rules_of(GateEntry(rules=rules)), compare(rows_of(found, predicted)))


def soft(values: Any, width: int = 3) -> Any:
    each = np.exp(values.reshape(-1, width))
    return each / each.sum(axis=1, keepdims=True)


def tables(task: str, noise: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a test table of a task, and predictions that are off by so much noise."""
    rng = np.random.default_rng(5)
    known = rng.normal(size=(ROWS, 3))
    told = known + noise * np.random.default_rng(round(noise * 100)).normal(size=(ROWS, 3))
    rows = {
        "id": np.arange(ROWS),
        "when": [BEGAN + timedelta(hours=1.5 * at) for at in range(ROWS)],
        "query": rng.permutation(np.arange(ROWS) % 60),
    }
    predictions: dict[str, Any] = {"id": rows["id"]}
    if task == "binary":
        rows["y"] = rng.random(ROWS) < 1 / (1 + np.exp(-4 * known[:, 0] + 4))
        predictions["probability"] = 1 / (1 + np.exp(-4 * told[:, 0] + 4))
    elif task == "multiclass":
        draws = rng.random((ROWS, 1)) > soft(2 * known).cumsum(axis=1)
        rows["y"] = np.array(["a", "b", "c"])[draws.sum(axis=1)]
        shares = soft(2 * told)
        predictions |= {f"probability_{one}": shares[:, at] for at, one in enumerate("abc")}
    elif task == "multilabel":
        rows |= {f"y_{one}": (known[:, at] > 0.3) * 1 for at, one in enumerate("abc")}
        predictions |= {
            f"probability_{one}": 1 / (1 + np.exp(-3 * told[:, at])) for at, one in enumerate("abc")
        }
    elif task == "ranking":
        rows["y"] = np.clip(np.round(known[:, 0] + 1), 0, 3)
        predictions["score"] = told[:, 0]
    else:
        rows["y"] = 10 + known[:, 0]
        predictions["prediction"] = 10 + told[:, 0]
    return pl.DataFrame(rows), pl.DataFrame(predictions)


@pytest.mark.parametrize(
    ("task", "by"),
    [
        *product(["binary", "multiclass", "multilabel", "regression"], ["rows", "time", "group"]),
        ("ranking", "group"),  # it always has its queries
    ],
)
def test_every_metric_of_a_task_tells_a_spoiled_candidate_from_a_sound_one(
    tmp_path: Path, task: Any, by: str
) -> None:
    test, good = tables(task, 0.1)
    _, bad = tables(task, 4.0)
    test.write_parquet(tmp_path / "test.parquet")
    depends: dict[str, Any] = {"rows": {}, "time": {"time": "when"}, "group": {"group": "query"}}[
        by
    ]
    entry = EvaluateEntry(data="test.parquet", target="y", id="id", **depends)
    model = ModelEntry(path="m", task=task, evaluate=entry)
    rules = [
        RuleEntry(metric=name, versus="champion", margin=0.005) for name in known_metrics(task)
    ]
    good.write_parquet(tmp_path / "champion.parquet")
    bad.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(tmp_path / "predictions.parquet")
    spoiled = judged(tmp_path, model, *rules)
    assert spoiled.traps == ()
    words = {each.metric: each.word for each in spoiled.findings}
    assert set(words) == set(known_metrics(task))
    assert "pass" not in words.values()
    assert list(words.values()).count("fail") >= len(words) - 1  # the bound of one may be too wide
    bad.write_parquet(tmp_path / "champion.parquet")
    good.write_parquet(tmp_path / "predictions.parquet")
    assert judged(tmp_path, model, *rules).word == "pass"


def test_labels_alone_are_judged_by_what_labels_can_show(tmp_path: Path) -> None:
    test, shares = tables("multiclass", 0.1)
    names = ["probability_a", "probability_b", "probability_c"]
    likeliest = np.array(["a", "b", "c"])[shares.select(names).to_numpy().argmax(axis=1)]
    labels = pl.DataFrame({"id": shares["id"], "prediction": likeliest})
    test.write_parquet(tmp_path / "test.parquet")
    labels.write_parquet(tmp_path / "predictions.parquet")
    tables("multiclass", 4.0)[1].write_parquet(tmp_path / "champion.parquet")
    entry = EvaluateEntry(data="test.parquet", target="y", id="id")
    model = ModelEntry(path="m", task="multiclass", evaluate=entry)
    rules = [
        RuleEntry(metric=name, versus="champion", margin=0.01)
        for name in ("accuracy", "f1_macro", "matthews_corrcoef")
    ]
    assert judged(tmp_path, model, *rules).word == "pass"


def sales(shops: int = 12, steps: int = 160) -> pl.DataFrame:
    """Return daily sales by shop that repeat each week, each shop at a scale of its own."""
    rng = np.random.default_rng(8)
    at = np.arange(steps)
    parts = [
        pl.DataFrame(
            {
                "shop": f"s{shop}",
                "day": [(BEGAN + timedelta(days=int(day))).date() for day in at],
                "sold": 2.0 ** (shop % 3)
                * (20 + 5 * np.sin(2 * np.pi * at / 7) + rng.normal(size=steps)),
            }
        )
        for shop in range(shops)
    ]
    return pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=2)


CUTOFF = (BEGAN + timedelta(days=99)).date().isoformat()


def forecast(**changed: Any) -> ModelEntry:
    named = {
        "data": "sales.parquet",
        "target": "sold",
        "time": "day",
        "series": "shop",
        "cutoff": CUTOFF,
        "horizon": "40d",
        **changed,
    }
    return ModelEntry(path="m", task="forecast", evaluate=EvaluateEntry(**named))


def forecasts(table: pl.DataFrame, off: float, seed: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    noise = pl.Series(off * rng.normal(size=table.height))
    scale = pl.col("sold").mean().over("shop") / 20
    return table.with_columns(forecast=pl.col("sold") + noise * scale).select(
        "day", "shop", "forecast"
    )


def test_forecasts_are_judged_after_the_cut_off_within_the_horizon(tmp_path: Path) -> None:
    table = sales()
    table.write_parquet(tmp_path / "sales.parquet")
    forecasts(table, 1.0).write_parquet(tmp_path / "predictions.parquet")
    forecasts(table, 3.0, seed=9).write_parquet(tmp_path / "champion.parquet")
    names = (*known_metrics("forecast"), "pinball@0.9", "mase@7")
    rules = [RuleEntry(metric=name, versus="champion", margin=0.01) for name in names]
    verdict = judged(tmp_path, forecast(), *rules)
    assert (verdict.word, verdict.rows, verdict.blocks) == ("pass", 12 * 40, "two_way")
    assert evaluation(tmp_path, forecast(horizon=14), str).frame.height == 12 * 14
    single = table.filter(pl.col("shop") == "s0")
    single.write_parquet(tmp_path / "sales.parquet")
    forecasts(single, 1.0).write_parquet(tmp_path / "predictions.parquet")
    forecasts(single, 3.0).write_parquet(tmp_path / "champion.parquet")
    alone = forecast(series="")
    assert judged(tmp_path, alone, RuleEntry(metric="mase", at_most=1.0)).blocks == "time"


def mase(train: Any, truth: Any, told: Any, season: int) -> float:
    scale = np.abs(train[season:] - train[:-season]).mean()
    return float(np.abs(truth - told).mean() / scale)


@pytest.mark.parametrize("season", [1, 7])
def test_the_scaled_error_is_the_mean_of_the_series_own(tmp_path: Path, season: int) -> None:
    table = sales(shops=9)
    told = forecasts(table, 2.0)
    table.write_parquet(tmp_path / "sales.parquet")
    told.write_parquet(tmp_path / "predictions.parquet")
    told.write_parquet(tmp_path / "champion.parquet")
    rule = RuleEntry(metric=f"mase@{season}", at_most=3.0)
    (finding,) = judged(tmp_path, forecast(), rule).findings
    both = table.join(told, on=["day", "shop"]).sort("shop", "day")
    each = []
    for _, shop in both.group_by("shop"):
        sold, guessed = shop["sold"].to_numpy(), shop["forecast"].to_numpy()
        each.append(mase(sold[:100], sold[100:140], guessed[100:140], season))
    assert finding.candidate == pytest.approx(np.mean(each), rel=1e-12)


def test_a_column_may_carry_the_scale_and_another_each_rows_cut_off(tmp_path: Path) -> None:
    steps = pl.DataFrame(
        {
            "step": [11, 12, 13, 21, 22, 23] * 30,
            "from": [10, 10, 10, 20, 20, 20] * 30,
            "scale": [2.0, 2.0, 2.0, 4.0, 4.0, 4.0] * 30,
            "series": np.repeat(np.arange(30), 6),
            "truth": [1.0, 2.0, 3.0] * 60,
        }
    )
    steps.with_columns(yhat=pl.col("truth") + 1).write_csv(tmp_path / "cv.csv")
    entry = EvaluateEntry(
        predictions="cv.csv", time="step", series="series", cutoff="from", horizon=2
    )
    model = ModelEntry(path="", task="forecast", evaluate=entry)
    found = evaluation(tmp_path, model, str)
    assert sorted(set(found.frame["step"])) == [11, 12, 21, 22]
    candidate = predictions_of(found, found.frame)
    rules = rules_of(GateEntry(rules=(RuleEntry(metric="mase", at_most=1.0, evidence="point"),)))
    (finding,) = judge(rules, compare(rows_of(found, {"candidate": candidate}))).findings
    assert finding.candidate == pytest.approx((1 / 2 + 1 / 4) / 2)
    again = predictions_of(found, read_table(tmp_path / "cv.csv", "cv.csv"))
    np.testing.assert_array_equal(again, candidate)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"time": ""}, "no column of times is named"),
        ({"cutoff": "soon"}, "'soon' is not a date or time, nor a column"),
        ({"horizon": "soon"}, "no duration such as"),
        ({"cutoff": None}, "not said from when"),
        ({"cutoff": "2027-01-01"}, "no row lies after the cut-off"),
        ({"series": ("shop", "till")}, "there is no column 'till'"),
    ],
)
def test_a_forecast_that_cannot_be_placed_in_time_is_an_error(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    sales(shops=2).write_parquet(tmp_path / "sales.parquet")
    with pytest.raises(Exception, match=said):
        evaluation(tmp_path, forecast(**changed), str)


def test_a_scaled_error_without_history_names_what_is_missing(tmp_path: Path) -> None:
    table = sales()
    table.write_parquet(tmp_path / "sales.parquet")
    forecasts(table, 1.0).write_parquet(tmp_path / "predictions.parquet")
    forecasts(table, 1.0, seed=5).write_parquet(tmp_path / "champion.parquet")
    bare = forecast(cutoff=None, horizon="")
    with pytest.raises(Exception, match=r"no history is there\n.*a column scale"):
        judged(tmp_path, bare, RuleEntry(metric="mase", at_most=1.0))


def test_a_number_of_a_metrics_file_is_a_point_and_never_stands_for_a_metric(
    tmp_path: Path,
) -> None:
    from trueup.delivery.measuring_files import measured_in

    test, good = tables("binary", 0.1)
    test.write_parquet(tmp_path / "test.parquet")
    entry = EvaluateEntry(data="test.parquet", target="y", id="id")
    model = ModelEntry(path="m", task="binary", evaluate=entry)
    found = evaluation(tmp_path, model, str)
    rows = rows_of(found, {"candidate": predictions_of(found, good)})
    files = {"metrics.json": {"latency_ms.p99": 12, "roc_auc": 0.999, "fast": True}}
    known = Circumstances(measured=measured_in(files, "binary"))
    asked = (
        RuleEntry(metric="latency_ms.p99", at_most=20.0),
        RuleEntry(metric="roc_auc", at_least=0.99),
    )
    verdict = judge(rules_of(GateEntry(rules=asked)), compare(rows, known))
    point, area = verdict.findings
    assert (point.word, point.evidence, point.candidate) == ("pass", "point", 12.0)
    assert (area.word, area.evidence) == ("fail", "interval")
    compared = rules_of(
        GateEntry(rules=(RuleEntry(metric="latency_ms.p99", versus="champion", margin=1.0),))
    )
    with pytest.raises(Exception, match="one number of a metrics file"):
        judge(compared, compare(rows, known))
