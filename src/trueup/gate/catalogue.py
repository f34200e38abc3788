"""Metrics by their scikit-learn names; ``recall@0.3`` has a threshold, ``ndcg@10`` a depth."""

from functools import cache

from trueup.gate.metrics import Metric
from trueup.gate.names import known_metrics, named

__all__ = ["known_metrics", "metric_named"]


@cache
def metric_named(name: str, task: str) -> Metric:
    """Return a metric of a task; WrongUsage names the nearest one that there is."""
    from trueup.gate import classifying, measuring, ranking

    found = named(name, task)
    if task in ("binary", "multiclass", "multilabel"):
        return classifying.make(found.stem, found.number, task)
    if task == "ranking":
        return ranking.make(found.stem)
    return measuring.make(found.stem, found.number)
