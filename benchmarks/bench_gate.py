"""A gate over 1,000,000 rows, 10 metrics, 20 slices and 2,000 resamples, beside SciPy's bootstrap.

    python -m benchmarks gate [--rows N] [--reduced]

From arrays to a verdict with its curves, and from that to its page, which has pictures where the
extra report is installed. The peak is that of the process so far.

SciPy resamples whole days of the same rows for one of the metrics on all rows; what the whole
work would take it is that times 10 metrics and 21 sets of rows.
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import machine
from trueup.config.model_entries import GateEntry, RuleEntry
from trueup.gate.comparing import compare
from trueup.gate.judging import judge
from trueup.gate.rows import Rows
from trueup.gate.rules import rules_of
from trueup.gate.showing import verdict_report
from trueup.gate.verdict import Verdict
from trueup.reporting.html import render_html
from trueup.reporting.pictures import can_draw

METRICS = (
    *("roc_auc", "log_loss", "brier_score_loss", "accuracy", "precision", "recall", "f1"),
    *("average_precision", "expected_calibration_error", "precision_top_5%"),
)
RESAMPLES = 2_000
GOAL_S, GOAL_BYTES = 20.0, 1_000_000_000
SEED = 20261123


def main() -> None:
    options = _options()
    rows = options.rows or (20_000 if options.reduced else 1_000_000)
    print(
        f"{rows:,} rows, {len(METRICS)} metrics, 20 slices, {RESAMPLES:,} resamples; {machine()}\n"
    )
    table = drawn(rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        "| rows depend by | verdict s | its page s | goal s | peak memory MB | goal MB | findings |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind in ("time", "rows"):
        verdict, seconds = judged(table, timed=kind == "time")
        assert verdict.resamples >= RESAMPLES
        began = time.perf_counter()
        page = render_html(verdict_report(verdict, "the candidate"))
        page_s = time.perf_counter() - began
        assert ("<svg" in page) == can_draw()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(
            f"| {kind} | {seconds:.1f} | {page_s:.1f} | {GOAL_S:.0f} "
            f"| {peak / 1e6:.0f} | {GOAL_BYTES / 1e6:.0f} | {len(verdict.findings)} |",
            flush=True,
        )
    print(f"\nthe rows themselves and the libraries hold {before / 1e6:.0f} MB of that")
    seconds, resamples = theirs(table, 3 if options.reduced else 5)
    whole = seconds / resamples * RESAMPLES * len(METRICS) * 21
    print(
        f"scipy.stats.bootstrap: {resamples} resamples of one metric on all rows {seconds:.1f} s; "
        f"the whole work would be {whole / 3600:.1f} hours at that rate"
    )


def drawn(rows: int) -> dict[str, Any]:
    """Return a table of two models over 60 days, with 20 slices of uneven sizes."""
    rng = np.random.default_rng(SEED)
    known = rng.normal(size=rows)
    truth = rng.random(rows) < 1 / (1 + np.exp(1.5 - 1.5 * known))
    models = [
        1 / (1 + np.exp(1.5 - 1.5 * known - spread * rng.normal(size=rows)))
        for spread in (0.3, 0.35)
    ]
    shares = 1 / np.arange(3, 23)
    return {
        "truth": truth,
        "candidate": models[0],
        "champion": models[1],
        "time": np.arange(rows) * 60 // rows * 86400.0,
        "carrier": rng.choice(20, rows, p=shares / shares.sum()),
    }


def judged(table: dict[str, Any], *, timed: bool) -> tuple[Verdict, float]:
    """Return the verdict and the seconds from arrays to verdict."""
    asked = [
        RuleEntry(metric=metric, versus="champion", margin=0.01, each=each)
        for metric in METRICS
        for each in ("", "carrier")
    ]
    began = time.perf_counter()
    rows = Rows(
        task="binary",
        truth=table["truth"],
        candidate=table["candidate"],
        champion=table["champion"],
        time=table["time"] if timed else None,
        slices={"carrier": table["carrier"]},
    )
    verdict = judge(rules_of(GateEntry(rules=tuple(asked))), compare(rows))
    return verdict, time.perf_counter() - began


def theirs(table: dict[str, Any], resamples: int) -> tuple[float, int]:
    """Return the seconds of SciPy's bootstrap of the difference in ROC area over days."""
    from scipy.stats import bootstrap  # type: ignore[import-untyped] # SciPy ships no types
    from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped] # nor does it

    days = (table["time"] / 86400).astype(np.int64)
    order = [np.flatnonzero(days == day) for day in range(60)]

    def apart(chosen: Any) -> float:
        rows = np.concatenate([order[int(day)] for day in chosen])
        truth = table["truth"][rows]
        areas = [roc_auc_score(truth, table[name][rows]) for name in ("candidate", "champion")]
        return float(areas[0] - areas[1])

    began = time.perf_counter()
    bootstrap(
        (np.arange(60),),
        apart,
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return time.perf_counter() - began, resamples


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--reduced", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
