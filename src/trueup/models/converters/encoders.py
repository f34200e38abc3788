"""Encoders of categories as tables: the fitted encoder itself is asked for every category."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.models.converters.graph import Flow, Graph, NotConvertible, Source
from trueup.models.tables import Table

ENCODERS = ("OrdinalEncoder", "OneHotEncoder", "TargetEncoder")
_BEFORE = ("SimpleImputer", "FunctionTransformer")  # work on each column by itself
_NOBODY = "\x00no category is called this"


class Chain(msgspec.Struct, frozen=True):
    """Steps that take each column by itself, the last of which is an encoder."""

    steps: tuple[Any, ...]

    @property
    def encoder(self) -> Any:
        """The step after which there are numbers."""
        return self.steps[-1]

    def ask(self, columns: Sequence[Sequence[Any]]) -> Any:
        """Return what the steps make of columns of values."""
        given = _as_fitted(self.steps[0], columns)
        for step in self.steps:
            given = step.transform(given)
        given = given.toarray() if hasattr(given, "toarray") else given
        return np.asarray(given, dtype=np.float64)


def chain_of(steps: Sequence[Any]) -> Chain | None:
    """Return the first steps up to an encoder of categories, if they begin so."""
    for place, step in enumerate(steps):
        name = type(step).__name__
        if name in ENCODERS:
            return Chain(tuple(steps[: place + 1]))
        if name not in _BEFORE or getattr(step, "func", None) is not None:
            return None
    return None


def encoded(graph: Graph, chain: Chain, flow: Flow) -> Flow:
    """Replace each column by the rows of a table that the encoder has filled in."""
    known = [_keys(chain, place, column) for place, column in enumerate(flow.columns)]
    widths = _widths(chain.encoder, [len(keys) for keys in known])
    found, start = [], 0
    for place, (column, keys, width) in enumerate(zip(flow.columns, known, widths, strict=True)):
        asked = [[one[0]] * (len(keys) + 2) for one in known]
        text = _is_text(column)
        asked[place] = [*keys, None, _NOBODY] if text else [*keys, np.nan, max(keys) + 1.0]
        rows = _rows(chain, asked)
        table = _Table([None if row is None else row[start : start + width] for row in rows], width)
        one = graph.chosen(flow, [place])
        index = _of_code(graph, one, len(keys)) if text else _of_number(graph, one, keys)
        found.append(Flow(table.looked_up(graph, index), (None,) * width))
        start += width
    return graph.joined(found)


def by_place(graph: Graph, flow: Flow, known: Sequence[Any]) -> Flow:
    """Replace one column's codes by places in another list; what is not in it is missing."""
    (column,) = flow.columns
    codes = (column.codes or ()) if column else ()
    places = {one: float(place) for place, one in enumerate(known)}
    values = [[places.get(one, np.nan)] for one in codes] + [[np.nan], [np.nan]]
    index = _of_code(graph, flow, len(codes))
    return Flow(graph.add("Gather", [graph.constant(np.array(values)), index], axis=0), (None,))


def _rows(chain: Chain, asked: list[list[Any]]) -> list[Any]:
    """Return what rows become, and None for those that the encoder refuses."""
    try:
        return list(chain.ask(asked))
    except (ValueError, TypeError):
        if len(asked[0]) == 1:
            return [None]
        return [_rows(chain, [[one] for one in row])[0] for row in zip(*asked, strict=True)]


def _widths(encoder: Any, categories: Sequence[int]) -> list[int]:
    """Return how many columns each column becomes."""
    count = len(categories)
    name = type(encoder).__name__
    if name == "OrdinalEncoder":
        return [1] * count
    if name == "TargetEncoder":
        classes = getattr(encoder, "classes_", None)
        return [len(classes) if classes is not None and len(classes) > 2 else 1] * count
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * count
    rare = getattr(encoder, "infrequent_categories_", [None] * count)
    return [
        len(known) - (max(len(few) - 1, 0) if few is not None else 0) - (gone is not None)
        for known, gone, few in zip(encoder.categories_, dropped, rare, strict=True)
    ]


class _Table:
    """Rows of numbers; a row that the encoder refuses is one that the graph cannot find."""

    def __init__(self, rows: Sequence[Any], width: int) -> None:
        kept = [row for row in rows if row is not None]
        self._values = np.array(kept, dtype=np.float64).reshape(len(kept), width)
        place = iter(range(len(kept)))
        self._places = [next(place) if row is not None else len(kept) for row in rows]
        self._whole = len(kept) == len(rows)

    def looked_up(self, graph: Graph, index: str) -> str:
        if not self._whole:
            index = graph.add("Gather", [graph.constant(np.array(self._places)), index])
        return graph.add("Gather", [graph.constant(self._values), index], axis=0)


def _of_code(graph: Graph, flow: Flow, count: int) -> str:
    """Return the table's row of a code: one each, then missing, then unseen."""
    missing = graph.add("IsNaN", [flow.tensor])
    known = graph.add("Where", [missing, graph.constant(float(count)), flow.tensor])
    unseen = graph.add("Less", [known, graph.constant(0.0)])
    place = graph.add("Where", [unseen, graph.constant(float(count + 1)), known])
    return _flat(graph, graph.cast(place, np.int64))


def _of_number(graph: Graph, flow: Flow, keys: Sequence[float]) -> str:
    """Return the table's row of a number among numbers that are categories."""
    same = graph.add("Equal", [flow.tensor, graph.constant(np.array([keys], dtype=np.float64))])
    missing = graph.add("IsNaN", [flow.tensor])
    marks = graph.cast(graph.add("Concat", [same, missing], axis=1), np.float64)
    nothing = graph.add("Mul", [graph.cast(missing, np.float64), graph.constant(0.0)])
    half = graph.add("Add", [nothing, graph.constant(0.5)])
    return graph.add("ArgMax", [graph.add("Concat", [marks, half], axis=1)], axis=1, keepdims=0)


def _flat(graph: Graph, tensor: str) -> str:
    return graph.add("Reshape", [tensor, graph.constant(np.array([-1], dtype=np.int64))])


def _is_text(column: Source | None) -> bool:
    return column is not None and column.is_text


def _keys(chain: Chain, place: int, column: Source | None) -> list[Any]:
    if column is not None and column.codes is not None:
        return list(column.codes) or [_NOBODY]
    categories = np.asarray(chain.encoder.categories_[place])
    if categories.dtype.kind not in "biuf":
        raise NotConvertible(f"{type(chain.encoder).__name__} encodes {categories.dtype} values")
    keys = categories.astype(np.float64)
    found = [float(one) for one in keys if not np.isnan(one)]
    return found or [0.0]


def _as_fitted(step: Any, columns: Sequence[Sequence[Any]]) -> Any:
    """Give columns names where the step was fitted with names."""
    names = getattr(step, "feature_names_in_", None)
    if names is not None:
        given = {str(name): _column(one) for name, one in zip(names, columns, strict=True)}
        return Table(given).frame()
    stacked = [_column(one) for one in columns]
    whole = all(one.dtype.kind == "f" for one in stacked)
    return np.column_stack([one if whole else one.astype(object) for one in stacked])


def _column(values: Sequence[Any]) -> Any:
    numbers = all(isinstance(one, float) for one in values)
    return np.array(values, dtype=np.float64 if numbers else object)
