"""Estimators without a converter of our own, through skl2onnx, on doubles."""

import warnings
from typing import Any

import numpy as np

from trueup.models.converters.answers import Answer
from trueup.models.converters.graph import ML, OPSET, OTHERS_ML_OPSET, Flow, Graph, NotConvertible
from trueup.models.libraries import library
from trueup.models.port import short

_INPUT = "x"


def transformed(graph: Graph, step: Any, flow: Flow) -> Flow:
    """Write a transformer of numbers."""
    found = _added(graph, step, flow, {})
    tensor, width = found[0]
    return Flow(tensor, (None,) * width)


def answered(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Write an estimator of numbers."""
    if not hasattr(model, "classes_"):
        return Answer(numbers=_added(graph, model, flow, {})[0][0])
    options: dict[str, Any] = {"zipmap": False}
    if not hasattr(model, "predict_proba") and hasattr(model, "decision_function"):
        options["raw_scores"] = True
    label, *scores = _added(graph, model, flow, options)
    return Answer(label=label[0], scores=scores[0][0] if scores else "")


def _added(graph: Graph, step: Any, flow: Flow, options: Any) -> list[tuple[str, int]]:
    """Add the nodes of skl2onnx under names of our own; returns its outputs and their widths."""
    name = type(step).__name__
    skl2onnx = library("skl2onnx", "skl2onnx", extra=False)
    types = library("skl2onnx.common.data_types", "skl2onnx", extra=False)
    given = [(_INPUT, types.DoubleTensorType([None, len(flow.columns)]))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = skl2onnx.to_onnx(
                step,
                initial_types=given,
                options={id(step): options} if options else None,
                target_opset={"": OPSET, ML: OTHERS_ML_OPSET},
            )
    except Exception as error:  # skl2onnx raises what it likes
        raise NotConvertible(f"skl2onnx cannot convert {name}: {short(error)}") from error
    names = {_INPUT: flow.tensor, "": ""}
    for constant in made.graph.initializer:
        names[constant.name] = graph.fresh()
        constant.name = names[constant.name]
        graph.constants.append(constant)
    for node in made.graph.node:
        if any(one.g.node or one.graphs for one in node.attribute):
            raise NotConvertible(f"skl2onnx converts {name} with loops")
        for side in (node.input, node.output):
            for place, one in enumerate(side):
                names.setdefault(one, graph.fresh())
                side[place] = names[one]
        graph.nodes.append(node)
    return [_output(graph, one, names[one.name]) for one in made.graph.output]


def _output(graph: Graph, said: Any, name: str) -> tuple[str, int]:
    tensor = said.type.tensor_type
    if tensor.elem_type in (1, 10):  # numbers in single or half precision
        name = graph.cast(name, np.float64)
    sizes = [one.dim_value for one in tensor.shape.dim]
    return name, sizes[1] if len(sizes) == 2 else 1
