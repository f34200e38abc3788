"""Models with scikit-learn's methods: from a pipeline's table to what its last step answers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters import answers, lightgbm_trees, others, xgboost_trees
from trueup.models.converters.answers import Answer
from trueup.models.converters.calibration import calibrated
from trueup.models.converters.columns import piped
from trueup.models.converters.graph import Flow, Graph, NotConvertible
from trueup.models.converters.linear import LINEAR
from trueup.models.converters.sklearn_trees import TREES


def answered(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Write a fitted estimator; NotConvertible where no form is known to answer the same."""
    name, package = type(model).__name__, type(model).__module__.partition(".")[0]
    if name == "Pipeline":
        *before, last = [step for _, step in model.steps]
        return answered(graph, last, piped(graph, before, flow))
    inner = _within(model)
    if inner is not None:
        return answered(graph, inner, flow)
    if name in _MADE_OF_OTHERS:
        return _MADE_OF_OTHERS[name](graph, model, flow)
    if flow.has_text:
        texts = [one.field for one in flow.columns if one is not None and one.is_text]
        raise NotConvertible(f"{name} takes categories as they are ({', '.join(texts[:4])})")
    if package == "lightgbm":
        return lightgbm_trees.wrapper(graph, model, flow)
    if package == "xgboost":
        return xgboost_trees.wrapper(graph, model, flow)
    own = (TREES | LINEAR).get(name) if package == "sklearn" else None
    return own(graph, model, flow) if own else others.answered(graph, model, flow)


def _within(model: Any) -> Any:
    """Return the estimator that a search or a freezer has inside and only passes on."""
    if type(model).__name__ == "FrozenEstimator":
        return model.estimator
    return getattr(model, "best_estimator_", None)


def _thresholded(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Answer the second class from a score on that was chosen beforehand."""
    threshold = getattr(model, "best_threshold_", getattr(model, "threshold", "auto"))
    label = getattr(model, "pos_label", None)
    asked = "predict_proba" in str(getattr(model, "response_method", "auto")) or hasattr(
        model.estimator_, "predict_proba"
    )
    if isinstance(threshold, str) or label not in (None, model.classes_[1]) or not asked:
        raise NotConvertible("its threshold is not one on the second class's probability")
    inner = answered(graph, model.estimator_, flow)
    positive = graph.add("Gather", [inner.scores, graph.constant(np.array([1]))], axis=1)
    label = answers.above(graph, (positive, threshold), list(model.classes_), from_it=True)
    return Answer(label=label, scores=inner.scores)


def _voted(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Average what the members answer, by their weights."""
    classes = getattr(model, "classes_", None)
    if classes is not None and model.voting != "soft":
        raise NotConvertible("its members vote by class; scores can be averaged (voting='soft')")
    members = [answered(graph, one, flow) for one in model.estimators_]
    weights = getattr(model, "_weights_not_none", None)
    weights = [1.0] * len(members) if weights is None else [float(one) for one in weights]
    parts = [
        graph.add("Mul", [one.numbers if classes is None else one.scores, graph.constant(weight)])
        for one, weight in zip(members, weights, strict=True)
    ]
    mean = graph.add("Div", [graph.add("Sum", parts), graph.constant(float(np.sum(weights)))])
    if classes is None:
        return Answer(numbers=mean)
    return Answer(label=answers.highest(graph, mean, list(classes)), scores=mean)


def _calibrated(graph: Graph, model: Any, flow: Flow) -> Answer:
    return calibrated(graph, model, lambda one: answered(graph, one, flow))


_MADE_OF_OTHERS: dict[str, Callable[[Graph, Any, Flow], Answer]] = {
    "CalibratedClassifierCV": _calibrated,
    "FixedThresholdClassifier": _thresholded,
    "TunedThresholdClassifierCV": _thresholded,
    "VotingClassifier": _voted,
    "VotingRegressor": _voted,
}
