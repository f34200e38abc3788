"""The comment on a pull or merge request, and the summary of a job: Markdown that fits."""

from collections.abc import Iterator, Mapping, Sequence

from trueup.ci.results.result import Problem, Result, Word, named
from trueup.reporting.blocks import Report
from trueup.reporting.markdown import escaped, render_markdown, render_pictures

_SIGNS: dict[Word, str] = {
    "pass": "✅", "fail": "❌", "inconclusive": "❔", "stage_failed": "💥", "refused": "⛔",
    "nothing": "⚪",
}  # fmt: skip
_MOST_PROBLEMS = 20  # of one project; the rest is counted


def comment(results: Sequence[Result], links: Mapping[str, str] | None = None) -> str:
    """Return one comment about all projects; links are https addresses by what they are called.

    The forge's client shortens it to what the forge takes (forges/fitting.py): whole blocks from
    the end, so what decides stands first.
    """
    parts = [_heading(results), *(_first(one) for one in results)]
    for one in results:
        parts += _details(one, folded=len(results) > 1)
    if links:
        shown = (f"[{escaped(name)}]({_address(url)})" for name, url in links.items())
        parts.append(" · ".join(shown))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(results: Sequence[Result]) -> str:
    if len(results) == 1:
        return ""
    if not results:
        return "### trueup: no project is affected"
    lines = ["| project | result |", "|---|---|"]
    for one in results:
        lines.append(f"| {escaped(named(one))} | {_SIGNS[one.word]} {_said(one)} |")
    return "\n".join(["### trueup", "", *lines])


def _first(result: Result) -> str:
    """Return what decides: the word, and what stands in the way."""
    head = f"### {_SIGNS[result.word]} {escaped(named(result))}: {_said(result)}"
    told = [_problem(one) for one in result.problems[:_MOST_PROBLEMS]]
    if (more := len(result.problems) - len(told)) > 0:
        told.append(f"- and {more} more")
    return "\n".join([head, "", *told] if told else [head])


def _said(result: Result) -> str:
    return result.word.replace("_", " ")


def _problem(problem: Problem) -> str:
    where = f" ({escaped(problem.place.file)}:{problem.place.line})" if problem.place else ""
    says = "; ".join(line.strip() for line in problem.says.splitlines() if line.strip())
    return f"- **{escaped(problem.title)}**: {escaped(says)}{where}"


def _details(result: Result, *, folded: bool) -> Iterator[str]:
    shown = Report("", result.report.blocks)  # its name stands above
    body = "\n".join((render_markdown(shown), render_pictures(shown))).strip()
    if not body:
        return
    if not folded:
        yield body
        return
    yield f"<details><summary>{escaped(named(result))}</summary>\n\n{body}\n\n</details>"


def _address(url: str) -> str:
    """Return an address that ends no link; one that is not of the web leads nowhere."""
    if not url.startswith(("https://", "http://")):
        return "#"
    return "".join(sign if sign.isalnum() or sign in _PLAIN else f"%{ord(sign):02X}"
                   for sign in url if sign.isascii())  # fmt: skip


_PLAIN = frozenset("-._~:/?#[]@!$&*+,;=%")
