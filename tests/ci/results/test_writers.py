"""What each writer writes is read back with a reader of its format, whatever names there are."""

import json
import math
import re

from hypothesis import given
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.ci.results.scenes import anything, refused
from trueup.ci.results.annotations import annotations
from trueup.ci.results.code_quality import code_quality
from trueup.ci.results.comment import comment
from trueup.ci.results.metrics_report import metrics_report
from trueup.ci.results.outputs import outputs, render_dotenv, render_outputs
from trueup.ci.results.result import Result
from trueup.ci.results.sarif import sarif
from trueup.ci.results.summary import MOST_BYTES, summary
from trueup.forges.fitting import GITHUB_MOST, fitted, length

COMMAND = re.compile(r"::(?P<type>\w+) (?P<properties>[^:]*)::(?P<text>.*)")


def outputs_read(text: str) -> dict[str, str]:
    """Read the file GITHUB_OUTPUT as GitHub's runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        heredoc, plain = line.find("<<"), line.find("=")
        if plain >= 0 and (heredoc < 0 or plain < heredoc):
            found[line[:plain]] = line[plain + 1 :]
            continue
        name, end = line[:heredoc], line[heredoc + 2 :]
        value = []
        while (each := next(lines)) != end:
            value.append(each)
        found[name] = "\n".join(value)
    return found


@given(anything())
def test_outputs_are_read_as_they_were_meant(result: Result) -> None:
    named = outputs([result])
    assert outputs_read(render_outputs(named)) == named
    assert json.loads(named["models"])[0]["model"] == result.judged[0].model
    lines = render_dotenv(named).split("\n")[:-1]
    assert all(re.match(r"TRUEUP_[A-Z_]+=", line) for line in lines)


@given(anything())
def test_an_annotation_is_one_command_whatever_is_in_it(result: Result) -> None:
    (line,) = annotations([result]).splitlines()
    found = COMMAND.fullmatch(line)
    assert found
    assert found["type"] == "error"
    properties = dict(one.split("=", 1) for one in found["properties"].split(","))
    place = result.problems[0].place
    assert properties.keys() == ({"file", "line", "title"} if place else {"title"})


def test_of_more_than_ten_annotations_the_last_counts_the_rest() -> None:
    lines = annotations([refused(30)]).splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("::error file=trueup.yaml,line=12,title=late%3A recall of")
    assert lines[-1].endswith("::and 21 more, which are in the summary of this job")


@given(anything())
def test_sarif_and_code_quality_are_one_json_value_with_what_readers_need(result: Result) -> None:
    (run,) = json.loads(sarif([result]))["runs"]
    (found,) = run["results"]
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"]
    where = found["locations"][0]["physicalLocation"]
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]*", where["artifactLocation"]["uri"])
    assert where["region"]["startLine"] >= 1
    (issue,) = json.loads(code_quality([result]))
    assert issue["fingerprint"] == result.problems[0].fingerprint
    assert issue["severity"] == "critical"
    assert issue["location"]["lines"]["begin"] == where["region"]["startLine"]


def test_a_fingerprint_outlives_the_line_that_it_is_about() -> None:
    first, second = (json.loads(code_quality([refused(2)]))[nth]["fingerprint"] for nth in range(2))
    assert first != second
    moved = refused(1).problems[0]
    assert moved.fingerprint == first


@given(anything())
def test_the_metrics_report_is_openmetrics(result: Result) -> None:
    (family,) = text_string_to_metric_families(metrics_report([result]))  # type: ignore[no-untyped-call] # the library has none
    ((_, value),) = ((sample.labels, sample.value) for sample in family.samples)
    (meant,) = result.metrics.values()
    assert value == meant or (math.isnan(value) and math.isnan(meant))


@given(anything())
def test_no_name_in_a_comment_becomes_markup(result: Result) -> None:
    """Of headings, links, pictures, HTML and fences only those are there that we make."""
    tokens = MarkdownIt("commonmark").enable("table").parse(comment([result]))
    kinds = [one.type for one in tokens]
    assert kinds.count("heading_open") <= 2  # the project's, and the report's own
    assert "fence" not in kinds
    assert "code_block" not in kinds
    assert "html_block" not in kinds
    inline = [child for one in tokens for child in one.children or ()]
    assert not {"image", "link_open", "code_inline"} & {one.type for one in inline}
    html = [one.content for one in inline if one.type == "html_inline"]
    assert set(html) <= {"<!-- -->"}  # what keeps a name from calling a person


def test_of_five_hundred_slices_every_place_gets_what_it_takes() -> None:
    result = refused(500)
    body = comment([result])
    short = fitted(body, GITHUB_MOST - 200)
    assert length(short) <= GITHUB_MOST - 200
    assert len(summary([result] * 200).encode()) <= MOST_BYTES
    assert "and 480 more" in body
    assert len(json.loads(code_quality([result]))) == 500
    assert len(json.loads(sarif([result]))["runs"][0]["results"]) == 500


def test_of_several_projects_one_comment_begins_with_how_each_came_out() -> None:
    passed = Result(project="taxis", folder="models/taxis", word="pass", exit_code=0)
    body = comment([refused(), passed], {"the page": "https://forge.test/job/1"})
    assert body.startswith("### trueup\n\n| project | result |\n")
    assert r"| taxis \(models/taxis\) | ✅ pass |" in body
    assert "<details><summary>flights</summary>" in body
    assert "[the page](https://forge.test/job/1)" in body
    assert outputs([refused(), passed])["exit-code"] == "3"
