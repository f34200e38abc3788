"""What a run and a gate promise: exit codes, environments, people, modes, and what is undone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.delivery.test_delivering import PROJECT, events, noise, said
from tests.project.projects import write
from trueup.delivery import installed

Acting: TypeAlias = Callable[[str], None]
BETTER, UNDECIDED, SPOILED = 0.1, 0.57, 0.95


def shop(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """Return a project with a first champion, its configuration changed in these words."""
    text = PROJECT["trueup.yaml"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    root = write(tmp_path / "shop", PROJECT | {"trueup.yaml": text})
    assert said(root, "run").exit_code == 0
    return root


def with_gate(line: str) -> tuple[str, str]:
    """Return the change that sets a key of the gate."""
    return "            gate:\n", f"            gate:\n              {line}\n"


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Acting:
    """Let another person commit and approve from now on."""

    def as_person(person: str) -> None:
        for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
            monkeypatch.setenv(name, person)

    return as_person


def reworded(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("amount", "mode", "code"),
    [
        (BETTER, "enforce", 0),
        (SPOILED, "enforce", 3),
        (UNDECIDED, "enforce", 4),
        (SPOILED, "warn", 0),
        (UNDECIDED, "warn", 0),
    ],
)
def test_run_and_gate_end_with_the_same_code(
    tmp_path: Path, amount: float, mode: str, code: int
) -> None:
    root = shop(tmp_path, with_gate(f"mode: {mode}"))
    assert noise(root, amount).exit_code == code
    assert said(root, "gate").exit_code == code


def test_a_candidate_that_cannot_be_judged_ends_with_2_and_names_the_problem(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path)
    reworded(root, "score.py", "id,score", "id,skore")
    result = said(root, "run", "--json", "--set", "train.noise=0.1")
    assert result.exit_code == 2
    assert "scores.csv" in result.stderr
    told = json.loads(result.stdout)["models"]
    assert told[0]["model"] == "shop/sale"
    assert "prediction" in told[0]["problem"]


def test_a_champion_that_moves_between_gate_and_promotion_ends_the_promotion_with_7(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path)
    reworded(root, "trueup.yaml", "task: binary", "task: binary\n    promote: manual")
    noise(root, 0.3)
    noise(root, BETTER)
    assert said(root, "promote", "sale/3").exit_code == 0
    late = said(root, "promote", "sale/2")
    assert late.exit_code == 7
    assert "trueup gate shop/sale/2 --env dev" in str(late.exception)
    judged = said(root, "gate", "sale/2")
    assert judged.exit_code in (0, 3, 4)
    assert said(root, "promote", "sale/2").exit_code == judged.exit_code


def test_under_person_an_approval_lets_the_next_run_promote(tmp_path: Path, acting: Acting) -> None:
    root = shop(tmp_path, with_gate("on_inconclusive: person"))
    acting("author@shop.example")
    open_ = noise(root, UNDECIDED)
    assert open_.exit_code == 4
    assert "shop/sale/2 not promoted: needs the approval of one more person" in open_.stdout
    acting("judge@shop.example")
    assert said(root, "approve", "sale/2").exit_code == 0
    promoted = said(root, "run")
    assert promoted.exit_code == 0
    assert "by an inconclusive verdict and approval, approved by judge" in promoted.stdout
    assert said(root, "run").exit_code == 0
    assert events(root)[-2:] == ["approved", "promoted"]


def test_what_stood_in_for_a_pass_is_shown_by_run_gate_and_report(tmp_path: Path) -> None:
    root = shop(tmp_path)
    noise(root, SPOILED)
    assert said(root, "promote", "sale/2", "--override").exit_code == 2
    assert said(root, "promote", "sale/2", "--override", "--why", "it burns").exit_code == 0
    for words in (("run",), ("gate",), ("report",), ("resolve", "sale")):
        assert "by override: it burns" in said(root, *words).output, words


def test_a_manual_promotion_is_named_and_left_to_a_person(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "trueup.yaml", "task: binary", "task: binary\n    promote: manual")
    result = noise(root, BETTER)
    assert result.exit_code == 0
    assert "promote is manual. Promote it with: trueup promote shop/sale/2" in result.stdout
    assert said(root, "resolve", "sale").stdout.startswith("shop/sale/1")
    assert said(root, "promote", "sale/2").exit_code == 0
    assert "shop/sale/2 is the champion" in said(root, "run").stdout


def test_a_run_does_not_bring_back_what_somebody_rolled_back(tmp_path: Path) -> None:
    root = shop(tmp_path)
    noise(root, BETTER)
    said(root, "rollback", "sale", "--why", "complaints")
    again = said(root, "run")
    assert again.exit_code == 0
    assert "not promoted: it was rolled back in dev (complaints)" in again.stdout
    assert said(root, "resolve", "sale").stdout.startswith("shop/sale/1")
    assert said(root, "promote", "sale/2").exit_code == 0
    assert "shop/sale/2 is the champion" in said(root, "run").stdout


def test_under_warn_a_refusal_is_said_to_be_one_that_would_be(tmp_path: Path) -> None:
    root = shop(tmp_path, with_gate("mode: warn"))
    assert "would be refused by the gate (mode: warn)" in noise(root, SPOILED).stdout
    assert said(root, "resolve", "sale").stdout.startswith("shop/sale/1")


def test_a_gate_that_is_off_judges_nothing_and_says_that_it_is_off(tmp_path: Path) -> None:
    root = shop(tmp_path, with_gate("mode: off"))
    assert "shop/sale/1: the gate is off" in said(root, "run").stdout
    for words in (("gate",), ("gate", "sale")):
        result = said(root, *words)
        assert result.exit_code == 2
        assert "the gate of sale is off" in str(result.exception)


def test_each_environment_has_its_champion_its_rules_and_its_approvals(
    tmp_path: Path, acting: Acting
) -> None:
    two = """
        environments:
          staging: {}
          prod: {approvals: 1, rules: [{metric: accuracy, at_least: 0.7}]}
        models:"""
    root = shop(tmp_path, ("\n        models:", two))
    acting("author@shop.example")
    noise(root, 0.3)
    unjudged = said(root, "promote", "sale/2", "--env", "prod")
    assert unjudged.exit_code == 4
    assert said(root, "gate", "sale/1", "--env", "prod").exit_code == 3  # accuracy is 0.68
    assert said(root, "gate", "sale/2", "--env", "prod").exit_code == 0
    assert said(root, "promote", "sale/2", "--env", "prod").exit_code == 4
    assert said(root, "approve", "sale/2", "--env", "prod").exit_code == 2  # of the author's own
    acting("judge@shop.example")
    assert said(root, "approve", "sale/2", "--env", "prod").exit_code == 0
    assert said(root, "promote", "sale/2", "--env", "prod").exit_code == 0
    assert noise(root, BETTER).exit_code == 0
    live = [
        said(root, "resolve", "sale", "--env", each).stdout[:11] for each in ("staging", "prod")
    ]
    assert live == ["shop/sale/3", "shop/sale/2"]


def test_a_model_that_is_a_version_already_is_called_by_it(tmp_path: Path) -> None:
    root = shop(tmp_path)
    noise(root, SPOILED)
    result = said(root, "gate", "sale", "--json")
    assert json.loads(result.stdout)["judgements"][0]["version"] == 2
    assert "unregistered" not in said(root, "gate").stdout


def test_a_point_that_was_measured_anew_is_judged_anew(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "score.py", "3.5", "99.0")
    assert noise(root, BETTER).exit_code == 3
    reworded(root, "score.py", "99.0", "4.0")
    again = said(root, "run")
    assert again.exit_code == 0
    assert "latency_ms is 4" in again.stdout
    assert "shop/sale/2 promoted" in again.stdout


def test_a_version_is_judged_by_the_points_that_it_was_registered_with(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "score.py", "3.5", "99.0")
    assert noise(root, BETTER).exit_code == 3
    reworded(root, "score.py", "99.0", "4.0")
    noise(root, 0.5)
    reworded(root, "trueup.yaml", "at_most: 20", "at_most: 30")
    assert "latency_ms is 99" in said(root, "gate", "sale/2").stdout


def test_a_point_that_nobody_measured_leaves_its_rule_open(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "trueup.yaml", "metric: latency_ms", "metric: memory_mb")
    result = noise(root, BETTER)
    assert result.exit_code == 4
    assert "memory_mb: nobody has measured it" in result.stdout


def test_a_metrics_file_edited_by_hand_is_no_evidence(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "score.py", "3.5", "99.0")
    noise(root, BETTER)
    (root / "metrics.json").write_text('{"latency_ms": 1.0}')
    result = said(root, "gate", "sale")
    assert result.exit_code == 2
    assert "metrics.json is not what trueup.lock says" in str(result.exception)


def test_rows_that_were_used_up_are_told_with_how_to_refresh_them(tmp_path: Path) -> None:
    root = shop(tmp_path, with_gate("reuse: 1"))
    result = noise(root, BETTER)
    assert result.exit_code == 4
    assert "the count begins again at 1" in result.stdout


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take away what judging needs, as in a base install."""
    return lambda: monkeypatch.setitem(installed._NEEDED, "no_such_package", "a library")


