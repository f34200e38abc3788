"""Which tables a model was trained on, as far as the pipeline tells."""

from collections.abc import Iterable

import msgspec

from trueup.pipeline.graph import Graph


class Training(msgspec.Struct, frozen=True):
    """The stages that trained a model, and what they read: files and folders of the project."""

    stages: tuple[str, ...] = ()  # in the pipeline's order
    reads: tuple[str, ...] = ()
    why_not: str = ""  # where no stage is known to train: why


def training_of(graph: Graph, model: str, rows: str) -> Training:
    """Return what trained a model, given the path of the rows that it is judged on.

    Of the stages upstream of the model, those train that do not feed these rows as well: what
    feeds both prepares and splits, and what it reads (all rows, before the split) proves nothing.
    """
    maker = graph.producer(model)
    if maker is None:
        return Training(why_not=f"no stage makes {model}")
    feeding = _feeding(graph, _makers(graph, rows), maker)
    if maker in feeding:
        return Training(why_not=f"stage {maker} makes {model} and the rows it is judged on")
    upstream = graph.ancestors({maker}) - feeding
    stages = tuple(name for name in graph.stages if name in upstream)
    read = [dep.path for name in stages for dep in graph.stages[name].deps if dep.path]
    return Training(stages, tuple(dict.fromkeys(read)))


def holds(one: str, other: str) -> bool:
    """Say whether one path is the other or lies above it.

    >>> holds("data", "data/test.parquet"), holds("data/test", "data/test.parquet")
    (True, False)
    """
    return one in (other, ".") or other.startswith(f"{one}/")


def _makers(graph: Graph, path: str) -> set[str]:
    """Return the stages whose outputs are, hold or lie in a path."""
    return {
        name
        for name, stage in graph.stages.items()
        if any(holds(out.path, path) or holds(path, out.path) for out in stage.outs)
    }


def _feeding(graph: Graph, makers: Iterable[str], model_maker: str) -> set[str]:
    """Return these stages and what is upstream of them, but not by way of the model."""
    found: set[str] = set()
    todo = list(makers)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        if name != model_maker:
            todo.extend(above for above in graph.upstream[name] if above != model_maker)
    return found
