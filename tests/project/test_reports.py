"""trueup report finds the last verdict again and writes it in every form."""

import json
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from tests.project.projects import opened, ran, write
from tests.registry.events import AT, CI
from tests.registry.test_commands import PROJECT, call, out
from trueup.errors import WrongUsage
from trueup.gate.spending import Spending
from trueup.gate.verdict import Finding, Interval, LeftOut, Verdict, Word, sealed
from trueup.project.promoting import terms_of
from trueup.project.registering import register, registry_of
from trueup.project.reports import NoVerdict, given, write_reports
from trueup.registry.evidence import JudgedFor, evidence_of, record_of
from trueup.registry.records import Judged
from trueup.registry.verdicts import keep_verdict
from trueup.reporting.blocks import Report


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write(tmp_path / "project", PROJECT)
    ran(root)
    return root


def verdict(root: Path, word: Word = "pass", **changes: object) -> Verdict:
    """Return a verdict on the project's registered model."""
    with closing(opened(root)) as workspace:
        found, terms = register(workspace, "late"), terms_of(workspace, "late", "staging")
    finding = Finding(
        rule=0,
        metric="roc_auc",
        question="at_least",
        word=word,
        reason="shown",
        says=f"roc_auc <b>{word}</b>",
        limit=0.7,
        estimate=0.75,
        interval=Interval(0.72, 0.78, 0.9),
        on_inconclusive="block",
    )
    made = Verdict(
        word=word,
        reasons=(finding.says,),
        findings=(finding,),
        confidence=0.95,
        alpha=0.03,
        spending=Spending(),
        rows=100,
        blocks="rows",
        left_out=LeftOut(),
        seed=1,
        resamples=2000,
        digests={
            "model": found.version.model.digest,
            "rules": terms.rules,
            "data": terms.data,
            "code": found.version.code,
        },
    )
    return sealed(msgspec.structs.replace(made, **changes))


def recorded(root: Path, made: Verdict) -> Verdict:
    with closing(opened(root)) as workspace:
        event = Judged(at=AT, by=CI, evidence=evidence_of(made, JudgedFor("staging")))
        registry_of(workspace).judge("flights/late", event, record_of(made))
    return made


def test_the_last_verdict_on_a_model_is_shown_again(project: Path) -> None:
    recorded(project, verdict(project, "fail"))
    recorded(project, verdict(project, "inconclusive"))
    for words in ([], ["late"], ["late/1"]):
        shown = out(project, "report", *words)
        assert "flights/late/1, for staging: inconclusive" in shown
        assert "not decided: roc_auc" in shown
        assert "≥ 0.7" in shown


def test_an_earlier_verdict_is_found_by_its_digest(project: Path) -> None:
    first = recorded(project, verdict(project, "fail"))
    recorded(project, verdict(project))
    shown = out(project, "report", first.digest[:10])
    assert "refused: roc_auc" in shown


def test_it_is_written_as_a_page_as_junit_and_as_markdown(project: Path, tmp_path: Path) -> None:
    recorded(project, verdict(project, "fail"))
    page, suite, note = (tmp_path / "new" / name for name in ("g.html", "g.xml", "g.md"))
    done = out(
        project, "report", "--html", str(page), "--junit", str(suite), "--markdown", str(note)
    )
    assert done == ""
    assert "refused: roc_auc &lt;b&gt;fail&lt;/b&gt;" in page.read_text()
    root = ElementTree.fromstring(suite.read_bytes())  # noqa: S314 - our own
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    assert "&lt;b&gt;" in note.read_text()
    assert "## Gate" in out(project, "report", "--md")


def test_json_holds_the_record_itself(project: Path) -> None:
    made = recorded(project, verdict(project))
    (found,) = json.loads(out(project, "report", "--json"))["verdicts"]
    assert found["verdict"]["digest"] == made.digest
    assert found["version"] == 1
    assert msgspec.convert(found["verdict"], Verdict) == made


def test_what_was_never_judged_is_said_with_what_to_do(project: Path) -> None:
    for words in ([], ["late"], ["0123456789abcdef"]):
        done = call(project, "report", *words)
        assert done.exit_code == 2
        assert "trueup gate" in done.stderr


def test_a_scope_without_trust_shows_its_own_newest_verdict(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(project, verdict(project))
    mine = verdict(project, "fail")
    with closing(opened(project)) as workspace:
        keep_verdict(workspace.bucket, "pr/7", record_of(mine))
    assert "pass" in out(project, "report", "late")
    monkeypatch.setenv("TRUEUP_SCOPE", "pr/7")
    assert "refused: roc_auc" in out(project, "report", "late")
    assert "refused: roc_auc" in out(project, "report", mine.digest)


def test_an_unknown_model_and_a_path_that_cannot_be_written_are_named(
    project: Path, tmp_path: Path
) -> None:
    with closing(opened(project)) as workspace, pytest.raises(NoVerdict):
        given(workspace, "early")
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="file"):
        write_reports(Report(""), html=tmp_path / "file" / "page.html")
    assert issubclass(NoVerdict, WrongUsage)
