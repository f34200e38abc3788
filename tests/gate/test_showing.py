"""A verdict is shown so that a person sees first what follows from it, and why."""

from typing import Any

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged
from trueup.gate.showing import verdict_report
from trueup.gate.verdict import Verdict
from trueup.reporting.blocks import Chart, Report, Table
from trueup.reporting.blocks import Verdict as VerdictBlock
from trueup.reporting.html import render_html
from trueup.reporting.junit import render_junit
from trueup.reporting.layout import width
from trueup.reporting.markdown import render_markdown
from trueup.reporting.terminal import render_text

DIGESTS = {"model": "a" * 64, "champion": "c" * 64, "data": "d" * 64}
NAMES = {"c" * 64: "flights/late/3"}


def shown(*entries: Any, columns: dict[str, Any] | None = None, **known: Any) -> Report:
    made = judged(columns or binary(900), *entries, digests=DIGESTS, **known)
    return verdict_report(made, "flights/late", NAMES)


def text(report: Report) -> str:
    return " ".join(render_text(report, room=80).split())


def verdict_of(report: Report) -> VerdictBlock:
    (block,) = (block for block in report.blocks if isinstance(block, VerdictBlock))
    return block


def sliced(count: int = 6000, worse: float = 0.6) -> dict[str, Any]:
    columns = binary(count, worse=worse)
    columns["slices"] = {
        "carrier": np.array([f"C{n % 7}" for n in range(count - 56)] + ["odd", "rare"] * 28)
    }
    return columns


def test_a_refusal_comes_first_and_says_what_is_worse_by_how_much() -> None:
    report = shown(entry("log_loss", versus="champion", margin=0.005), columns=binary(worse=1.5))
    first = verdict_of(report).reasons[0]
    assert first.startswith("refused: log_loss is 0.")
    assert "worse than the champion's 0." in first
    assert "% interval" in first
    assert first.endswith("shown to be more than 0.005 worse, which is not allowed")


def test_what_is_not_decided_names_the_rows_that_would_decide() -> None:
    report = shown(entry("accuracy", versus="champion", margin=0.001))
    assert "not decided: accuracy" in text(report)
    assert "rows would, there are 900" in text(report)


@pytest.mark.parametrize(
    ("then", "says"),
    [("person", "a person may approve it"), ("promote", "may be promoted all the same")],
)
def test_what_may_happen_to_an_undecided_candidate_is_said(then: str, says: str) -> None:
    asked = entry("accuracy", versus="champion", margin=0.001, on_inconclusive=then)
    assert says in text(shown(asked))


def test_a_gate_that_only_warns_says_that_it_would_have_refused() -> None:
    report = shown(entry("roc_auc", at_least=0.99), gate={"mode": "warn"})
    assert "would be refused (mode: warn): roc_auc is 0." in text(report)


def test_no_change_is_said_once_however_many_rules_ask() -> None:
    columns = binary(900)
    asked = [entry(name, versus="champion", margin=0.1) for name in ("accuracy", "f1", "recall")]
    report = shown(*asked, columns={**columns, "champion": columns["candidate"]})
    (reason,) = verdict_of(report).reasons
    assert reason.startswith("no change")


def test_the_champion_is_named_and_how_its_predictions_were_come_by() -> None:
    report = shown(
        entry("accuracy", versus="champion", margin=0.1), had={"champion": "by its ONNX form"}
    )
    said = "Versus champion flights/late/3 (cccccccccccc); its predictions: by its ONNX form."
    assert said in text(report)


def test_everything_fits_eighty_columns() -> None:
    report = shown(
        entry("expected_calibration_error", versus="champion", margin=0.005),
        entry("matthews_corrcoef", each="carrier", versus="champion", margin=0.05),
        columns={**sliced(), "anchor": binary(6000)["champion"]},
        seen_known=False,
    )
    for line in render_text(report, room=80).splitlines():
        assert width(line) <= 80, line


def test_slices_come_with_the_most_harmed_first_and_small_ones_are_named() -> None:
    report = shown(
        entry("log_loss", each="carrier", versus="champion", margin=0.5), columns=sliced()
    )
    (table,) = (b for b in report.blocks if isinstance(b, Table) and "carrier" in b.title)
    estimates = [float(str(row[2])) for row in table.rows]
    assert estimates == sorted(estimates)
    assert "Not judged alone, but together as (rest) (too few rows): odd, rare." in text(report)
    (chart,) = (b for b in report.blocks if isinstance(b, Chart) and "carrier" in b.title)
    names = [value["name"] for value in chart.spec["data"]["values"]]
    assert [f"carrier={name}" for name in names] == [row[0] for row in table.rows]


def test_a_page_has_the_curves_and_a_terminal_does_not() -> None:
    report = shown(entry("recall@0.3", at_least=0.1))
    titles = {block.title for block in report.blocks if isinstance(block, Chart)}
    assert {"ROC curve", "Precision and recall"} <= titles
    assert "Confusion of the champion at 0.3: truth down, decision across" in titles
    for render in (render_text, render_markdown):
        assert "ROC curve" not in render(report)
    assert "ROC curve" in render_html(report)


def test_seed_resamples_digests_blocks_and_left_out_rows_are_shown() -> None:
    columns = binary(6000)
    columns["time"] = np.repeat(np.arange(100), 60) * 86_400.0
    columns["seen"] = np.arange(6000) < 9
    report = shown(entry("roc_auc", at_least=0.5), columns=columns, seed=77, use=2)
    said = text(report)
    for part in (
        "5991 rows, resampled by blocks of time",
        "design effect up to",
        "candidate 2 of 20 on them",
        "9 rows that a model was trained on are left out.",
        "Seed 77, 2000 resamples, verdict ",
    ):
        assert part in said
    assert "d" * 64 in render_html(report)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_drawn_too(task: Any) -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 600) if task == "multiclass" else rng.normal(size=600)
    noise = rng.normal(size=600)
    predicted = truth if task == "multiclass" else truth + noise
    metric = "accuracy" if task == "multiclass" else "mae"
    made: Verdict = judged(
        {"truth": truth, "candidate": predicted}, entry(metric, at_most=2), task=task
    )
    titles = [b.title for b in verdict_report(made, "m").blocks if isinstance(b, Chart)]
    wanted = "Confusion of the candidate" if task == "multiclass" else "Predicted and true"
    assert any(title.startswith(wanted) for title in titles)


def test_junit_has_a_case_for_each_rule_slice_and_trap() -> None:
    columns = sliced()
    columns["candidate"] = np.full(6000, 0.5)
    report = shown(
        entry("roc_auc", at_least=0.7),
        entry("log_loss", each="carrier", versus="champion", margin=0.5),
        columns=columns,
    )
    names = {check.name for check in verdict_of(report).checks}
    assert "roc_auc, at least 0.7" in names
    assert "log_loss of carrier=C0, at most 0.5 worse" in names
    assert "trap: constant predictions" in names
    assert render_junit(report).count("<testcase ") == len(verdict_of(report).checks)
