"""A challenger judged by its trial: live rows that it and the champion have both answered."""

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.live_traffic import (
    MODEL,
    NOON,
    answered,
    bring,
    challenger,
    configure,
    digest_of,
    shadowed,
    traffic,
    truths,
    with_champion,
)
from tests.delivery.test_delivering import PROJECT, events, said
from tests.project.projects import opened, write
from trueup import clock
from trueup.captures import trials
from trueup.captures.records import Captured, Labelled

pytest.importorskip("polars", minversion="1.31")  # what reads captures

RULES = """- {metric: latency_ms, at_most: 20, evidence: point}
        - {metric: recall, each: shop, versus: champion, margin: 0.03}"""
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


def test_the_same_labelled_rows_again_are_the_same_verdict_and_spend_nothing(shop: Path) -> None:
    challenger(shop)
    rows = traffic(1000, GOOD)
    shadowed(shop, rows.part(0, 600))
    first = judged(shop)[1]
    late = rows.part(600, 1000)
    bring(shop, [answered(late, 1, "champion"), answered(late, 2, "shadow")])
    again = judged(shop)[1]
    assert (first["again"], again["again"]) == (False, True)
    assert again["verdict"] == first["verdict"]
    bring(shop, [truths(late.ids, late.truth)])
    grown = judged(shop)[1]["verdict"]
    assert (grown["spending"]["use"], grown["rows"]) == (2, 1000)
    assert grown["alpha"] == pytest.approx(first["verdict"]["alpha"] / 4)
    assert judged(shop, "--until", "2026-11-23T18:00")[1]["verdict"]["spending"]["use"] == 3


def test_another_challenger_spends_of_its_own_only_on_rows_of_another_time(shop: Path) -> None:
    challenger(shop)
    challenger(shop, letter="e")
    knows = {1: 0.5, 2: 0.6, 3: 0.6}
    shadowed(shop, traffic(500, knows))
    same_time = traffic(500, knows, seed=2, prefix="q")
    shadowed(shop, same_time, (1, 3))
    later = traffic(500, knows, seed=3, prefix="r")
    shadowed(shop, later, (1, 3), begin=NOON + timedelta(days=9))
    assert judged(shop)[1]["verdict"]["spending"]["use"] == 1
    new = judged(shop, "--since", "2026-12-01", name="sale/3")[1]["verdict"]
    assert (new["spending"]["use"], new["rows"]) == (1, 500)
    both = judged(shop, name="sale/3")[1]["verdict"]
    assert (both["spending"]["use"], both["rows"]) == (3, 1000)


def test_rows_that_a_version_has_seen_and_rows_without_a_label_are_left_out(shop: Path) -> None:
    challenger(shop)
    shadowed(shop, traffic(800, GOOD))
    shadowed(shop, traffic(300, GOOD, seed=2, prefix="train"))
    open_ones = traffic(100, GOOD, seed=3, prefix="open")
    bring(shop, [answered(open_ones, 1, "champion"), answered(open_ones, 2, "shadow")])
    alone = traffic(200, GOOD, seed=4, prefix="alone")
    bring(shop, [answered(alone, 2, "challenger"), truths(alone.ids, alone.truth)])
    verdict = judged(shop)[1]["verdict"]
    left = verdict["left_out"]
    assert (verdict["rows"], left["seen"], left["unlabelled"]) == (800, 300, 100)
    assert "1200 rows answered by both, 1100 of them (92%) with a label" in verdict["notes"][0]


def test_a_version_whose_training_rows_are_not_known_passes_no_comparison(shop: Path) -> None:
    challenger(shop, without=("seen",))
    shadowed(shop, traffic(800, GOOD))
    code, found = judged(shop)
    assert code == 4
    assert {one["reason"] for one in found["verdict"]["findings"]} == {"shown", "seen_unknown"}
    assert "version 2 was registered without what it has seen" in found["verdict"]["notes"]


def test_days_and_groups_are_blocks_where_evaluate_declares_them(shop: Path) -> None:
    challenger(shop)
    shadowed(shop, traffic(2000, GOOD), days=30)
    assert judged(shop)[1]["verdict"]["blocks"] == "rows"
    configure(shop, "id: id,", "id: id, time: sold_at,")
    verdict = judged(shop)[1]["verdict"]
    assert (verdict["blocks"], verdict["findings"][0]["blocks"]) == ("time", 31)
    configure(shop, "time: sold_at,", "group: shop,")
    verdict = judged(shop)[1]["verdict"]
    assert (verdict["blocks"], verdict["findings"][0]["reason"]) == ("group", "few_groups")


