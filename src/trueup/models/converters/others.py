"""Estimators without a converter of our own, through skl2onnx: in doubles, or where it has none,
in single precision; the comparison says whether that is enough."""

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
    tensor, width = _added(graph, step, flow, {})[0]
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
    whys: list[str] = []
    for dtype in (np.float64, np.float32):
        try:
            made = _opened(step, (len(flow.columns), dtype), options)
        except NotConvertible as error:
            whys.append(error.why)
            continue
        given = flow.tensor if dtype is np.float64 else graph.cast(flow.tensor, dtype)
        return _merged(graph, made, given)
    raise NotConvertible(f"skl2onnx cannot convert {type(step).__name__}: {whys[-1]}")


def _opened(step: Any, given: tuple[int, Any], options: Any) -> Any:
    """Let skl2onnx write a graph, and try whether it can be opened and is one that is probed."""
    runtime = library("onnxruntime", "onnxruntime")
    quiet = runtime.SessionOptions()
    quiet.log_severity_level = 4
    try:
        made = _made(step, given, options)
        body = made.SerializeToString()
        runtime.InferenceSession(body, quiet, providers=["CPUExecutionProvider"])
    except Exception as error:  # they raise what they like
        raise NotConvertible(short(error)) from error
    if any(part.g.node or part.graphs for node in made.graph.node for part in node.attribute):
        raise NotConvertible("it takes loops")
    if any(node.op_type.startswith("TreeEnsemble") for node in made.graph.node):
        raise NotConvertible("its trees' thresholds could not be probed")
    return made


def _made(step: Any, given: tuple[int, Any], options: Any) -> Any:
    skl2onnx = library("skl2onnx", "skl2onnx", extra=False)
    types = library("skl2onnx.common.data_types", "skl2onnx", extra=False)
    width, dtype = given
    kind = types.DoubleTensorType if dtype is np.float64 else types.FloatTensorType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skl2onnx.to_onnx(
            step,
            initial_types=[(_INPUT, kind([None, width]))],
            options={id(step): options} if options else None,
            target_opset={"": OPSET, ML: OTHERS_ML_OPSET},
        )


def _merged(graph: Graph, made: Any, given: str) -> list[tuple[str, int]]:
    names = {_INPUT: given, "": ""}
    for constant in made.graph.initializer:
        names[constant.name] = graph.fresh()
        constant.name = names[constant.name]
        graph.constants.append(constant)
    for node in made.graph.node:
        for side in (node.input, node.output):
            for place, one in enumerate(side):
                if one not in names:
                    names[one] = graph.fresh()
                side[place] = names[one]
        node.name = graph.fresh()
        graph.nodes.append(node)
    return [_output(graph, one, names[one.name]) for one in made.graph.output]


def _output(graph: Graph, said: Any, name: str) -> tuple[str, int]:
    tensor = said.type.tensor_type
    if tensor.elem_type in (1, 10):  # numbers in single or half precision
        name = graph.cast(name, np.float64)
    sizes = [one.dim_value for one in tensor.shape.dim]
    return name, sizes[1] if len(sizes) == 2 else 1
