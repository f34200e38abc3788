"""GitHub's workflow commands that put a problem beside the line of a file.

The grammar and the limit of ten of a type and step are GitHub's: "Workflow commands for GitHub
Actions" and "Limitations" of annotations in its documentation.
"""

from collections.abc import Iterator, Sequence

from trueup.ci.results.result import LEVELS, Problem, Result
from trueup.reporting.wording import visible

MOST = 10  # of a type and step; GitHub drops the rest without a word


def annotations(results: Sequence[Result]) -> str:
    """Return commands, a line each; where there are too many the last says how many are left."""
    found = [problem for result in results for problem in result.problems]
    return "".join(f"{line}\n" for level in LEVELS for line in _of(level, found))


def _of(level: str, problems: Sequence[Problem]) -> Iterator[str]:
    mine = [one for one in problems if one.level == level]
    shown = mine if len(mine) <= MOST else mine[: MOST - 1]
    yield from map(_command, shown)
    if rest := len(mine) - len(shown):
        yield f"::{level} title=trueup::and {rest} more, which are in the summary of this job"


def _command(problem: Problem) -> str:
    named = {"title": problem.title}
    if problem.place:
        named = {"file": problem.place.file, "line": str(problem.place.line), **named}
    properties = ",".join(f"{key}={_property(value)}" for key, value in named.items())
    return f"::{problem.level} {properties}::{_text(problem.says)}"


def _text(text: str) -> str:
    """Return a command's text: per cent and line ends would end it, the rest is made visible."""
    shown = visible(text, lines=True)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
