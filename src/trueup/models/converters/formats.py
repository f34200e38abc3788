"""Which converter writes a model of which format."""

from collections.abc import Mapping
from typing import Any

from trueup.models.converters import answers, lightgbm_trees, xgboost_trees
from trueup.models.converters.estimators import answered
from trueup.models.converters.graph import Flow, Graph, NotConvertible


def written(graph: Graph, model: tuple[str, Any], flow: Flow, said: Mapping[str, Any]) -> None:
    """Write a loaded model of a format, and declare the outputs that it has itself."""
    format_name, loaded = model
    inner = getattr(loaded, "loaded", None)
    if format_name == "MLflow" and inner is not None:
        loaded = inner
    if hasattr(loaded, "model") and hasattr(loaded.model, "predict"):
        answer = answered(graph, loaded.model, flow)
    elif hasattr(loaded, "text"):
        answer = lightgbm_trees.booster(graph, loaded.text, flow)
    elif hasattr(loaded, "booster"):
        answer = xgboost_trees.booster(graph, loaded.booster, loaded.span[1], flow)
    else:
        raise NotConvertible(f"no converter is known for {format_name}")
    answers.finish(graph, answer, said)
