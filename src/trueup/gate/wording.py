"""Reasons of findings, and the sentences that say them in plain words."""

from collections.abc import Sequence

from trueup.gate.verdict import Finding

REASONS = {
    "shown": "shown by these rows",
    "refuted": "refuted by these rows",
    "interval": "these rows cannot decide",
    "harm_shown": "shown worse than its margin",
    "no_harm_shown": "not shown worse than its margin",
    "point_reached": "the measured value reaches the limit; nothing is proven by it",
    "point_missed": "the measured value misses the limit",
    "no_champion": "there is no champion yet to compare with",
    "champion_not_comparable": "the champion's predictions on these rows could not be had",
    "no_bucket": "without the bucket it is not known what the champion is",
    "no_change": "the predictions equal the champion's",
    "seen_unknown": "it is not known which rows the models were trained on",
    "reuse_exhausted": "these rows have judged as many candidates as they were planned for",
    "few_rows": "too few rows",
    "few_events": "too few rows of the rarer class",
    "few_groups": "too few blocks or groups that stand for themselves",
    "few_discordant": "the two models differ on too few rows",
    "constant_resamples": "the value does not vary between blocks, so nothing says how sure it is",
    "undefined": "the metric is undefined on these rows",
    "nothing_judged": "no slice could be judged",
    "not_measured": "nobody has measured it",
    "rows_lack": "the rows lack what it needs",
    "trap": "the rows or predictions are not what they should be",
}
BRIEFLY = {  # where a table has room for an interval and there is none
    "point_reached": "a point",
    "point_missed": "a point",
    "no_champion": "no champion yet",
    "champion_not_comparable": "not comparable",
    "no_bucket": "no bucket",
    "no_change": "no change",
    "few_rows": "too few rows",
    "few_events": "few of a class",
    "few_groups": "too few blocks",
    "few_discordant": "too few differ",
    "constant_resamples": "does not vary",
    "not_measured": "not measured",
    "rows_lack": "cannot be judged",
}


def says(finding: Finding) -> str:
    """Return one sentence with the numbers that decided."""
    what = f"{finding.metric}{f' of {finding.slice}' if finding.slice else ''}"
    if finding.estimate is None:
        return f"{what}: {REASONS[finding.reason]}"
    measured = _value if finding.question in ("at_least", "at_most") else _difference
    return f"{what} is {measured(finding)}: {_tail(finding)}{_needs(finding)}"


def says_together(slices: Sequence[Finding]) -> str:
    """Return one sentence for the slices of a rule that have all passed.

    >>> from trueup.gate.verdict import Finding
    >>> one = Finding(rule=0, metric="recall", question="harm", word="pass", reason="no_harm_shown",
    ...               says="", slice="carrier=UA", versus="champion", limit=-0.05)
    >>> says_together([one, one])
    'recall by carrier: none of 2 slices is shown to be more than 0.05 worse'
    """
    first, count = slices[0], len(slices)
    column = first.slice.partition("=")[0]
    if first.reason == "no_harm_shown":
        limit = f"{abs(first.limit or 0.0):.4g}"
        shown = f"none of {count} slices is shown to be more than {limit} worse"
    elif first.evidence == "point":
        shown = f"all {count} slices reach {asked(first)}; points, which prove nothing"
    else:
        shown = f"all {count} slices are shown to be {asked(first)}"
    return f"{first.metric} by {column}: {shown}"


def asked(finding: Finding) -> str:
    """Return what a rule asks, without its metric: ``at least 0.7``, ``at most 0.02 worse``."""
    limit = f"{abs(finding.limit or 0.0):.4g}"
    if finding.question in ("at_least", "at_most"):
        return f"{finding.question.replace('_', ' ')} {finding.limit or 0.0:.4g}"
    than = f" than the {finding.versus}" if finding.versus not in ("", "champion") else ""
    if finding.question == "better":
        return f"better{than}"
    return f"at most {limit} worse{than}" if limit != "0" else f"not worse{than}"


def asked_briefly(finding: Finding) -> str:
    """Return the same for where there is little room: ``≤ 0.02 worse``."""
    return (
        asked(finding)
        .replace("at least", "≥")
        .replace("at most", "≤")
        .replace(f" than the {finding.versus}", f", {finding.versus}")
    )


def _value(finding: Finding) -> str:
    if finding.interval is None:
        return f"{finding.estimate:.4g}"
    lower, upper = finding.interval.lower, finding.interval.upper
    low = "anything" if lower is None else f"{lower:.4g}"
    high = "anything" if upper is None else f"{upper:.4g}"
    return f"{finding.estimate:.4g} ({_level(finding)} {low} to {high})"


def _difference(finding: Finding) -> str:
    """Return the difference in words; more is better, whatever the metric."""
    apart = finding.estimate or 0.0
    versus = finding.versus or "champion"
    way = "better" if apart > 0 else "worse"
    size = f"{abs(apart):.4g} {way} than the {versus}'s" if apart else f"equal to the {versus}'s"
    beside = f" {finding.other:.4g}" if finding.other is not None else ""
    first = f"{finding.candidate:.4g}, " if finding.candidate is not None else ""
    return f"{first}{size}{beside}{_range(finding)}"


def _range(finding: Finding) -> str:
    if finding.interval is None:
        return ""
    lower, upper = finding.interval.lower, finding.interval.upper
    if lower is not None and upper is not None and lower * upper > 0:
        near, far = sorted((abs(lower), abs(upper)))
        said = f"{near:.4g} to {far:.4g} {'better' if lower > 0 else 'worse'}"
    else:
        said = f"{_side(lower, 'worse')} to {_side(upper, 'better')}"
    return f" ({_level(finding)} {said})"


def _side(bound: float | None, way: str) -> str:
    if bound is None:
        return f"any amount {way}"
    other = {"worse": "better", "better": "worse"}[way]
    return f"{abs(bound):.4g} {way if (bound < 0) == (way == 'worse') else other}"


def _level(finding: Finding) -> str:
    return f"{finding.interval.level * 100:.4g} % interval" if finding.interval else ""


def _tail(finding: Finding) -> str:
    limit = f"{abs(finding.limit or 0.0):.4g}"
    wanted, outright = asked(finding), finding.question in ("at_least", "at_most")
    side = "below" if finding.question == "at_least" else "above"
    refuted = f"shown to be {side} {finding.limit or 0.0:.4g}"
    if not outright:
        refuted = f"shown to be more than {limit} worse, which is not allowed"
    if finding.question == "better":
        refuted = "shown not to be better"
    said = {
        "shown": f"shown to be {wanted}",
        "refuted": refuted,
        "interval": f"{wanted} is asked, and these rows cannot decide it",
        "harm_shown": f"shown to be more than {limit} worse",
        "no_harm_shown": f"not shown to be more than {limit} worse",
        "point_reached": f"{wanted} is asked, and reached; a point, which proves nothing",
        "point_missed": f"{wanted} is asked, and missed; a point, which proves nothing",
    }
    return said.get(finding.reason) or REASONS[finding.reason]


def _needs(finding: Finding) -> str:
    if finding.word != "inconclusive" or finding.rows_to_decide is None:
        return ""
    return f"; about {finding.rows_to_decide} rows would, there are {finding.rows}"
