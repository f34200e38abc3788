"""LightGBM's trees, read from the text that they are stored as."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from trueup.models.converters import answers
from trueup.models.converters.answers import Answer
from trueup.models.converters.encoders import by_place
from trueup.models.converters.forests import (
    AT_MOST,
    NOTHING,
    Forest,
    Split,
    Tree,
    ensemble,
    tree_of,
    whole,
)
from trueup.models.converters.graph import Flow, Graph, NotConvertible

_CATEGORY, _LEFT_BY_DEFAULT = 1, 2
_ZERO = 1.0000000180025095e-35  # 1e-35 in single precision
_AS_ZERO, _NAN_APART = 0, 2  # what LightGBM does with missing values


def wrapper(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Write LGBMClassifier or LGBMRegressor."""
    raw = _written(graph, model.booster_.model_to_string(), flow)
    return answers.labelled(
        graph, raw, list(model.classes_) if hasattr(model, "classes_") else None
    )


def booster(graph: Graph, text: str, flow: Flow) -> Answer:
    """Write a booster as it is stored; its classes are places."""
    return answers.labelled(graph, _written(graph, text, flow), None)


def _written(graph: Graph, text: str, flow: Flow) -> Answer:
    """Write the trees of LightGBM's text."""
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    header = dict(_pairs(head))
    found = re.search(r"^pandas_categorical:(.*)$", text, re.MULTILINE)
    flow = _coded(graph, (json.loads(found[1]) if found else None) or [], flow)
    parts = [dict(_pairs(block)) for block in blocks]
    if any(one.get("is_linear", "0") == "1" for one in parts):
        raise NotConvertible("its leaves are linear models")
    targets = int(header["num_tree_per_iteration"])
    forest = Forest(tuple(_tree(one, k % targets) for k, one in enumerate(parts)), targets)
    raw = ensemble(graph, forest, whole(graph, forest, flow))
    if "average_output" in head.splitlines():
        raw = graph.add("Div", [raw, graph.constant(float(max(len(parts) // targets, 1)))])
    answer = _link(graph, raw, header.get("objective", "").split())
    return msgspec.structs.replace(answer, targets=targets)


def _coded(graph: Graph, categories: list[list[Any]], flow: Flow) -> Flow:
    """Give categories the numbers that they had in the training frame."""
    texts = [k for k, one in enumerate(flow.columns) if one is not None and one.is_text]
    if not categories:
        return Flow(
            flow.tensor, tuple(None if k in texts else c for k, c in enumerate(flow.columns))
        )
    if len(texts) != len(categories):
        raise NotConvertible(
            f"it was trained with {len(categories)} columns of categories, not {len(texts)}"
        )
    columns = [graph.chosen(flow, [place]) for place in range(len(flow.columns))]
    for place, known in zip(texts, categories, strict=True):
        columns[place] = by_place(graph, columns[place], known)
    return graph.joined(columns)


def _tree(stored: dict[str, str], target: int) -> Tree:
    values = [float(one) for one in stored["leaf_value"].split()]
    if int(stored["num_leaves"]) == 1:
        return tree_of(values[:1], AT_MOST, target)
    column = {name: stored[name].split() for name in _COLUMNS}
    count = len(column["split_feature"])
    ends = [int(one) for one in stored.get("cat_boundaries", "").split()]
    words = [int(one) for one in stored.get("cat_threshold", "").split()]
    splits: list[Split | float] = []
    for node in range(count):
        kind, threshold = int(column["decision_type"][node]), float(column["threshold"][node])
        left, right = (
            place if place >= 0 else count + ~place
            for place in (int(column["left_child"][node]), int(column["right_child"][node]))
        )
        feature = int(column["split_feature"][node])
        if kind & _CATEGORY:
            sets = words[ends[int(threshold)] : ends[int(threshold) + 1]]
            asked = tuple(float(k) for k in range(32 * len(sets)) if sets[k // 32] >> (k % 32) & 1)
            splits.append(Split(feature, 0.0, left, right, False, asked or NOTHING))
            continue
        missing = kind >> 2 & 3
        if missing not in (_AS_ZERO, _NAN_APART):
            raise NotConvertible("it treats zero as missing")
        by_default = bool(kind & _LEFT_BY_DEFAULT)
        to_left = by_default if missing == _NAN_APART else threshold >= 0.0
        splits.append(Split(feature, _beside_zero(threshold), left, right, to_left))
    return tree_of([*splits, *values], AT_MOST, target)


def _beside_zero(threshold: float) -> float:
    """Return where a threshold lies for whom a number as small as ``_ZERO`` is not zero yet.

    LightGBM takes such numbers for zero before it asks anything of them.
    """
    if -_ZERO <= threshold < 0.0:
        return math.nextafter(-_ZERO, -math.inf)
    return _ZERO if 0.0 <= threshold < _ZERO else threshold


_COLUMNS = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


def _link(graph: Graph, raw: str, objective: list[str]) -> Answer:
    name = objective[0] if objective else ""
    said = dict(one.split(":", 1) for one in objective[1:] if ":" in one)
    if name in ("binary", "cross_entropy", "multiclassova"):
        scores = answers.sigmoid(graph, raw, float(said.get("sigmoid", 1.0)))
        return Answer(scores=scores, raw=raw)
    if name == "multiclass":
        return Answer(scores=answers.softmax(graph, raw), raw=raw)
    if name in ("poisson", "gamma", "tweedie"):
        return Answer(numbers=graph.add("Exp", [raw]))
    if name in _PLAIN and "sqrt" not in objective:
        return Answer(numbers=raw)
    raise NotConvertible(f"its objective is {' '.join(objective) or 'not said'}")


_PLAIN = ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank")


def _pairs(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value
