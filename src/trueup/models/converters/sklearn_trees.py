"""scikit-learn's trees and what is made of them, node for node."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trueup.models.converters import answers
from trueup.models.converters.answers import Answer
from trueup.models.converters.forests import (
    AT_MOST,
    NOTHING,
    Forest,
    Split,
    Tree,
    ensemble,
    tree_of,
)
from trueup.models.converters.graph import Flow, Graph, NotConvertible


def _tree(tree: Any, values: Any, target: int) -> Tree:
    """Take over a tree; its numbers are compared in single precision with doubles."""
    nodes = tree.__getstate__()["nodes"]
    missing = nodes["missing_go_to_left"] if "missing_go_to_left" in nodes.dtype.names else 0
    inner = nodes["left_child"] != -1
    count = len(nodes)
    return Tree(
        feature=np.where(inner, nodes["feature"], -1).astype(np.int64),
        threshold=np.asarray(nodes["threshold"], dtype=np.float64),
        yes=np.where(inner, nodes["left_child"], 0).astype(np.int64),
        no=np.where(inner, nodes["right_child"], 0).astype(np.int64),
        missing_yes=np.broadcast_to(missing, (count,)).astype(bool),
        value=np.asarray(values, dtype=np.float64),
        asks=np.full(count, AT_MOST),
        target=target,
    )


def _members(model: Any) -> list[Any]:
    found = getattr(model, "estimators_", None)
    return [model.tree_] if found is None else [one.tree_ for one in found]


def _mean(graph: Graph, forest: Forest, flow: Flow, count: int) -> str:
    total = ensemble(graph, forest, flow)
    return total if count == 1 else graph.add("Div", [total, graph.constant(float(count))])


def forest_classifier(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Average the leaves' shares of each class; of two classes the second's are enough."""
    members = _members(model)
    if model.n_outputs_ != 1:
        raise NotConvertible("it has several outputs of classes")
    classes = list(model.classes_)
    wanted = [1] if len(classes) == 2 else list(range(len(classes)))
    trees = [
        _tree(tree, tree.value[:, 0, place], target)
        for target, place in enumerate(wanted)
        for tree in members
    ]
    forest = Forest(tuple(trees), len(wanted), single=True)
    shares = _mean(graph, forest, flow, len(members))
    if len(classes) == 2:
        label = answers.above(graph, (shares, 0.5), classes, from_it=False)
        return Answer(label=label, scores=answers.both(graph, shares))
    return Answer(label=answers.highest(graph, shares, classes), scores=shares)


def forest_regressor(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Average the leaves, of each target."""
    members, targets = _members(model), int(model.n_outputs_)
    trees = [
        _tree(tree, tree.value[:, target, 0], target)
        for target in range(targets)
        for tree in members
    ]
    forest = Forest(tuple(trees), targets, single=True)
    return Answer(numbers=_mean(graph, forest, flow, len(members)))


def gradient_boosting(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Sum the leaves over a constant beginning."""
    if type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor", "str"):
        raise NotConvertible(f"it begins with a {type(model.init_).__name__}")
    width = int(model.n_features_in_)
    begin = np.asarray(model._raw_predict_init(np.zeros((1, width), dtype=np.float32)))
    trees = [
        _tree(one.tree_, one.tree_.value[:, 0, 0] * model.learning_rate, target)
        for row in model.estimators_
        for target, one in enumerate(row)
    ]
    forest = Forest(tuple(trees), begin.shape[1], single=True)
    raw = graph.add("Add", [ensemble(graph, forest, flow), graph.constant(begin)])
    if not hasattr(model, "classes_"):
        return Answer(numbers=raw)
    return _classified(graph, model, raw, from_it=True)


def hist_gradient_boosting(graph: Graph, model: Any, flow: Flow) -> Answer:
    """Sum the leaves; numbers are compared as doubles, categories as sets."""
    if getattr(model, "_preprocessor", None) is not None:
        from trueup.models.converters.columns import transformed

        flow = transformed(graph, model._preprocessor, flow)
    known, places = model._bin_mapper.make_known_categories_bitsets()
    trees = [
        _histogram_tree(one, target, lambda feature: known[places[feature]])
        for row in model._predictors
        for target, one in enumerate(row)
    ]
    forest = Forest(tuple(trees), int(model.n_trees_per_iteration_))
    begin = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)
    raw = graph.add("Add", [ensemble(graph, forest, flow), graph.constant(begin)])
    if hasattr(model, "classes_"):
        return _classified(graph, model, raw, from_it=False)
    link = type(model._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise NotConvertible(f"its loss has the link {link}")
    return Answer(numbers=raw if link == "IdentityLink" else graph.add("Exp", [raw]))


def _histogram_tree(predictor: Any, target: int, known: Callable[[int], Any]) -> Tree:
    splits: list[Split | float] = []
    for node in predictor.nodes:
        if node["is_leaf"]:
            splits.append(float(node["value"]))
            continue
        feature, left, right = int(node["feature_idx"]), int(node["left"]), int(node["right"])
        missing = bool(node["missing_go_to_left"])
        if not node["is_categorical"]:
            splits.append(Split(feature, float(node["num_threshold"]), left, right, missing))
            continue
        lefts = _members_of(predictor.raw_left_cat_bitsets[int(node["bitset_idx"])])
        rights = _members_of(known(feature)) - lefts
        # what is unknown, negative or missing goes where missing values go
        yes, no, asked = (right, left, rights) if missing else (left, right, lefts)
        splits.append(Split(feature, 0.0, yes, no, False, tuple(sorted(asked)) or NOTHING))
    return tree_of(splits, AT_MOST, target)


def _members_of(bitset: Any) -> set[float]:
    words = [int(one) for one in bitset]
    return {float(k) for k in range(32 * len(words)) if words[k // 32] >> (k % 32) & 1}


def _classified(graph: Graph, model: Any, raw: str, *, from_it: bool) -> Answer:
    classes, loss = list(model.classes_), type(model._loss).__name__
    if loss == "HalfMultinomialLoss":
        label = answers.highest(graph, raw, classes)
        return Answer(label=label, scores=answers.softmax(graph, raw), raw=raw)
    factors = {"HalfBinomialLoss": 1.0, "ExponentialLoss": 2.0}
    if loss not in factors:
        raise NotConvertible(f"its loss is {loss}")
    positive = answers.sigmoid(graph, raw, factors[loss])
    label = answers.above(graph, (raw, 0.0), classes, from_it=from_it)
    return Answer(label=label, scores=answers.both(graph, positive), raw=raw)


TREES: dict[str, Callable[[Graph, Any, Flow], Answer]] = {
    "DecisionTreeClassifier": forest_classifier,
    "ExtraTreeClassifier": forest_classifier,
    "RandomForestClassifier": forest_classifier,
    "ExtraTreesClassifier": forest_classifier,
    "DecisionTreeRegressor": forest_regressor,
    "ExtraTreeRegressor": forest_regressor,
    "RandomForestRegressor": forest_regressor,
    "ExtraTreesRegressor": forest_regressor,
    "GradientBoostingClassifier": gradient_boosting,
    "GradientBoostingRegressor": gradient_boosting,
    "HistGradientBoostingClassifier": hist_gradient_boosting,
    "HistGradientBoostingRegressor": hist_gradient_boosting,
}