def test_without_the_extra_a_run_with_rules_says_what_to_install(
    tmp_path: Path, bare: Callable[[], None]
) -> None:
    root = shop(tmp_path)
    bare()
    assert "is the champion" in said(root, "run").stdout  # nothing needs to be judged
    for words in (("run", "--set", "train.noise=0.1"), ("gate", "sale")):
        result = said(root, *words)
        assert result.exit_code == 2
        assert "pip install 'trueup[gate]'" in f"{result.stderr} {result.exception}"
    assert events(root) == ["registered", "judged", "promoted"]


def test_without_the_extra_a_run_without_rules_ends_well_and_registers_nothing(
    tmp_path: Path, bare: Callable[[], None]
) -> None:
    bare()
    text = PROJECT["trueup.yaml"].partition("            gate:\n")[0]
    root = write(tmp_path / "shop", PROJECT | {"trueup.yaml": text})
    result = said(root, "run")
    assert result.exit_code == 0
    assert "shop/sale: no rule judges it" in result.stdout
    assert "not registered: models are judged with a library" in result.stdout
    assert said(root, "models").stdout.strip() == "no models"


def test_a_version_registered_by_hand_can_be_compared_as_one_of_a_run(tmp_path: Path) -> None:
    root = write(tmp_path / "shop", PROJECT)
    reworded(root, "trueup.yaml", "task: binary", "task: binary\n    promote: manual")
    said(root, "run", "train")
    assert said(root, "register", "sale").exit_code == 0
    said(root, "run")
    assert said(root, "promote", "sale/1").exit_code == 0
    assert "shop/sale/2 passed the gate" in noise(root, BETTER).stdout


