"""XGBoost's trees, read from the JSON that they are stored as; it compares in single precision."""

import json
from typing import Any

import msgspec
import numpy as np

from trueup.models.converters import answers
from trueup.models.converters.answers import Answer
from trueup.models.converters.forests import (
    BELOW,
    NOTHING,
    Forest,
    Split,
    Tree,
    ensemble,
    tree_of,
    whole,
)
from trueup.models.converters.graph import Flow, Graph, NotConvertible


def wrapper(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Write XGBClassifier or XGBRegressor; after early stopping the best rounds alone."""
    found = model.get_booster()
    best = found.attr("best_iteration")
    answer = _written(
        graph, json.loads(bytes(found.save_raw("json"))), flow, int(best) + 1 if best else 0
    )
    return answers.labelled(
        graph, answer, list(model.classes_) if hasattr(model, "classes_") else None
    )


def booster(graph: Graph, found: Any, rounds: int, flow: Flow) -> Answer:
    """Write a booster as it is stored; its classes are places. No rounds means all."""
    model = json.loads(bytes(found.save_raw("json")))
    return answers.labelled(graph, _written(graph, model, flow, rounds), None)


def _written(graph: Graph, model: Any, flow: Flow, rounds: int) -> Answer:
    """Write the trees of XGBoost's JSON."""
    learner = model["learner"]
    gradient = learner["gradient_booster"]
    if gradient["name"] != "gbtree":
        raise NotConvertible(f"XGBoost's {gradient['name']} is not made of trees alone")
    stored, targets_of = gradient["model"]["trees"], gradient["model"]["tree_info"]
    if any(int(one["tree_param"].get("size_leaf_vector", 0)) > 1 for one in stored):
        raise NotConvertible("its leaves have several values")
    upto = gradient["model"]["iteration_indptr"][rounds] if rounds else len(stored)
    trees = tuple(
        _tree(one, target) for one, target in zip(stored[:upto], targets_of[:upto], strict=True)
    )
    targets = max(targets_of, default=0) + 1
    flow = Flow(flow.tensor, tuple(None if c and c.is_text else c for c in flow.columns))
    forest = Forest(trees, targets, single=True)
    raw = ensemble(graph, forest, whole(graph, forest, flow))
    said = learner["learner_model_param"]["base_score"]
    base = np.atleast_1d(np.asarray(json.loads(said), dtype=np.float64))
    answer = _link(graph, raw, base, str(learner["objective"]["name"]))
    return msgspec.structs.replace(answer, targets=targets)


def _tree(stored: Any, target: int) -> Tree:
    sets = _sets(stored)
    splits: list[Split | float] = []
    for node, left in enumerate(stored["left_children"]):
        condition = float(np.float32(stored["split_conditions"][node]))
        if left == -1:
            splits.append(condition)
            continue
        right, feature = int(stored["right_children"][node]), int(stored["split_indices"][node])
        by_default = bool(stored["default_left"][node])
        if stored["split_type"][node]:  # these categories go right
            asked = sets.get(node) or NOTHING
            splits.append(Split(feature, 0.0, right, int(left), not by_default, asked))
        else:
            splits.append(Split(feature, condition, int(left), right, by_default))
    return tree_of(splits, BELOW, target)


def _sets(stored: Any) -> dict[int, tuple[float, ...]]:
    members = stored.get("categories", [])
    return {
        int(node): tuple(float(one) for one in members[start : start + size])
        for node, start, size in zip(
            stored.get("categories_nodes", []),
            stored.get("categories_segments", []),
            stored.get("categories_sizes", []),
            strict=True,
        )
    }


def _link(graph: Graph, raw: str, base: Any, objective: str) -> Answer:
    if objective in ("binary:logistic", "reg:logistic"):
        whole = graph.add("Add", [raw, graph.constant(np.log(base / (1.0 - base)).reshape(1, -1))])
        return Answer(scores=answers.sigmoid(graph, whole), raw=whole)
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie"):
        whole = graph.add("Add", [raw, graph.constant(np.log(base).reshape(1, -1))])
        return Answer(numbers=graph.add("Exp", [whole]))
    whole = graph.add("Add", [raw, graph.constant(base.reshape(1, -1))])
    if objective == "multi:softprob":
        return Answer(scores=answers.softmax(graph, whole), raw=whole)
    if objective in _IDENTITY:
        return Answer(numbers=whole)
    raise NotConvertible(f"its objective is {objective}")


_IDENTITY = (
    "reg:squarederror",
    "reg:absoluteerror",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "rank:ndcg",
    "rank:map",
    "rank:pairwise",
)
