"""Reasons of findings, and the sentences that say them."""

from trueup.gate.verdict import Finding

REASONS = {
    "shown": "the bound clears the limit",
    "refuted": "the bound lies beyond the limit",
    "interval": "the interval holds the limit: these rows cannot decide",
    "harm_shown": "shown worse than its margin",
    "no_harm_shown": "not shown worse than its margin",
    "point_reached": "the measured value reaches the limit; nothing is proven by it",
    "point_missed": "the measured value misses the limit",
    "no_champion": "there is no champion yet to compare with",
    "champion_not_comparable": "the champion's predictions on these rows could not be had",
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
    "trap": "the rows or predictions are not what they should be",
}


def says(finding: Finding) -> str:
    """Return one sentence with the numbers that decided."""
    what = f"{finding.metric}{f' of {finding.slice}' if finding.slice else ''}"
    tail = REASONS[finding.reason]
    if finding.estimate is None:
        return f"{what}: {tail}"
    value = f"{finding.estimate:.4g}"
    if finding.question not in ("at_least", "at_most"):
        value = f"{finding.estimate:+.4g} versus {finding.versus or 'champion'}"
    return f"{what}: {value}{_interval(finding)}, {_limit(finding)}: {tail}{_needs(finding)}"


def _interval(finding: Finding) -> str:
    if finding.interval is None:
        return " (a point)" if finding.evidence == "point" else ""
    lower, upper = finding.interval.lower, finding.interval.upper
    low = "-inf" if lower is None else f"{lower:.4g}"
    high = "inf" if upper is None else f"{upper:.4g}"
    return f" ({finding.interval.level * 100:.4g} % interval {low} to {high})"


def _limit(finding: Finding) -> str:
    limit = finding.limit if finding.limit is not None else 0.0
    if finding.question in ("at_least", "at_most"):
        return f"{finding.question.replace('_', ' ')} {limit:.4g}"
    return "to be better" if finding.question == "better" else f"margin {-limit:.4g}"


def _needs(finding: Finding) -> str:
    if finding.word != "inconclusive" or finding.rows_to_decide is None:
        return ""
    return f"; about {finding.rows_to_decide} rows would decide"
