"""One project, checked: what it came to, why, on which line, and what differs from the base."""

from pathlib import Path

import pytest

from tests.ci.projects import FILES, checked, commit, git, line_of, noise, shop
from trueup.ci.results.result import Place
from trueup.reporting.blocks import Table
from trueup.reporting.markdown import render_markdown

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return shop(tmp_path / "shop")


def test_the_first_model_is_promoted_and_the_same_again_is_its_champion(project: Path) -> None:
    first, again = checked(project), checked(project)
    assert (first.word, first.exit_code, first.judged[0].version) == ("pass", 0, 1)
    assert first.run
    assert (again.word, again.exit_code, again.problems) == ("pass", 0, ())
    assert first.metrics["latency_ms"] == 3.5


def test_a_worse_model_fails_on_the_lines_of_its_rules(project: Path) -> None:
    checked(project)
    base = commit(project)
    noise(project, 1)
    found = checked(project, base=base)
    assert (found.word, found.exit_code, found.base) == ("fail", 3, base)
    lines = {one.place.line for one in found.problems if one.place and one.level == "error"}
    assert line_of(project, "at_least: 0.7") in lines
    assert line_of(project, "versus: champion") in lines
    assert all(one.place and one.place.file == "trueup.yaml" for one in found.problems)
    titles = [block.title for block in found.report.blocks if isinstance(block, Table)]
    assert any("Data and outputs that differ" in title for title in titles)
    rules = next(one for one in found.report.blocks if _titled(one, "Rules and slices against"))
    assert isinstance(rules, Table)
    assert {(row[0], row[1]) for row in rules.rows} >= {("roc_auc", None), ("recall", "shop=a")}
    text = render_markdown(found.report)
    assert "train.noise" in text
    assert "champion shop/sale/1" in text


def _titled(block: object, title: str) -> bool:
    return isinstance(block, Table) and block.title.startswith(title)


def test_a_pull_requests_scope_registers_nothing(project: Path) -> None:
    found = checked(project, scope="pr/3")
    assert found.exit_code == 0
    assert found.judged[0].version is None
    assert not (project / ".trueup/store/models").exists()
    assert (project / ".trueup/store/verdicts/pr/3").is_dir()


def test_without_a_bucket_only_what_needs_no_champion_is_decided(project: Path) -> None:
    checked(project)
    found = checked(project, scope="pr/3", has_bucket=False)
    assert (found.word, found.exit_code) == ("inconclusive", 0)
    assert [one.level for one in found.problems] == ["notice"]
    assert "without the bucket" in render_markdown(found.report)
    assert "no bucket" in render_markdown(found.report)
    noise(project, 1)
    worse = checked(project, scope="pr/3", has_bucket=False)
    assert (worse.word, worse.exit_code) == ("fail", 3)


def test_a_stage_that_fails_is_told_with_its_line_and_its_last_words(project: Path) -> None:
    (project / "score.py").write_text("raise SystemExit('no score today')\n")
    found = checked(project)
    assert (found.word, found.exit_code) == ("stage_failed", 6)
    (problem,) = found.problems
    assert problem.place == Place("trueup.yaml", line_of(project, "score: {cmd"))
    assert "no score today" in problem.says


def test_every_mistake_has_its_line_as_the_repository_names_it(tmp_path: Path) -> None:
    root = shop(tmp_path / "all", **{f"models/shop/{name}": text for name, text in FILES.items()})
    inner = root / "models/shop"
    file = inner / "trueup.yaml"
    file.write_text(
        file.read_text().replace("roc_auc, at", "roc_auk, at").replace(", margin: 0.03", "")
    )
    found = checked(inner)
    assert (found.word, found.exit_code, found.folder) == ("refused", 2, "models/shop")
    assert {one.place for one in found.problems} == {
        Place("models/shop/trueup.yaml", line_of(inner, "at_least: 0.7")),
        Place("models/shop/trueup.yaml", line_of(inner, "versus: champion")),
    }


def test_a_base_that_has_no_project_is_said_and_stops_nothing(project: Path) -> None:
    git(project, "checkout", "-q", "--orphan", "empty")
    git(project, "rm", "-rqf", "--cached", ".")
    git(project, "commit", "-qm", "nothing", "--allow-empty")
    base = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "-qf", "main")
    assert checked(project, base=base).exit_code == 0
