"""How often a backtest calls one of two equally good policies better.

    python -m studies backtest_error_rates [--reduced] [--csv FILE]

Each history has rows of two classes, and policies whose answers follow the truth equally well on
average; days, or whole months, are good or bad for one of them. A history errs where any
comparison comes out better or worse, which should happen in at most 5 % of them. A rate holds
where the lower 99 % bound of the errors is at most that; the luck of whole months is not claimed.
"""

import argparse
import csv
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from trueup.gate.arrays import Floats
from trueup.gate.proportions import clopper_pearson
from trueup.loop.backtest.comparing import Asked, compare
from trueup.loop.backtest.records import Scored

SEED = 20270401
DECLARED = 0.05
_POLICIES = ("never", "yours", "monthly", "drift", "estimate")
_A_DAY = 30  # rows
_BEGIN = np.datetime64("2013-03-01", "us")


class Setting(msgspec.Struct, frozen=True):
    """What a policy's days have in common, as standard deviations of how well it answers."""

    name: str
    days: int
    by_day: float = 0.0
    follow: float = 0.0  # correlation of neighbouring days
    by_month: float = 0.0
    policies: int = 2
    metrics: tuple[str, ...] = ("roc_auc", "log_loss")
    claimed: bool = True


SETTINGS = (
    Setting("nothing in common", 120),
    Setting("each day is good or bad", 120, by_day=0.5),
    Setting("days correlated by 0.5", 300, by_day=0.5, follow=0.5),
    Setting("days correlated by 0.7", 120, by_day=0.5, follow=0.7),
    Setting("five policies", 300, by_day=0.3, policies=5, metrics=("roc_auc",)),
    Setting("each month's model is good or bad", 300, by_month=0.2, claimed=False),
)


def lift(setting: Setting, rng: np.random.Generator) -> Floats:
    """Return how well a policy answers on each day, 1 on average."""
    drawn = rng.normal(size=setting.days)
    chain = [drawn[0]]
    for each in drawn[1:]:
        chain.append(setting.follow * chain[-1] + np.sqrt(1 - setting.follow**2) * each)
    months = rng.normal(size=setting.days // 30 + 1)[np.arange(setting.days) // 30]
    found: Floats = 1.0 + setting.by_day * np.array(chain) + setting.by_month * months
    return found


def history(setting: Setting, seed: int) -> Scored:
    """Return one history."""
    rng = np.random.default_rng([SEED, zlib.crc32(setting.name.encode()), seed])
    day = np.repeat(np.arange(setting.days), _A_DAY)
    truth = rng.random(len(day)) < 0.35
    answers = {}
    for policy in _POLICIES[: setting.policies]:
        at = (truth - 0.35) * lift(setting, rng)[day] + rng.normal(size=len(day))
        answers[policy] = 1 / (1 + np.exp(-at))
    return Scored(_BEGIN + day.astype("timedelta64[D]"), truth.astype(np.int64), answers)


def rates(setting: Setting, histories: int) -> Iterator[tuple[str, int]]:
    """Yield each metric with how many histories err."""
    wrong = dict.fromkeys(setting.metrics, 0)
    for seed in range(histories):
        found = compare(history(setting, seed), Asked(task="binary", metrics=setting.metrics))
        for metric in setting.metrics:
            told = (one.word for one in found if one.metric == metric)
            wrong[metric] += any(word in ("better", "worse") for word in told)
    yield from wrong.items()


def main() -> int:
    """Run every setting; 1 where a rate that is claimed does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reduced", action="store_true", help="a tenth of the histories")
    parser.add_argument("--csv", type=Path, default=None)
    options = parser.parse_args()
    histories, broken, lines = 20 if options.reduced else 200, 0, []
    print("| setting | days | metric | histories | wrong | holds |\n|---|---:|---|---:|---:|---|")
    for setting in SETTINGS:
        for metric, wrong in rates(setting, histories):
            lower = clopper_pearson(wrong, histories, 0.01)[0]
            holds = "not claimed" if not setting.claimed else "yes" if lower <= DECLARED else "no"
            broken += holds == "no"
            lines.append((setting.name, setting.days, metric, histories, wrong, holds, SEED))
            share = f"{wrong / histories:.1%}"
            print(
                f"| {setting.name} | {setting.days} | {metric} | {histories} | {share} | {holds} |"
            )
            sys.stdout.flush()
    if options.csv is not None:
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("setting", "days", "metric", "histories", "wrong", "holds", "seed"))
            writer.writerows(lines)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
