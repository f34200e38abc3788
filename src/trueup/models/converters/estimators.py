"""Models with scikit-learn's methods: from a pipeline's table to what its last step answers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters import answers, elementwise, lightgbm_trees, others, xgboost_trees
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
    if flow.has_text and getattr(model, "_preprocessor", None) is None:
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


def _stacked(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Let the last estimator answer on what the members answer."""
    parts = []
    for one, method in zip(model.estimators_, model.stack_method_, strict=True):
        answer = answered(graph, one, flow)
        tensor = {
            "predict": answer.numbers,
            "predict_proba": answer.scores,
            "decision_function": answer.raw,
        }.get(method, "")
        if not tensor:
            raise NotConvertible(f"it stacks what a member answers to {method}")
        if method == "predict_proba" and len(one.classes_) == 2:  # the second class alone
            tensor = graph.add("Gather", [tensor, graph.constant(np.array([1]))], axis=1)
        parts.append(Flow(tensor, (None,) * _width(one, method)))
    if model.passthrough:
        parts.append(flow)
    final = answered(graph, model.final_estimator_, graph.joined(parts))
    if not hasattr(model, "classes_"):
        return final
    label = answers.highest(graph, final.scores, list(model.classes_)) if final.scores else ""
    return Answer(label=label, scores=final.scores)


def _width(member: Any, method: str) -> int:
    classes = len(getattr(member, "classes_", ()))
    return classes if method != "predict" and classes > 2 else 1


def _bagged(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Average what members answer, each on its own choice of columns."""
    members = [
        answered(graph, one, graph.chosen(flow, list(columns)))
        for one, columns in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    classes = getattr(model, "classes_", None)
    parts = [one.numbers if classes is None else one.scores for one in members]
    if not all(parts) or any(
        len(getattr(one, "classes_", ())) != len(classes if classes is not None else ())
        for one in model.estimators_
    ):
        raise NotConvertible("its members do not all score every class")
    mean = graph.add("Div", [graph.add("Sum", parts), graph.constant(float(len(parts)))])
    if classes is None:
        return Answer(numbers=mean)
    return Answer(label=answers.highest(graph, mean, list(classes)), scores=mean)


def _of_target(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Take back what was done to the target before it was learned."""
    numbers = answered(graph, model.regressor_, flow).numbers
    step = model.transformer_
    name = type(step).__name__
    found = ""
    if name == "FunctionTransformer" and not step.inv_kw_args:
        same = step.inverse_func is None
        found = numbers if same else elementwise.written(graph, step.inverse_func, numbers)
    elif name == "StandardScaler":
        found = numbers
        if step.with_std:
            found = graph.add("Mul", [found, graph.constant(np.array([step.scale_]))])
        if step.with_mean:
            found = graph.add("Add", [found, graph.constant(np.array([step.mean_]))])
    if not found:
        raise NotConvertible(f"its target was changed by a {name} that has no inverse here")
    return Answer(numbers=found)


def _calibrated(graph: Graph, model: Any, flow: Flow) -> Answer:
    return calibrated(graph, model, lambda one: answered(graph, one, flow))


_MADE_OF_OTHERS: dict[str, Callable[[Graph, Any, Flow], Answer]] = {
    "BaggingClassifier": _bagged,
    "BaggingRegressor": _bagged,
    "CalibratedClassifierCV": _calibrated,
    "FixedThresholdClassifier": _thresholded,
    "TransformedTargetRegressor": _of_target,
    "TunedThresholdClassifierCV": _thresholded,
    "StackingClassifier": _stacked,
    "StackingRegressor": _stacked,
    "VotingClassifier": _voted,
    "VotingRegressor": _voted,
}
