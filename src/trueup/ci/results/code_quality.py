"""GitLab's code quality report: a JSON list that it shows beside the lines of a merge request."""

from collections.abc import Sequence

import msgspec

from trueup.ci.results.result import Level, Problem, Result
from trueup.reporting.wording import visible

_SEVERITIES: dict[Level, str] = {"error": "critical", "warning": "minor", "notice": "info"}


def code_quality(results: Sequence[Result]) -> str:
    """Return what the five fields ask for that GitLab reads; each needs a file and a line.

    A problem without a place stands at the first line of the project's file.
    """
    found: dict[str, dict[str, object]] = {}
    for result in results:
        for problem in result.problems:
            one = _issue(problem, result)
            found.setdefault(str(one["fingerprint"]), one)  # readers keep one of a fingerprint
    return msgspec.json.format(msgspec.json.encode(list(found.values())), indent=1).decode() + "\n"


def _issue(problem: Problem, result: Result) -> dict[str, object]:
    own = f"{result.folder}/trueup.yaml" if result.folder else "trueup.yaml"
    file, line = (problem.place.file, problem.place.line) if problem.place else (own, 1)
    return {
        "description": visible(f"{problem.title}: {problem.says}".replace("\n", " ")),
        "check_name": problem.rule,
        "fingerprint": problem.fingerprint,
        "severity": _SEVERITIES[problem.level],
        "location": {"path": file, "lines": {"begin": line}},
    }
