"""How often the gate passes a candidate that is exactly as bad as the margin, or as the limit.

    python -m studies gate_error_rates [--reduced] [--pairs N] [--only NAME]

Each setting draws pairs whose true difference lies on the limit, where a pass is wrong, and pairs
that are equally good, where a pass is right (power). A point threshold on the same pairs stands
beside it. Exits with 1 where the upper 99 % bound of the wrong passes exceeds 1.2 times the
declared rate.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from studies.populations import CHAMPION_SHIFT, METRICS, Setting, draw, population, threshold
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.proportions import clopper_pearson
from trueup.gate.rules import Rule, Rules
from trueup.gate.spending import Spending
from trueup.gate.verdict import Question

SEED = 20261123
MOST = 1.2  # times the declared rate
WORSE = 0.15  # by how much less the candidate's positives are shifted
SETTINGS = (
    Setting("200 rows", 200),
    Setting("1,000 rows", 1000),
    Setting("10,000 rows", 10_000),
    Setting("100,000 rows", 100_000),
    Setting("ties", 1000, grid=0.5),
    Setting("nearly identical", 2000, alike=0.99),
    Setting("5 events", 2000, events=5),
    Setting("10 events", 2000, events=10),
    Setting("20 events", 2000, events=20),
    Setting("50 events", 2000, events=50),
    Setting("8 days", 1600, blocks=8),
    Setting("14 days", 1400, blocks=14),
    Setting("30 days", 3000, blocks=30),
    Setting("60 days", 3000, blocks=60),
    Setting("14 unequal days", 1400, blocks=14, unequal=True),
    Setting("30 unequal days", 3000, blocks=30, unequal=True),
    Setting("60 days that follow each other", 3000, blocks=60, follow=0.5),
    Setting("30 days that follow each other", 3000, blocks=30, follow=0.5),
)
REDUCED = ("200 rows", "20 events", "14 days")


class Line(msgspec.Struct, frozen=True):
    """One rule in one setting."""

    setting: str
    rule: str
    declared: float
    pairs: int
    wrong: int
    undecided: float
    power: float
    point_wrong: float

    @property
    def upper(self) -> float:
        """The upper 99 % bound of the share of wrong passes."""
        return clopper_pearson(self.wrong, self.pairs, 0.01)[1]

    @property
    def holds(self) -> bool:
        return self.upper <= MOST * self.declared


def rules_for(setting: Setting, confidence: float, shift: float) -> Rules:
    """Return one rule of each kind for each metric, whose limit is the truth about a shift."""
    cut = threshold(setting)
    mine, theirs = population(setting, shift), population(setting, CHAMPION_SHIFT)
    rules: list[Rule] = []
    for name in METRICS:
        metric = f"{name}@{cut!r}" if name in ("accuracy", "recall", "precision", "f1") else name
        lower = name in ("log_loss", "brier_score_loss")
        outright: Question = "at_most" if lower else "at_least"
        margin = float(abs(mine[name] - theirs[name]))
        rules.append(
            Rule(position=len(rules), metric=metric, question=outright, limit=float(mine[name]))
        )
        rules.append(
            Rule(
                position=len(rules),
                metric=metric,
                question="non_inferior" if margin else "better",
                limit=margin,
                versus="champion",
            )
        )
    plain = Spending(plan="even", reuse=1)
    return Rules(rules=tuple(rules), confidence=confidence, spending=plain)


def counted(setting: Setting, rules: Rules, shift: float, pairs: int) -> tuple[Counter[str], ...]:
    """Return, for each rule, how often each word came out, and how often a point had passed."""
    rng = np.random.default_rng([SEED, len(setting.name), setting.rows, round(1000 * shift)])
    counts: tuple[Counter[str], ...] = tuple(Counter() for _ in rules.rules)
    for pair in range(pairs):
        known = Circumstances(seed=SEED + pair % 4)
        verdict = judge(rules, compare(draw(setting, shift, rng), known))
        for count, finding in zip(counts, verdict.findings, strict=True):
            count[finding.word] += 1
            if finding.estimate is not None and finding.limit is not None:
                better = finding.estimate >= finding.limit
                at_most = finding.question == "at_most"
                count["point"] += (finding.estimate <= finding.limit) if at_most else better
    return counts


def lines(setting: Setting, pairs: int, confidence: float = 0.95) -> Iterator[Line]:
    """Yield the lines of a setting: margins and limits first, then superiority of equals."""
    worse = CHAMPION_SHIFT - WORSE
    rules = rules_for(setting, confidence, worse)
    wrong = counted(setting, rules, worse, pairs)
    fair = counted(setting, rules, CHAMPION_SHIFT, max(pairs // 5, 50))
    for rule, bad, good in zip(rules.rules, wrong, fair, strict=True):
        yield _line(setting, rule.metric, rule.question, bad, good)
    equal = rules_for(setting, confidence, CHAMPION_SHIFT)
    better = Rules(
        rules=tuple(rule for rule in equal.rules if rule.question == "better"),
        confidence=confidence,
        spending=equal.spending,
    )
    wrong = counted(setting, better, CHAMPION_SHIFT, pairs // 2)
    fair = counted(setting, better, CHAMPION_SHIFT + 2 * WORSE, max(pairs // 10, 50))
    for rule, bad, good in zip(better.rules, wrong, fair, strict=True):
        yield _line(setting, rule.metric, rule.question, bad, good)


def _line(
    setting: Setting, metric: str, question: str, bad: Counter[str], good: Counter[str]
) -> Line:
    pairs = sum(bad[word] for word in ("pass", "fail", "inconclusive"))
    fair = sum(good[word] for word in ("pass", "fail", "inconclusive"))
    return Line(
        setting.name,
        f"{metric.partition('@')[0]} {question}",
        0.05,
        pairs,
        bad["pass"],
        bad["inconclusive"] / pairs,
        good["pass"] / fair,
        bad["point"] / pairs,
    )


def main() -> int:
    """Print the table; 1 where a rate does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    pairs = options.pairs or (400 if options.reduced else 10_000)
    print(f"seed {SEED}, {pairs} pairs; half as many for 10,000 rows and more, and for `better`\n")
    print("| setting | rule | wrong passes | 99 % bound | holds | inconclusive | power | point |")
    print("|---|---|---:|---:|---|---:|---:|---:|")
    broken, began = 0, time.perf_counter()
    for setting in SETTINGS:
        wanted = options.only == setting.name if options.only else True
        if not wanted or (options.reduced and setting.name not in REDUCED):
            continue
        for line in lines(setting, pairs if setting.rows < 10_000 else pairs // 2):
            broken += not line.holds
            print(
                f"| {line.setting} | {line.rule} | {line.wrong / line.pairs:.2%} "
                f"| {line.upper:.2%} | {'yes' if line.holds else '**no**'} "
                f"| {line.undecided:.0%} | {line.power:.0%} | {line.point_wrong:.0%} |",
                flush=True,
            )
    print(f"\n{broken} rates do not hold; {time.perf_counter() - began:.0f} s")
    return 1 if broken and not options.reduced else 0


if __name__ == "__main__":
    sys.exit(main())
