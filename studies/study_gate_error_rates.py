"""How often the gate passes a candidate that is exactly as bad as the margin, or as the limit.

    python -m studies gate_error_rates [--only WORDS] [--share X] [--csv FILE]
    python -m studies gate_error_rates --again --csv FILE
    python -m studies gate_error_rates --table FILE

Each setting draws pairs whose true difference lies on the limit, where a pass is wrong, and pairs
that are equally good, where a pass is right (power). A point threshold on the same pairs stands
beside it. How many pairs a setting has was fixed before any were drawn; what does not hold on them
is asked once more of others, four times as many, and these alone then count. A rate holds where
the upper 99 % bound of the wrong passes is at most 1.2 times the declared rate.
"""

import argparse
import csv
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from studies import cell_populations, other_populations, populations
from studies.gate_settings import SETTINGS
from studies.rate_table import table
from studies.settings import Family, Setting
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.proportions import clopper_pearson
from trueup.gate.rules import Rule, Rules
from trueup.gate.spending import Spending
from trueup.gate.verdict import Finding, Question

SEED = 20270207
MOST = 1.2  # times the declared rate
DECLARED = 0.05
FAMILIES = {
    "binary": populations.FAMILY,
    "decisions": cell_populations.DECISIONS,
    "regression": other_populations.NUMBERS,
    "heavy_regression": other_populations.NUMBERS,
    "multiclass": other_populations.SEVERAL,
    "ranking": other_populations.RANKINGS,
}


class Line(msgspec.Struct, frozen=True):
    """One rule in one setting."""

    setting: str
    family: str
    rows: int
    metric: str
    question: str
    declared: float
    pairs: int
    wrong: int
    wrong_fails: int  # the truth is the limit, so that a fail is as wrong as a pass
    undecided: float
    power: float
    power_pairs: int
    point_wrong: float

    @property
    def rule(self) -> str:
        return f"{self.metric} {self.question}"

    @property
    def upper(self) -> float:
        """The upper 99 % bound of the share of wrong passes."""
        return clopper_pearson(self.wrong, self.pairs, 0.01)[1]

    @property
    def holds(self) -> bool:
        return self.upper <= MOST * self.declared


def rules_for(setting: Setting, quality: float) -> Rules:
    """Return one rule of each kind for each metric, whose limit is the truth about a quality.

    For the champion's quality there is superiority alone: a margin of nothing.
    """
    family = FAMILIES[setting.family]
    theirs, mine = family.truths(setting, family.levels[0]), family.truths(setting, quality)
    asked: list[tuple[str, Question, float, str]] = []
    for name, outright in family.limits.items():
        metric = family.named(setting, name)
        margin = float(abs(mine[name] - theirs[name]))
        if quality != family.levels[0] and setting.asks(name, outright=True):
            asked.append((metric, outright, float(mine[name]), ""))
        if setting.asks(name, outright=False):
            question: Question = "non_inferior" if margin else "better"
            asked.append((metric, question, margin, "champion"))
    return Rules(
        rules=tuple(
            Rule(position=at, metric=metric, question=question, limit=limit, versus=versus)
            for at, (metric, question, limit, versus) in enumerate(asked)
        ),
        confidence=1 - DECLARED,
        spending=Spending(plan="even", reuse=1),
    )


def counted(
    setting: Setting, rules: Rules, quality: float, pairs: int, seed: int
) -> list[Counter[str]]:
    """Return, for each rule, how often each word came out, and how often a point had passed."""
    family = FAMILIES[setting.family]
    level = round(1000 * (quality + 10))
    rng = np.random.default_rng([seed, zlib.crc32(setting.name.encode()), level])
    counts: list[Counter[str]] = [Counter() for _ in rules.rules]
    for pair in range(pairs):
        known = Circumstances(seed=seed + pair % 4)  # of resamples, which are then kept
        verdict = judge(rules, compare(family.draw(setting, quality, rng), known))
        for count, finding in zip(counts, verdict.findings, strict=True):
            count[finding.word] += 1
            count["point"] += _point(finding, family, setting)
    return counts


def _point(finding: Finding, family: Family, setting: Setting) -> bool:
    """Say whether a plain threshold had passed what was measured, bounds or not."""
    if finding.candidate is None or finding.limit is None:
        return False
    if finding.question == "at_most":
        return finding.candidate <= finding.limit
    if finding.question == "at_least":
        return finding.candidate >= finding.limit
    apart = finding.candidate - (finding.other or 0.0)
    names = {family.named(setting, name): asked for name, asked in family.limits.items()}
    return (-apart if names[finding.metric] == "at_most" else apart) >= finding.limit