def test_what_captures_do_not_have_leaves_the_rules_open_that_need_it(shop: Path) -> None:
    challenger(shop, without=("points",))
    configure(shop, "- {metric: roc_auc, at_least: 0.7}", RULES)
    configure(shop, "task: binary", "task: binary\n    serve: {capture: {redact: [shop]}}")
    shadowed(shop, traffic(2000, GOOD), redact=("shop",))
    code, found = judged(shop)
    findings = {one["metric"]: one for one in found["verdict"]["findings"]}
    assert code == 4
    assert findings["recall"]["says"] == (
        "recall for each shop: captures do not have shop, which serve.capture.redact hides"
    )
    assert findings["latency_ms"]["reason"] == "not_measured"
    assert findings["roc_auc"]["word"] == "pass"
    configure(shop, "id: id,", "id: id, group: shop,")
    found = judged(shop)[1]
    reasons = {one["metric"]: one["reason"] for one in found["verdict"]["findings"]}
    assert reasons == {"recall": "rows_lack", "roc_auc": "rows_lack", "latency_ms": "not_measured"}
    assert "rows that share it depend on each other" in str(found["verdict"]["reasons"])


def test_a_latency_that_was_registered_with_the_version_counts(shop: Path) -> None:
    challenger(shop, points={"latency_ms": 30.0})
    configure(shop, "- {metric: roc_auc, at_least: 0.7}", RULES)
    shadowed(shop, traffic(2000, GOOD))
    code, found = judged(shop)
    assert code == 3
    assert "latency_ms is 30" in found["verdict"]["reasons"][0]


def test_where_labels_depend_on_the_answer_only_explored_rows_are_judged(shop: Path) -> None:
    challenger(shop)
    monitor = "monitor: {performance: {labels: {observed_if: prediction}}}"
    configure(shop, "task: binary", f"task: binary\n    {monitor}")
    shadowed(shop, traffic(500, GOOD))
    code, found = judged(shop)
    assert (code, found["verdict"]["reasons"]) == (
        4,
        ["of 0 explored rows that both have answered none has a label yet"],
    )
    for share, seed in ((0.1, 2), (0.2, 3)):
        some = traffic(400, GOOD, seed=seed, prefix=f"x{seed}")
        batches: list[Captured | Labelled] = [
            answered(some, 1, "explore", propensity=share),
            answered(some, 2, "shadow", propensity=share),
            truths(some.ids, some.truth),
        ]
        bring(shop, batches)
    code, found = judged(shop)
    verdict = found["verdict"]
    assert (code, verdict["rows"]) == (0, 800)
    assert "500 others are left out" in verdict["notes"][1]
    assert verdict["notes"][2] == "They were chosen at 10.00% to 20.00%; each counts once."


def test_rows_wait_until_their_labels_are_mature(shop: Path) -> None:
    challenger(shop)
    monitor = "monitor: {performance: {labels: {mature_after: 2d}}}"
    configure(shop, "task: binary", f"task: binary\n    {monitor}")
    now = clock.now()
    shadowed(shop, traffic(500, GOOD), begin=now - timedelta(days=1))
    assert judged(shop)[0] == 4
    old = traffic(700, GOOD, seed=2, prefix="old")
    shadowed(shop, old, begin=now - timedelta(days=4))
    code, found = judged(shop)
    assert (code, found["verdict"]["rows"]) == (0, 700)
    assert "wait until their labels are mature" in found["verdict"]["notes"][1]


def test_a_challenger_that_is_worse_is_refused_and_stays_so(shop: Path) -> None:
    challenger(shop)
    shadowed(shop, traffic(2000, {1: 0.6, 2: 0.1}))
    code, found = judged(shop)
    assert (code, found["verdict"]["word"]) == (3, "fail")
    assert said(shop, "promote", "sale/2").exit_code == 3
    shown = said(shop, "models", "sale").stdout
    assert "refused" in shown


