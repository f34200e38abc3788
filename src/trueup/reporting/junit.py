"""Render the verdicts of a report as JUnit XML, which forges show beside other tests.

One suite a verdict, one case a check. What fails or is inconclusive is a ``failure``, told apart by
its ``type``: some readers count an ``error`` as passed. What was not judged, or may stay open, is
``skipped``. The sentence stands both in ``message`` and inside, as each forge reads only one.
"""

from collections import Counter
from collections.abc import Iterable

from trueup.reporting.blocks import Check, Report, Verdict
from trueup.reporting.markup import Markup, element, joined

_OPEN = ("fail", "inconclusive")


def render_junit(report: Report) -> str:
    """Return the report's verdicts as a JUnit file; a verdict that passes nobody has a failure."""
    suites = [_Suite(block) for block in report.blocks if isinstance(block, Verdict)]
    counts = {key: str(sum(suite.counts[key] for suite in suites)) for key in ("tests", "failures")}
    whole = element(
        "testsuites",
        *(part for suite in suites for part in (suite.element(), Markup("\n"))),
        name=report.title or "trueup",
        **counts,
        errors="0",
        time="0",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}\n'


class _Suite:
    """The cases of one verdict, and how many there are of each kind."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.cases = list(_distinct(_complete(verdict)))
        self.counts = Counter(tests=len(self.cases))
        self.counts["failures"] = sum(_kind(case) == "failure" for case in self.cases)
        self.counts["skipped"] = sum(_kind(case) == "skipped" for case in self.cases)

    def element(self) -> Markup:
        cases = [joined(Markup("\n"), self._case(case)) for case in self.cases]
        counts = {key: str(self.counts[key]) for key in ("tests", "failures", "skipped")}
        return element(
            "testsuite", *cases, name=self.verdict.subject, **counts, errors="0", time="0"
        )

    def _case(self, case: Check) -> Markup:
        kind, told = _kind(case), {"message": case.says}
        if kind == "failure":
            told["type"] = case.word
        inside = [element(kind, case.says, **told)] if kind else []
        if not kind and case.says:
            inside.append(element("system-out", case.says))
        return element(
            "testcase", *inside, name=case.name, classname=self.verdict.subject, time="0"
        )


def _kind(case: Check) -> str:
    if case.word == "fail" or (case.word == "inconclusive" and not case.tolerated):
        return "failure"
    return "" if case.word == "pass" else "skipped"


def _complete(verdict: Verdict) -> Iterable[Check]:
    """Return the checks; where none of them says why it is no pass, the verdict itself is one."""
    yield from verdict.checks
    if verdict.word in _OPEN and not any(case.word in _OPEN for case in verdict.checks):
        yield Check("verdict", verdict.word, "\n".join(verdict.reasons))


def _distinct(cases: Iterable[Check]) -> Iterable[Check]:
    """Return cases under names of their own: readers keep one case a name."""
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.name] += 1
        nth = seen[case.name]
        name = case.name if nth == 1 else f"{case.name} ({nth})"
        yield Check(name, case.word, case.says, case.tolerated)