def lines(setting: Setting, pairs: int, seed: int = SEED, question: str = "") -> Iterator[Line]:
    """Yield the lines of a setting: limits and margins first, then superiority of equals."""
    family = FAMILIES[setting.family]
    good, bad, best = family.levels
    for quality, fair in ((bad, good), (good, best)):
        rules = rules_for(setting, quality)
        asked = tuple(rule for rule in rules.rules if question in ("", rule.question))
        rules = msgspec.structs.replace(rules, rules=asked)
        if not rules.rules:
            continue
        wrong = counted(setting, rules, quality, pairs, seed)
        few = max(pairs // 10, 20)
        right = counted(setting, rules, fair, few, seed + 1)
        for rule, one, two in zip(rules.rules, wrong, right, strict=True):
            yield _line(setting, family, rule, (one, pairs), (two, few))


def _line(
    setting: Setting,
    family: Family,
    rule: Rule,
    wrong: tuple[Counter[str], int],
    right: tuple[Counter[str], int],
) -> Line:
    bad, pairs = wrong
    good, fair = right
    names = {family.named(setting, name): name for name in family.limits}
    return Line(
        setting=setting.name,
        family=setting.family,
        rows=setting.rows,
        metric=names[rule.metric],
        question=rule.question,
        declared=DECLARED,
        pairs=pairs,
        wrong=bad["pass"],
        wrong_fails=bad["fail"],
        undecided=bad["inconclusive"] / pairs,
        power=good["pass"] / fair,
        power_pairs=fair,
        point_wrong=bad["point"] / pairs,
    )


def _commit() -> str:
    """Return the commit of the code, with a plus where the gate or the study differ from it."""
    here = Path(__file__).parents[1]
    asked = ["git", "describe", "--always", "--abbrev=12", "--exclude=*"]
    named = subprocess.run(asked, cwd=here, capture_output=True, text=True, check=True).stdout
    changed = ["git", "diff", "--quiet", "HEAD", "--", "src/trueup/gate", "studies/*.py"]
    return named.strip() + (
        "+" if subprocess.run(changed, cwd=here, check=False).returncode else ""
    )


def _written(line: Line, seed: int, commit: str) -> list[str]:
    fields = msgspec.structs.asdict(line)
    shown = [f"{each:.4f}" if isinstance(each, float) else str(each) for each in fields.values()]
    return [*shown, f"{line.upper:.4f}", "yes" if line.holds else "no", str(seed), commit]


def _write(results: Path | None, row: list[str], mode: str = "a") -> None:
    if results is not None:
        with results.open(mode, newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)


def again(results: Path, seed: int) -> Iterator[tuple[Line, int]]:
    """Yield what did not hold from other pairs, four times as many, which alone then count."""
    with results.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == str(seed)]
    named = {setting.name: setting for setting in SETTINGS}
    for row in rows:
        if row["holds"] == "no":
            setting = replace(named[row["setting"]], metrics=(row["metric"],))
            for line in lines(setting, 4 * int(row["pairs"]), seed + 1, row["question"]):
                yield line, seed + 1


def once(only: str, after: str, share: float, seed: int) -> Iterator[tuple[Line, int]]:
    """Yield the lines of all settings whose name holds something, behind a certain one."""
    names = ["", *(setting.name for setting in SETTINGS)]
    for setting in SETTINGS[names.index(after) :]:
        if only in setting.name:
            for line in lines(setting, round(setting.pairs * share), seed):
                yield line, seed


def main() -> int:
    """Print the table; 1 where a rate does not hold."""
    options = _options()
    if options.table is not None:
        print(*table(options.table), sep="\n")
        return 0
    commit, broken, began = options.commit or _commit(), 0, time.process_time()
    found = (
        again(options.csv, options.seed)
        if options.again
        else once(options.only, options.after, options.share, options.seed)
    )
    if not options.after and not options.again:
        header = [*Line.__struct_fields__, "upper_99", "holds", "seed", "commit"]
        _write(options.csv, header, "w")
    print(f"seed {options.seed}, code {commit}\n")
    print("| setting | rule | pairs | wrong | 99 % bound | holds | inconclusive | power | point |")
    print("|---|---|---:|---:|---:|---|---:|---:|---:|")
    for line, seed in found:
        broken += not line.holds
        print(
            f"| {line.setting} | {line.rule} | {line.pairs} | {line.wrong / line.pairs:.2%} "
            f"| {line.upper:.2%} | {'yes' if line.holds else '**no**'} "
            f"| {line.undecided:.0%} | {line.power:.0%} | {line.point_wrong:.0%} |",
            flush=True,
        )
        _write(options.csv, _written(line, seed, commit))
    print(f"\n{broken} rates do not hold; {time.process_time() - began:.0f} s of processor time")
    return 1 if broken and not options.reduced else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="a fiftieth of the pairs")
    parser.add_argument("--share", type=float, default=1.0, help="of the pairs of each setting")
    parser.add_argument("--only", default="", help="settings whose name holds this")
    parser.add_argument("--after", default="", help="go on behind the setting of this name")
    parser.add_argument("--again", action="store_true", help="what did not hold in --csv")
    parser.add_argument("--table", type=Path, default=None, help="of these results, and no more")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--commit", default="", help="of the code, where git cannot be asked")
    parser.add_argument("--csv", type=Path, default=None)
    options = parser.parse_args()
    options.share = 0.02 if options.reduced else options.share
    return options


if __name__ == "__main__":
    sys.exit(main())
