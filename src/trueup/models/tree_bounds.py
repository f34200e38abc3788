"""Indices in trees from a file, checked before compiled code follows them unchecked.

scikit-learn's trees walk from node to child by indices that it trusts. In a file they can say
anything, and a prediction would then read foreign memory or never end.

Processes without trueup load this file by its path (delivery/elsewhere), with any Python from 3.9
on: it needs NumPy alone.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

_LEAF = -1


def check_bounds(model: Any) -> str:
    """Return what is wrong with a tree anywhere in a model, or an empty string."""
    for owner, part in _parts(model):
        check = _CHECKS.get(type(part).__name__)
        wrong = check(part, owner) if check else _ensemble(part)
        if wrong:
            return wrong
    return ""


def _parts(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every object reachable through attributes and containers, with its owner."""
    seen: set[tuple[int, int]] = set()  # what two own is looked at for each
    waiting: list[tuple[Any, Any]] = [(None, model)]
    while waiting:
        owner, one = waiting.pop()
        if isinstance(one, (str, bytes, int, float, type(None))) or (id(owner), id(one)) in seen:
            continue
        seen.add((id(owner), id(one)))
        yield owner, one
        if isinstance(one, dict):
            waiting += [(owner, part) for part in one.values()]
        elif isinstance(one, (list, tuple, set)):
            waiting += [(owner, part) for part in one]
        elif isinstance(one, np.ndarray):
            waiting += [(owner, part) for part in one.flat] if one.dtype == object else []
        elif hasattr(one, "__dict__") and not isinstance(one, type):
            waiting += [(one, part) for part in vars(one).values()]


def _features(owner: Any) -> int:
    """Return how many columns the owner lets through to its tree; nothing said lets none."""
    said = getattr(owner, "n_features_in_", 0)
    return int(said) if isinstance(said, (int, np.integer)) else 0


def _ensemble(part: Any) -> str:
    """Check that trees, which an ensemble asks unchecked, take what the ensemble takes."""
    members = vars(part).get("estimators_") if hasattr(part, "__dict__") else None
    ours = type(part).__module__.startswith("sklearn.ensemble.")  # others ask through checks
    if not ours or not isinstance(members, (list, np.ndarray)):
        return ""
    chosen = vars(part).get("estimators_features_")
    for place, member in enumerate(np.asarray(members, dtype=object).ravel()):
        tree = getattr(member, "tree_", None)
        takes = _features(part) if chosen is None else len(chosen[place])
        if tree is not None and tree.n_features != takes:
            return "tree was made for another number of features than its ensemble"
    return ""


def _walks(left: Any, right: Any, inner: Any, count: int) -> bool:
    """Say whether every inner node's children come behind it and exist: no loops, no way out."""
    at = np.arange(count)[inner]
    return all(bool(np.all((to[inner] > at) & (to[inner] < count))) for to in (left, right))


def _tree(tree: Any, owner: Any) -> str:
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    inner = left != _LEAF
    count = len(left)
    if count == 0 or not _walks(left, right, inner, count):
        return "tree has nodes whose children do not exist"
    features = tree.feature[inner]
    if len(features) and (features.min() < 0 or features.max() >= tree.n_features):
        return "tree asks for features that do not exist"
    if _features(owner) != tree.n_features:
        return "tree was made for another number of features"
    if tree.value.shape[0] != count:
        return "tree has not one value a node"
    return ""


def _predictor(predictor: Any, owner: Any) -> str:
    nodes = predictor.nodes
    needed = {"left", "right", "feature_idx", "is_leaf", "is_categorical", "bitset_idx"}
    if nodes.dtype.names is None or not needed <= set(nodes.dtype.names) or len(nodes) == 0:
        return "tree has not the nodes that its kind has"
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    if not _walks(left, right, inner, len(nodes)):
        return "tree has nodes whose children do not exist"
    features = nodes["feature_idx"][inner]
    if len(features) and (features.min() < 0 or features.max() >= _features(owner)):
        return "tree asks for features that do not exist"
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    rows = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    if len(sets) and int(sets.max()) >= rows:
        return "tree asks for categories that do not exist"
    return ""


def _neighbours(tree: Any, owner: Any) -> str:
    points, order, nodes, bounds = (np.asarray(one) for one in tree.get_arrays())
    count = len(points)
    if len(order) != count or (count and (order.min() < 0 or order.max() >= count)):
        return "neighbour tree points at rows that do not exist"
    ends = nodes["idx_end"]
    if len(nodes) == 0 or bool(np.any((nodes["idx_start"] < 0) | (ends > count))):
        return "neighbour tree has nodes without rows"
    inner = nodes["is_leaf"] == 0
    # the children of node k are 2k + 1 and 2k + 2
    if bool(np.any(2 * np.arange(len(nodes))[inner] + 2 >= len(nodes))):
        return "neighbour tree has nodes whose children do not exist"
    if bounds.ndim != 3 or bounds.shape[1] != len(nodes) or bounds.shape[2] != points.shape[1]:
        return "neighbour tree has not one bound a node"
    return ""


_CHECKS = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    "KDTree": _neighbours,
    "BallTree": _neighbours,
}