def test_the_same_model_of_other_code_is_not_called_the_champion(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "trueup.yaml", "cat params.yaml train.csv", "cat  params.yaml train.csv")
    result = said(root, "run")
    assert "shop/sale/2 is the same model as shop/sale/1, the champion of dev" in result.stdout


def test_a_champion_shows_what_it_was_promoted_on_and_what_has_changed_since(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path)
    assert "judged when it was promoted\n" in said(root, "gate", "sale").stderr
    reworded(root, "trueup.yaml", "at_least: 0.7", "at_least: 0.9")
    result = said(root, "gate", "sale")
    assert "promoted; rules have changed since" in result.stderr


def test_a_verdict_that_was_damaged_is_given_again_and_none_is_believed(tmp_path: Path) -> None:
    root = shop(tmp_path)
    noise(root, SPOILED)
    for record in (root / ".trueup/store/verdicts/trusted").iterdir():
        record.chmod(0o644)
        record.write_text(record.read_text().replace('"fail"', '"pass"'))
    again = said(root, "run")
    assert again.exit_code == 3
    assert "as judged before" not in again.stdout
    assert said(root, "promote", "sale/2").exit_code == 3


def test_a_champion_whose_verdict_is_damaged_says_so(tmp_path: Path) -> None:
    root = shop(tmp_path)
    for record in (root / ".trueup/store/verdicts/trusted").iterdir():
        record.chmod(0o644)
        record.write_text("{")
    assert "is lost or damaged" in str(said(root, "gate", "sale").exception)


def test_predictions_that_equal_the_champions_are_no_change_whatever_is_said_of_doubt(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path, with_gate("on_inconclusive: promote"))
    reworded(root, "trueup.yaml", "cat params.yaml train.csv", "cat params.yaml train.csv split.py")
    result = said(root, "run")
    assert result.exit_code == 4
    assert "there is nothing to win" in result.stdout
    assert said(root, "promote", "sale/2").exit_code == 4
    assert said(root, "resolve", "sale").stdout.startswith("shop/sale/1")


def test_predictions_of_an_earlier_model_are_not_taken_and_their_stage_is_named(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path)
    reworded(root, "params.yaml", "noise: 0.5", "noise: 0.1")
    said(root, "run", "train")
    result = said(root, "gate", "sale")
    assert result.exit_code == 2
    assert "scores.csv was not made of this model" in str(result.exception)
    assert "trueup run score" in str(result.exception)


def test_an_objection_keeps_a_run_from_promoting_what_has_passed(tmp_path: Path) -> None:
    root = shop(tmp_path)
    reworded(root, "trueup.yaml", "task: binary", "task: binary\n    promote: manual")
    noise(root, BETTER)
    said(root, "reject", "sale/2", "--why", "unfair")
    reworded(root, "trueup.yaml", "promote: manual", "promote: on_pass")
    result = said(root, "run")
    assert result.exit_code == 4
    assert "rejected shop/sale/2 for dev: unfair" in result.stdout
    assert said(root, "approve", "sale/2").exit_code == 0
    assert said(root, "run").exit_code == 0


def test_the_slices_of_one_model_are_named_as_they_are_and_vanish_by_name(tmp_path: Path) -> None:
    by_slice = "- {metric: recall, each: shop, versus: champion, margin: 0.1}"
    first = "- {metric: roc_auc, at_least: 0.7}"
    root = shop(tmp_path, (first, f"{first}\n                {by_slice}"))
    reworded(root, "split.py", "'ab'[at % 2]", "('<b>&ü', 'b')[at % 2]")
    noise(root, 0.4)  # the champion cannot be asked on other rows: nothing is promoted
    assert said(root, "promote", "sale/2", "--override", "--why", "new rows").exit_code == 0
    assert noise(root, BETTER).exit_code == 0
    page = root / "page.html"
    said(root, "report", "sale", "--html", str(page))
    assert "&lt;b&gt;&amp;ü" in page.read_text(encoding="utf-8")
    reworded(root, "split.py", "('<b>&ü', 'b')[at % 2]", "'b'")
    gone = noise(root, 0.05)
    assert gone.exit_code == 4
    assert "were there before have no row now: <b>&ü" in gone.stdout
