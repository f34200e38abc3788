"""What a graph answers: scores, classes and numbers, named as the model itself names them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.models.converters.graph import Graph, NotConvertible


class Answer(msgspec.Struct, frozen=True):
    """Tensors of rows by values; a classifier has a label, and mostly scores."""

    numbers: str = ""  # of a regression, one column a target
    label: str = ""  # one value a row, of the classes themselves
    scores: str = ""  # one column a class, or one alone
    raw: str = ""  # what scores are made of, where the model has a decision_function
    targets: int = 1  # columns of raw scores


def sigmoid(graph: Graph, raw: str, factor: float = 1.0) -> str:
    """Turn a raw score into a probability."""
    scaled = raw if factor == 1.0 else graph.add("Mul", [raw, graph.constant(factor)])
    return graph.add("Sigmoid", [scaled])


def softmax(graph: Graph, raw: str) -> str:
    """Turn raw scores of classes into probabilities."""
    return graph.add("Softmax", [raw], axis=1)


def both(graph: Graph, positive: str) -> str:
    """Return the probabilities of two classes from the second's."""
    return graph.add(
        "Concat", [graph.add("Sub", [graph.constant(1.0), positive]), positive], axis=1
    )


def highest(graph: Graph, scores: str, classes: Sequence[Any]) -> str:
    """Return the class with the highest score; ties go to the first."""
    return graph.add("Gather", [_classes(graph, classes), best(graph, scores)])


def best(graph: Graph, scores: str) -> str:
    """Return the place of the highest score."""
    return graph.add("ArgMax", [scores], axis=1, keepdims=0)


def above(graph: Graph, given: tuple[str, float], classes: Sequence[Any], *, from_it: bool) -> str:
    """Return the second class where a tensor's one column is above a limit, or from it on."""
    tensor, limit = given
    asked = graph.add(
        "GreaterOrEqual" if from_it else "Greater", [tensor, graph.constant(float(limit))]
    )
    flat = graph.add("Reshape", [asked, graph.constant(np.array([-1], dtype=np.int64))])
    return graph.add("Gather", [_classes(graph, classes), graph.cast(flat, np.int64)])


def _classes(graph: Graph, classes: Sequence[Any]) -> str:
    known = np.asarray(classes)
    if known.dtype.kind == "O" and not all(isinstance(one, str) for one in known.tolist()):
        raise NotConvertible(f"its classes are neither texts nor numbers: {known.tolist()[:4]}")
    return graph.constant(known)


def labelled(graph: Graph, answer: Answer, classes: list[Any] | None) -> Answer:
    """Add the class. Stored without names of classes, a half already is the second one."""
    if not answer.scores:
        return answer
    known = classes or list(range(max(answer.targets, 2)))
    if answer.targets > 1:
        label = highest(graph, answer.scores, known)
    else:
        label = above(graph, (answer.scores, 0.5), known, from_it=classes is None)
    return msgspec.structs.replace(answer, label=label)


def finish(graph: Graph, answer: Answer, said: Mapping[str, Any]) -> None:
    """Declare the outputs that the model itself has, of the types that they have there."""
    left = dict(said)
    if answer.label:
        _one(graph, "prediction", answer.label, left)
    elif answer.numbers:
        _several(graph, "prediction", answer.numbers, left)
    if answer.scores:
        _several(graph, "score", answer.scores, left)
    if left:
        raise NotConvertible(f"no graph is known that answers {', '.join(left)}")


def _one(graph: Graph, name: str, tensor: str, left: dict[str, Any]) -> None:
    if name not in left:
        raise NotConvertible(f"the model answers no {name}")
    dtype = np.asarray(left.pop(name)).dtype
    if dtype.kind == "O":
        graph.answer(name, tensor, np.object_)
    else:
        graph.answer(name, graph.cast(tensor, dtype), dtype)


def _several(graph: Graph, name: str, tensor: str, left: dict[str, Any]) -> None:
    if name in left:  # of two classes the second
        last = graph.add("Gather", [tensor, graph.constant(np.int64(-1))], axis=1)
        _one(graph, name, last, left)
        return
    for place, one in enumerate([one for one in left if one.startswith(f"{name}_")]):
        _one(graph, one, graph.column(tensor, place), left)
