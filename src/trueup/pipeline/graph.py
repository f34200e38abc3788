"""How stages follow from each other."""

from collections.abc import Iterable, Mapping

import msgspec

from trueup.config.records import Stage
from trueup.errors import WrongUsage, did_you_mean


class Cycle(WrongUsage):
    """Stages that wait for each other."""

    def __init__(self, path: list[str], place: str | None) -> None:
        super().__init__(
            f"these stages wait for each other: {' -> '.join(path)}",
            remedy="Take one of the dependencies out, or split a stage in two.",
            place=place,
        )


class Graph(msgspec.Struct, frozen=True):
    """Stages in an order in which each comes after what it needs."""

    stages: dict[str, Stage]  # in topological order
    upstream: dict[str, tuple[str, ...]]  # direct, sorted
    downstream: dict[str, tuple[str, ...]]

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Return the named stages and all that they need."""
        return _closure(names, self.upstream)

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Return the named stages and all that need them."""
        return _closure(names, self.downstream)

    def only(self, names: set[str]) -> "Graph":
        """Return the part made of these stages and the arrows between them."""
        return Graph(
            {name: stage for name, stage in self.stages.items() if name in names},
            {name: tuple(n for n in self.upstream[name] if n in names) for name in names},
            {name: tuple(n for n in self.downstream[name] if n in names) for name in names},
        )

    def producer(self, path: str) -> str | None:
        """Return the stage that makes this path, or makes the folder it lies in."""
        for name, stage in self.stages.items():
            if any(path == out.path or path.startswith(f"{out.path}/") for out in stage.outs):
                return name
        return None

    def makes(self, path: str) -> bool:
        """Tell whether a path is, lies in, or holds an output of some stage."""
        prefix = "" if path == "." else f"{path}/"
        return self.producer(path) is not None or any(
            out.path.startswith(prefix) for stage in self.stages.values() for out in stage.outs
        )


def graph_of(stages: Mapping[str, Stage]) -> Graph:
    """Return the graph: an arrow wherever a dependency is, holds, or lies in an output.

    Raises Cycle, naming the stages in order.
    """
    makers = {out.path: name for name, stage in stages.items() for out in stage.outs}
    inside = _folders(makers)
    upstream = {
        name: tuple(sorted(_makers_of(stage, makers, inside) - {name}))
        for name, stage in stages.items()
    }
    order = _sorted(stages, upstream)
    downstream: dict[str, list[str]] = {name: [] for name in stages}
    for name in order:
        for above in upstream[name]:
            downstream[above].append(name)
    return Graph(
        {name: stages[name] for name in order},
        upstream,
        {name: tuple(sorted(below)) for name, below in downstream.items()},
    )


def select(graph: Graph, targets: Iterable[str]) -> set[str]:
    """Return the stages that targets name: a stage, a group (``train`` for ``train@*``), an output.

    Raises WrongUsage with the nearest name where nothing fits.
    """
    chosen: set[str] = set()
    for target in targets:
        group = {name for name in graph.stages if name.split("@", 1)[0] == target}
        maker = graph.producer(target.rstrip("/"))
        if target in graph.stages:
            chosen.add(target)
        elif group:
            chosen |= group
        elif maker:
            chosen.add(maker)
        else:
            near = did_you_mean(target, graph.stages)
            raise WrongUsage(
                f"no stage or output is called {target!r}",
                remedy=f"{near}List the stages with: trueup dag",
            )
    return chosen


def _makers_of(stage: Stage, makers: dict[str, str], inside: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    read = [dep.path for dep in stage.deps if dep.path] + [wanted.file for wanted in stage.params]
    for path in read:
        found |= inside.get(path, set())  # outputs that lie in this dependency
        while path:  # this output, or a folder that is one
            if path in makers:
                found.add(makers[path])
            path = path.rpartition("/")[0]
    return found


def _folders(makers: dict[str, str]) -> dict[str, set[str]]:
    """Return for each folder above an output the stages that write into it."""
    inside: dict[str, set[str]] = {}
    for path, name in makers.items():
        inside.setdefault(".", set()).add(name)
        folder = path.rpartition("/")[0]
        while folder:
            inside.setdefault(folder, set()).add(name)
            folder = folder.rpartition("/")[0]
    return inside


def _sorted(stages: Mapping[str, Stage], upstream: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the stages in dependency order, otherwise as they are written."""
    order: list[str] = []
    done: set[str] = set()
    for root in stages:
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(root, iter(upstream[root]))] if root not in done else []
        if stack:
            path.append(root)
            on_path.add(root)
        while stack:
            name, above = stack[-1]
            following = next((n for n in above if n not in done), None)
            if following is None:
                stack.pop()
                path.pop()
                on_path.discard(name)
                done.add(name)
                order.append(name)
            elif following in on_path:
                place = stages[following].place
                cycle = [*path[path.index(following) :], following]
                raise Cycle(cycle[::-1], str(place) if place else None)
            else:
                stack.append((following, iter(upstream[following])))
                path.append(following)
                on_path.add(following)
    return order


def _closure(names: Iterable[str], arrows: dict[str, tuple[str, ...]]) -> set[str]:
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(arrows[name])
    return seen
