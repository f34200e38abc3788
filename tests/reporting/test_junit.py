"""JUnit files that every reader counts alike."""

from xml.etree import ElementTree

from hypothesis import given

from tests.reporting.hostile import TEXT
from trueup.reporting.blocks import Check, Report, Text, Verdict
from trueup.reporting.junit import render_junit
from trueup.reporting.wording import visible

CHECKS = (
    Check("auc", "pass", "0.8 reaches 0.7"),
    Check("loss", "fail", "worse"),
    Check("f1", "inconclusive", "cannot be decided"),
    Check("mcc", "inconclusive", "cannot be decided", tolerated=True),
    Check("carrier=OO", "not judged", "too few rows"),
)


def parsed(report: Report) -> ElementTree.Element:
    """Return the file's root, checked by what the common schemas of JUnit ask for."""
    root = ElementTree.fromstring(render_junit(report))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)
        found = {"tests": len(suite), "failures": 0, "errors": 0, "skipped": 0}
        for case in suite:
            assert case.tag == "testcase"
            assert {"name", "classname", "time"} == set(case.attrib)
            assert len(case) <= 1
            for kind in case:
                assert kind.tag in ("failure", "skipped", "system-out")
                assert kind.tag == "system-out" or "message" in kind.attrib
                assert kind.tag != "failure" or kind.get("type")
                found["failures"] += kind.tag == "failure"
                found["skipped"] += kind.tag == "skipped"
        assert {key: int(suite.attrib[key]) for key in found} == found
        assert len({case.get("name") for case in suite}) == len(suite)
        for key in totals:
            totals[key] += found[key]
    assert {key: int(root.attrib[key]) for key in totals} == totals
    return root


def kinds(root: ElementTree.Element) -> dict[str | None, str]:
    return {
        case.get("name"): next((f"{kind.tag} {kind.get('type', '')}" for kind in case), "").strip()
        for case in root[0]
    }


def test_each_check_is_a_case() -> None:
    root = parsed(Report("Gate", (Text("x"), Verdict("late", "fail", (), CHECKS))))
    assert kinds(root) == {
        "auc": "system-out",
        "loss": "failure fail",
        "f1": "failure inconclusive",
        "mcc": "skipped",
        "carrier=OO": "skipped",
    }
    (failure,) = root[0][1]
    assert failure.get("message") == failure.text == "worse"


def test_each_verdict_is_a_suite() -> None:
    two = (Verdict("a", "pass", (), CHECKS[:1]), Verdict("b", "fail", (), CHECKS))
    assert [suite.get("name") for suite in parsed(Report("", two))] == ["a", "b"]


def test_a_verdict_that_is_no_pass_is_never_a_file_without_failures() -> None:
    root = parsed(Report("", (Verdict("late", "inconclusive", ("no change",), CHECKS[:1]),)))
    assert kinds(root)["verdict"] == "failure inconclusive"
    assert parsed(Report("", (Verdict("late", "fail"),))).get("failures") == "1"


def test_cases_of_the_same_name_are_told_apart() -> None:
    twice = Verdict("late", "pass", (), (Check("auc", "pass"), Check("auc", "pass")))
    assert list(kinds(parsed(Report("", (twice,))))) == ["auc", "auc (2)"]


@given(TEXT, TEXT)
def test_any_name_and_sentence_makes_a_file_that_can_be_read(name: str, says: str) -> None:
    report = Report(name, (Verdict(name, "fail", (says,), (Check(name, "fail", says),)),))
    case = parsed(report)[0][0]
    assert case.get("name") == visible(name)
    assert case[0].text == (visible(says, lines=True) or None)
