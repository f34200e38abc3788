"""The raw results of a study of error rates as the table of the reference, a line a setting."""

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

_HEADER = (
    "| setting | pairs | wrong passes, mean of the rules | the worst rule "
    "| bound at most 6 % | inconclusive | power | a point |",
    "|---|---:|---:|---|---:|---:|---:|---:|",
)


def table(results: Path) -> Iterator[str]:
    """Yield the lines of a Markdown table of what a study has written."""
    with results.open(newline="") as file:
        every = list(csv.DictReader(file))
    # What was asked once more stands behind the first answer, and takes its place.
    rows = list({(row["setting"], row["metric"], row["question"]): row for row in every}.values())
    yield from _HEADER
    for setting, group in groupby(rows, key=lambda row: row["setting"]):
        yield _line(setting, list(group))
    held = sum(row["holds"] == "yes" for row in rows)
    yield ""
    judged = sum(int(row["pairs"]) for row in every)
    yield f"{held} of {len(rows)} rates hold, {len(every) - len(rows)} of them asked once more;"
    yield f"{judged:,} judgements"


def _line(setting: str, rows: list[dict[str, str]]) -> str:
    rates = {
        f"{row['metric']} {row['question']}".replace("_", " "): int(row["wrong"])
        / int(row["pairs"])
        for row in rows
    }
    worst = max(rates, key=lambda rule: rates[rule])
    held = sum(row["holds"] == "yes" for row in rows)
    said = f"{rates[worst]:.1%} ({worst})" if rates[worst] else "none"

    def mean(column: str) -> float:
        return sum(float(row[column]) for row in rows) / len(rows)

    cells = (
        setting,
        f"{min(int(row['pairs']) for row in rows):,}",
        f"{sum(rates.values()) / len(rates):.1%}",
        said,
        f"{held} of {len(rows)}",
        f"{mean('undecided'):.0%}",
        f"{mean('power'):.0%}",
        f"{mean('point_wrong'):.0%}",
    )
    return "| " + " | ".join(cells).replace("%", " %") + " |"
