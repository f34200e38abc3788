"""Preprocessing: pipelines and column transformers, step for step, columns traced to the table."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trueup.models.converters import elementwise, others
from trueup.models.converters.encoders import chain_of, encoded
from trueup.models.converters.graph import Flow, Graph, NotConvertible, Source


def transformed(graph: Graph, step: Any, flow: Flow) -> Flow:
    """Write what a fitted transformer makes of columns."""
    name = type(step).__name__
    if step == "passthrough" or step is None:
        return flow
    if name == "Pipeline":
        return piped(graph, [one for _, one in step.steps], flow)
    if name == "ColumnTransformer":
        return _by_columns(graph, step, flow)
    if name == "FeatureUnion":
        weights = step.transformer_weights or {}
        if weights:
            raise NotConvertible("a FeatureUnion has weights")
        return graph.joined(
            [transformed(graph, one, flow) for _, one in step.transformer_list if one != "drop"]
        )
    chain = chain_of([step])
    if chain is not None:
        return encoded(graph, chain, flow)
    if name == "FunctionTransformer" and _changes_nothing(step.func):
        return flow
    if flow.has_text:
        raise _takes_text(step, flow)
    own = _OWN.get(name)
    found = own(graph, step, flow) if own else None
    return found if found is not None else others.transformed(graph, step, flow)


def _changes_nothing(called: Any) -> bool:
    """Say whether a function only lets arrays through, as histogram boosting does with numbers."""
    return called is None or getattr(getattr(called, "func", None), "__name__", "") == "check_array"


def piped(graph: Graph, steps: Sequence[Any], flow: Flow) -> Flow:
    """Write transformers one after the other."""
    waiting = [one for one in steps if one is not None and one != "passthrough"]
    while waiting:
        chain = chain_of(waiting) if flow.has_text else None
        if chain is not None:
            flow = encoded(graph, chain, flow)
            waiting = waiting[len(chain.steps) :]
        else:
            flow = transformed(graph, waiting.pop(0), flow)
    return flow


def _by_columns(graph: Graph, step: Any, flow: Flow) -> Flow:
    parts = []
    for _, one, columns in step.transformers_:
        places = _places(columns, step, flow)
        if places and not (isinstance(one, str) and one == "drop"):
            weight = (step.transformer_weights or {}).get(_)
            if weight is not None:
                raise NotConvertible("a ColumnTransformer has weights")
            parts.append(transformed(graph, one, graph.chosen(flow, places)))
    if not parts:
        raise NotConvertible("a ColumnTransformer lets no column through")
    return graph.joined(parts)


def _places(columns: Any, step: Any, flow: Flow) -> list[int]:
    """Return which columns of the flow are meant: by name, number, slice or mask."""
    count = len(flow.columns)
    if isinstance(columns, slice) and not any(
        isinstance(one, str) for one in (columns.start, columns.stop)
    ):
        return list(range(count))[columns]
    listed = [columns] if isinstance(columns, str | int) else list(np.asarray(columns).tolist())
    if listed and all(isinstance(one, bool) for one in listed):
        return [place for place, one in enumerate(listed) if one]
    names = [one.field if one else "" for one in flow.columns]
    fitted = [str(one) for one in getattr(step, "feature_names_in_", ())]
    found = []
    for one in listed:
        if isinstance(one, int):
            found.append(one % count)
        elif one in names:
            found.append(names.index(one))
        elif one in fitted and len(fitted) == count:
            found.append(fitted.index(one))
        else:
            raise NotConvertible(
                f"a ColumnTransformer takes a column {one!r} that cannot be traced"
            )
    return found


def _takes_text(step: Any, flow: Flow) -> NotConvertible:
    texts = [one.field for one in flow.columns if one is not None and one.is_text]
    return NotConvertible(
        f"{type(step).__name__} takes categories as they are ({', '.join(texts[:4])}); "
        "OrdinalEncoder, OneHotEncoder and TargetEncoder become tables"
    )


def _scaled(graph: Graph, step: Any, flow: Flow) -> Flow:
    """Subtract and divide as StandardScaler does."""
    width, tensor = len(flow.columns), flow.tensor
    shift = step.mean_ if step.with_mean else np.zeros(width)
    scale = step.scale_ if step.with_std else np.ones(width)
    if step.with_mean:
        tensor = graph.add("Sub", [tensor, graph.constant(np.array([shift]))])
    if step.with_std:
        tensor = graph.add("Div", [tensor, graph.constant(np.array([scale]))])
    return Flow(tensor, _traced(flow, shift, scale))


def _stretched(graph: Graph, step: Any, flow: Flow) -> Flow | None:
    """Multiply and add as MinMaxScaler does."""
    if step.clip:
        return None
    scale, least = np.asarray(step.scale_), np.asarray(step.min_)
    tensor = graph.add("Mul", [flow.tensor, graph.constant(np.array([scale]))])
    tensor = graph.add("Add", [tensor, graph.constant(np.array([least]))])
    return Flow(tensor, _traced(flow, -least / scale, 1.0 / scale))


def _traced(flow: Flow, shift: Any, scale: Any) -> tuple[Source | None, ...]:
    return tuple(
        one.scaled(float(shift[place]), float(scale[place])) if one else None
        for place, one in enumerate(flow.columns)
    )


def _imputed(graph: Graph, step: Any, flow: Flow) -> Flow | None:
    """Put numbers where NaN is, as SimpleImputer does."""
    fills = np.asarray(step.statistics_)
    whole = fills.dtype.kind in "iuf" and not np.isnan(fills.astype(float)).any()
    usual = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    if not whole or not usual:
        return None
    missing = graph.add("IsNaN", [flow.tensor])
    filled = graph.constant(np.array([fills], dtype=np.float64))
    # a column stays the table's own: only missing values are other ones
    whole_flow = Flow(graph.add("Where", [missing, filled, flow.tensor]), flow.columns)
    if not step.add_indicator:
        return whole_flow
    lacked = list(map(int, step.indicator_.features_))  # those that lacked values in training
    if not lacked:
        return whole_flow
    marks = graph.chosen(Flow(graph.cast(missing, np.float64), flow.columns), lacked)
    return graph.joined([whole_flow, Flow(marks.tensor, (None,) * len(lacked))])


def _called(graph: Graph, step: Any, flow: Flow) -> Flow | None:
    """Call a function of NumPy on each number."""
    tensor = "" if step.kw_args else elementwise.written(graph, step.func, flow.tensor)
    return Flow(tensor, (None,) * len(flow.columns)) if tensor else None


_OWN: dict[str, Callable[[Graph, Any, Flow], Flow | None]] = {
    "StandardScaler": _scaled,
    "MinMaxScaler": _stretched,
    "SimpleImputer": _imputed,
    "FunctionTransformer": _called,
}
