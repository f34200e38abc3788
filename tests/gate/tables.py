"""Small prediction tables for tests, with a fixed seed."""

from typing import Any

import numpy as np

from trueup.config.model_entries import GateEntry, RuleEntry
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.rows import Rows
from trueup.gate.rules import rules_of
from trueup.gate.verdict import Finding, Verdict


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


def binary(count: int = 4000, *, worse: float = 0.0, seed: int = 7) -> dict[str, Any]:
    """Return truth, candidate and champion; ``worse`` is noise that only the candidate has."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=count)
    truth = rng.random(count) < sigmoid(1.5 * known - 1)
    noise = rng.normal(size=(2, count))
    champion = sigmoid(1.5 * known - 1 + 0.3 * noise[0])
    candidate = sigmoid(1.5 * known - 1 + (0.3 + worse) * noise[1])
    return {"truth": truth, "candidate": candidate, "champion": champion}


def entry(metric: str, **asked: Any) -> RuleEntry:
    return RuleEntry(metric=metric, **asked)


def judged(
    columns: dict[str, Any],
    *entries: RuleEntry,
    task: Any = "binary",
    gate: dict[str, Any] | None = None,
    **known: Any,
) -> Verdict:
    """Return the verdict of a table under rules; ``known`` are circumstances."""
    use = known.pop("use", 1)
    rules = rules_of(GateEntry(rules=entries, **(gate or {})), use=use)
    return judge(rules, compare(Rows(task=task, **columns), Circumstances(**known)))


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding
