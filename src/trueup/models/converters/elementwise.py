"""Functions of NumPy on each number, as nodes of a graph."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters.graph import Graph


def _op(name: str) -> Callable[[Graph, str], str]:
    return lambda graph, given: graph.add(name, [given])


def _log1p(graph: Graph, given: str) -> str:
    return graph.add("Log", [graph.add("Add", [given, graph.constant(1.0)])])


def _expm1(graph: Graph, given: str) -> str:
    return graph.add("Sub", [graph.add("Exp", [given]), graph.constant(1.0)])


def _square(graph: Graph, given: str) -> str:
    return graph.add("Mul", [given, given])


def _log_of(base: float) -> Callable[[Graph, str], str]:
    return lambda graph, given: graph.add(
        "Div", [graph.add("Log", [given]), graph.constant(float(np.log(base)))]
    )


_FUNCTIONS: dict[Any, Callable[[Graph, str], str]] = {
    np.log: _op("Log"),
    np.exp: _op("Exp"),
    np.sqrt: _op("Sqrt"),
    np.abs: _op("Abs"),
    np.negative: _op("Neg"),
    np.sign: _op("Sign"),
    np.log1p: _log1p,
    np.expm1: _expm1,
    np.square: _square,
    np.log2: _log_of(2.0),
    np.log10: _log_of(10.0),
}


def written(graph: Graph, called: Any, given: str) -> str:
    """Return the tensor that a function makes of a tensor; empty for a function not known here."""
    try:
        found = _FUNCTIONS.get(called)
    except TypeError:  # not hashable
        return ""
    return found(graph, given) if found else ""
