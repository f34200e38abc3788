"""Trees as arrays, written as one node of ONNX that compares doubles with doubles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.models.converters.graph import ML, Flow, Graph

LEAF = -1
NOTHING = (-0.5,)  # a set that no category is in
AT_MOST, BELOW, AMONG = 0, 1, 6  # how a node asks, as ONNX numbers it
_SUM, _AS_IS = 1, 0


class Tree(msgspec.Struct, frozen=True):
    """Nodes in arrays; the root is node 0, and a leaf has no feature."""

    feature: Any  # LEAF for a leaf
    threshold: Any  # a double
    yes: Any  # the node where the answer is yes
    no: Any
    missing_yes: Any  # where a missing value goes
    value: Any  # of leaves
    asks: Any  # AT_MOST, BELOW or AMONG
    target: int = 0
    sets: Mapping[int, tuple[float, ...]] = {}  # of nodes that ask whether a category is among


class Forest(msgspec.Struct, frozen=True):
    """Trees whose leaves are summed for each target."""

    trees: tuple[Tree, ...]
    targets: int = 1
    single: bool = False  # numbers are rounded to single precision before they are compared


def ensemble(graph: Graph, forest: Forest, flow: Flow) -> str:
    """Write a forest; returns a tensor of rows by targets."""
    graph.forests.append((forest, flow))
    if forest.single:
        flow = graph.rounded(flow)
    if not forest.trees:
        rows = graph.add("Mul", [graph.chosen(flow, [0]).tensor, graph.constant(0.0)])
        return graph.add("Mul", [rows, graph.constant(np.zeros((1, forest.targets)))])
    return graph.add("TreeEnsemble", [flow.tensor], ML, **_attributes(graph, forest))


def _attributes(graph: Graph, forest: Forest) -> dict[str, Any]:
    parts: dict[str, list[Any]] = {name: [] for name in _NODES}
    roots: list[int] = []
    leaf_targets: list[int] = []
    leaf_weights: list[float] = []
    members: list[float] = []
    nodes = 0
    for tree in map(_not_a_leaf_alone, forest.trees):
        graph.look()
        inner = tree.feature != LEAF
        # nodes and leaves are counted apart
        place = np.where(inner, np.cumsum(inner) - 1 + nodes, np.cumsum(~inner) - 1)
        place = place + np.where(inner, 0, len(leaf_targets))
        roots.append(nodes)
        columns = (
            tree.feature[inner],
            tree.asks[inner],
            tree.threshold[inner],
            tree.missing_yes[inner],
            place[tree.yes[inner]],
            ~inner[tree.yes[inner]],
            place[tree.no[inner]],
            ~inner[tree.no[inner]],
        )
        for name, column in zip(_NODES, columns, strict=True):
            parts[name] += column.tolist()
        for node in np.flatnonzero(inner & (tree.asks == AMONG)).tolist():
            members += [*tree.sets[node], np.nan]  # NaN ends a set
        nodes += int(inner.sum())
        leaf_targets += [tree.target] * int((~inner).sum())
        leaf_weights += tree.value[~inner].tolist()
    tensors = {
        "nodes_modes": graph.tensor(np.array(parts.pop("nodes_modes"), dtype=np.uint8), "modes"),
        "nodes_splits": graph.tensor(np.array(parts.pop("nodes_splits")), "splits"),
        "leaf_weights": graph.tensor(np.array(leaf_weights), "weights"),
    }
    if members:
        tensors["membership_values"] = graph.tensor(np.array(members), "members")
    whole = {name: [int(one) for one in column] for name, column in parts.items()}
    return {
        **tensors,
        **whole,
        "tree_roots": roots,
        "leaf_targetids": leaf_targets,
        "n_targets": forest.targets,
        "aggregate_function": _SUM,
        "post_transform": _AS_IS,
    }


_NODES = (
    "nodes_featureids",
    "nodes_modes",
    "nodes_splits",
    "nodes_missing_value_tracks_true",
    "nodes_truenodeids",
    "nodes_trueleafs",
    "nodes_falsenodeids",
    "nodes_falseleafs",
)


def _not_a_leaf_alone(tree: Tree) -> Tree:
    """Give a tree that is one leaf a question whose answers are the same: ONNX roots are nodes."""
    if tree.feature[0] != LEAF:
        return tree
    leaf = tree.value[0]
    return Tree(
        np.array([0, LEAF, LEAF]),
        np.zeros(3),
        np.array([1, 0, 0]),
        np.array([2, 0, 0]),
        np.zeros(3, dtype=bool),
        np.array([0.0, leaf, leaf]),
        np.zeros(3, dtype=np.int64),
        tree.target,
    )


class Split(msgspec.Struct, frozen=True):
    """A node of a tree as some library stores it; categories instead of a threshold where given."""

    feature: int
    threshold: float
    yes: int
    no: int
    missing_yes: bool
    categories: Sequence[float] = ()  # yes for these


def tree_of(splits: Sequence[Split | float], asks: int, target: int = 0) -> Tree:
    """Put nodes (a float is a leaf) into arrays."""
    rows = [_row(one, asks) for one in splits]
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    columns[1] = columns[1].astype(np.float64)
    sets = {
        node: tuple(map(float, one.categories))
        for node, one in enumerate(splits)
        if isinstance(one, Split) and one.categories
    }
    return msgspec.structs.replace(Tree(*columns), target=target, sets=sets)


def whole(graph: Graph, forest: Forest, flow: Flow) -> Flow:
    """Cut off fractions of categories, as boosters do before they look them up."""
    asked = {int(tree.feature[node]) for tree in forest.trees for node in tree.sets}
    if not asked:
        return flow
    columns = []
    for place in range(len(flow.columns)):
        one = graph.chosen(flow, [place])
        if place in asked:
            down = graph.add("Floor", [graph.add("Abs", [one.tensor])])
            one = Flow(graph.add("Mul", [graph.add("Sign", [one.tensor]), down]), one.columns)
        columns.append(one)
    return graph.joined(columns)


def _row(one: Split | float, asks: int) -> tuple[int, float, int, int, bool, float, int]:
    if not isinstance(one, Split):
        return LEAF, 0.0, 0, 0, False, float(one), asks
    kind = AMONG if one.categories else asks
    return one.feature, one.threshold, one.yes, one.no, one.missing_yes, 0.0, kind


def reached(tree: Tree, given: Any) -> Iterator[tuple[int, int]]:
    """Yield the nodes with a threshold that rows of a matrix reach, each with one such row."""
    waiting = [(0, np.arange(len(given)))]
    while waiting:
        node, rows = waiting.pop()
        if tree.feature[node] == LEAF or len(rows) == 0:
            continue
        column = given[rows, tree.feature[node]]
        if node in tree.sets:
            answer = np.isin(column, tree.sets[node])
        else:
            yield node, int(rows[0])
            ask = np.less_equal if tree.asks[node] == AT_MOST else np.less
            answer = ask(column, tree.threshold[node])
        answer = np.where(np.isnan(column), tree.missing_yes[node], answer)
        waiting.append((int(tree.yes[node]), rows[answer]))
        waiting.append((int(tree.no[node]), rows[~answer]))