def test_a_version_that_answers_what_the_champion_answers_is_no_change(shop: Path) -> None:
    challenger(shop)
    rows = traffic(500, GOOD)
    rows.scores[2] = rows.scores[1]
    shadowed(shop, rows)
    code, found = judged(shop)
    assert (code, found["verdict"]["no_change"]) == (4, True)
    assert said(shop, "promote", "sale/2").exit_code == 4


def test_without_rows_or_labels_nothing_is_said_recorded_or_spent(shop: Path) -> None:
    challenger(shop)
    before = events(shop)
    code, found = judged(shop)
    assert code == 4
    assert found["verdict"]["reasons"] == ["no row was answered by both version 1 and version 2"]
    rows = traffic(300, GOOD)
    bring(shop, [answered(rows, 1, "champion"), answered(rows, 2, "shadow")])
    code, found = judged(shop)
    assert (code, found["verdict"]["rows"]) == (4, 0)
    assert "of 300 rows that both have answered none has a label yet" in found["verdict"]["reasons"]
    assert events(shop) == before
    bring(shop, [truths(rows.ids, rows.truth)])
    assert judged(shop)[1]["verdict"]["spending"]["use"] == 1


def test_history_report_and_models_say_that_a_verdict_was_given_on_a_trial(shop: Path) -> None:
    challenger(shop)
    said(shop, "alias", "sale/2", "challenger")
    shadowed(shop, traffic(2000, GOOD))
    shown = said(shop, "gate", "--trial")
    assert shown.exit_code == 0
    assert "Judged on its trial: rows of live traffic that both have answered." in shown.stdout
    assert "look 1 of 20" in shown.stdout
    assert said(shop, "promote", "sale/2").exit_code == 0
    told = said(shop, "history", "sale").stdout
    assert "judged for dev on its trial: pass" in told
    assert "version 2 promoted in dev by a passing verdict on its trial" in told
    assert "judged for dev: pass" in told
    assert "Judged on its trial" in said(shop, "report", "sale/2").stdout
    assert "Judged on its trial" not in said(shop, "report", "sale/1").stdout
    assert "trial" in said(shop, "models", "sale/2").stdout
    live = said(shop, "gate", "sale/2", "--trial")
    assert "is the champion: so it was judged when it was promoted" in live.stderr


def test_a_record_of_the_trial_is_kept_and_looks_without_a_verdict_are_told(shop: Path) -> None:
    challenger(shop)
    shadowed(shop, traffic(400, GOOD))
    said(shop, "captures", "trial", "sale/2")
    verdict = judged(shop)[1]["verdict"]
    assert "trial record 2" in verdict["notes"][0]
    assert "looked at once before with trueup captures trial" in verdict["notes"][1]
    with closing(opened(shop)) as workspace:
        kept = trials.latest(workspace.bucket, MODEL, *(digest_of(shop, k) for k in (1, 2)))
    assert kept is not None
    assert (kept.number, kept.trial.judged, kept.trial.labelled) == (2, True, 400)


def test_what_cannot_be_tried_is_said_with_what_to_do(shop: Path) -> None:
    nobody = said(shop, "gate", "--trial")
    assert nobody.exit_code == 2
    assert "no model has a challenger in dev" in str(nobody.exception)
    assert said(shop, "gate", "sale", "--trial").exit_code == 2
    bare = said(shop, "gate", "sale", "--since", "2d")
    assert "Add --trial" in str(bare.exception)


def test_without_a_champion_there_is_no_trial(tmp_path: Path) -> None:
    root = write(tmp_path / "project", PROJECT)
    configure(root, "path: model.txt", "path: model.txt\n    promote: manual")
    said(root, "run")
    result = said(root, "gate", "sale/1", "--trial")
    assert result.exit_code == 2
    assert "has no champion in dev" in str(result.exception)


def test_a_trial_by_other_rules_promotes_nothing(shop: Path) -> None:
    challenger(shop, refit=True)
    shadowed(shop, traffic(500, GOOD))
    assert judged(shop)[0] == 0
    configure(shop, "at_least: 0.7", "at_least: 0.72")
    refused = said(shop, "promote", "sale/2")
    assert refused.exit_code == 4
    assert "is by other rules than those of now" in refused.stderr
    assert "trueup gate shop/sale/2 --trial" in refused.stderr
