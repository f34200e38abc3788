"""Linear models: a product in doubles, and what their link makes of it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters import answers
from trueup.models.converters.answers import Answer
from trueup.models.converters.graph import Flow, Graph, NotConvertible


def _product(graph: Graph, model: Any, flow: Flow) -> str:
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    constant = np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64)).reshape(1, -1)
    product = graph.add("MatMul", [flow.tensor, graph.constant(weights.T)])
    return graph.add("Add", [product, graph.constant(constant)])


def _classifier(graph: Graph, model: Any, flow: Flow) -> Answer:
    raw, classes = _product(graph, model, flow), list(model.classes_)
    chances = hasattr(model, "predict_proba")
    if len(classes) == 2:
        label = answers.above(graph, (raw, 0.0), classes, from_it=False)
        scores = answers.both(graph, answers.sigmoid(graph, raw)) if chances else raw
        return Answer(label=label, scores=scores, raw=raw)
    if chances and _one_against_all(model):
        raise NotConvertible("its classes were each learned against all others")
    label = answers.highest(graph, raw, classes)
    return Answer(label=label, scores=answers.softmax(graph, raw) if chances else raw, raw=raw)


def _one_against_all(model: Any) -> bool:
    return (
        type(model).__name__ == "SGDClassifier"
        or getattr(model, "multi_class", "") == "ovr"
        or getattr(model, "solver", "") == "liblinear"
    )


def _sgd(graph: Graph, model: Any, flow: Flow) -> Answer:
    if model.loss not in ("log_loss", "hinge", "perceptron", "squared_hinge"):
        raise NotConvertible(f"SGDClassifier has the loss {model.loss}")
    return _classifier(graph, model, flow)


def _regressor(graph: Graph, model: Any, flow: Flow) -> Answer:
    return Answer(numbers=_product(graph, model, flow))


def _exponential(graph: Graph, model: Any, flow: Flow) -> Answer:
    if type(model._base_loss.link).__name__ != "LogLink":
        return _regressor(graph, model, flow)
    return Answer(numbers=graph.add("Exp", [_product(graph, model, flow)]))


LINEAR: dict[str, Callable[[Graph, Any, Flow], Answer]] = {
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), _classifier),
    **dict.fromkeys(
        ("LinearSVC", "RidgeClassifier", "RidgeClassifierCV", "Perceptron"), _classifier
    ),
    "SGDClassifier": _sgd,
    **dict.fromkeys(("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV"), _regressor),
    **dict.fromkeys(("ElasticNet", "ElasticNetCV", "HuberRegressor", "LinearSVR"), _regressor),
    **dict.fromkeys(("BayesianRidge", "SGDRegressor", "QuantileRegressor"), _regressor),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), _exponential),
}
