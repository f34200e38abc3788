"""Calibrated classifiers: sigmoids and steps over what their members answer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters import answers
from trueup.models.converters.answers import Answer
from trueup.models.converters.graph import Graph, NotConvertible


def calibrated(graph: Graph, model: Any, ask: Callable[[Any], Answer]) -> Answer:
    """Average the calibrated scores of each member."""
    classes = list(model.classes_)
    parts = [_member(graph, one, len(classes), ask) for one in model.calibrated_classifiers_]
    mean = graph.add("Div", [graph.add("Sum", parts), graph.constant(float(len(parts)))])
    return Answer(label=answers.highest(graph, mean, classes), scores=mean)


def _member(graph: Graph, one: Any, classes: int, ask: Callable[[Any], Answer]) -> str:
    answer = ask(one.estimator)
    decides = hasattr(one.estimator, "decision_function")
    raw = answer.raw if decides else answer.scores
    if not raw or (len(one.calibrators) not in (1, classes)):
        raise NotConvertible("a calibrated classifier asks a member for a score that no graph has")
    if classes == 2:
        # a decision is one column, probabilities are two: the last one speaks of the second class
        last = graph.add("Gather", [raw, graph.constant(np.array([-1]))], axis=1)
        return answers.both(graph, _scaled(graph, one.calibrators[0], last))
    columns = [
        _scaled(
            graph, calibrator, graph.add("Gather", [raw, graph.constant(np.array([k]))], axis=1)
        )
        for k, calibrator in enumerate(one.calibrators)
    ]
    joined = graph.add("Concat", columns, axis=1)
    total = graph.add("ReduceSum", [joined, graph.constant(np.array([1]))], keepdims=1)
    empty = graph.add("Equal", [total, graph.constant(0.0)])
    even = graph.constant(1.0 / classes)
    shares = graph.add("Div", [joined, graph.add("Where", [empty, graph.constant(1.0), total])])
    return graph.add("Where", [empty, even, shares])


def _scaled(graph: Graph, calibrator: Any, raw: str) -> str:
    name = type(calibrator).__name__
    if name == "_SigmoidCalibration":
        scaled = graph.add("Mul", [raw, graph.constant(-float(calibrator.a_))])
        return graph.add(
            "Sigmoid", [graph.add("Sub", [scaled, graph.constant(float(calibrator.b_))])]
        )
    if name == "IsotonicRegression" and calibrator.out_of_bounds == "clip":
        return _steps(graph, calibrator, raw)
    raise NotConvertible(f"it is calibrated by {name.strip('_')}")


def _steps(graph: Graph, calibrator: Any, raw: str) -> str:
    """Draw straight lines between an isotonic regression's points."""
    x = np.asarray(calibrator.X_thresholds_, dtype=np.float64)
    y = np.asarray(calibrator.y_thresholds_, dtype=np.float64)
    if len(x) == 1:
        return graph.add(
            "Add", [graph.add("Mul", [raw, graph.constant(0.0)]), graph.constant(y[0])]
        )
    clipped = graph.add(
        "Min", [graph.constant(x[-1]), graph.add("Max", [graph.constant(x[0]), raw])]
    )
    inner = graph.constant(np.array([x[1:-1]]))
    passed = graph.cast(graph.add("Greater", [clipped, inner]), np.int64)
    place = graph.add("ReduceSum", [passed, graph.constant(np.array([1]))], keepdims=1)
    slope = np.diff(y) / np.diff(x)

    def at(values: Any) -> str:
        return graph.add("Gather", [graph.constant(values), place])

    beyond = graph.add("Sub", [clipped, at(x[:-1])])
    return graph.add("Add", [at(y[:-1]), graph.add("Mul", [beyond, at(slope)])])
