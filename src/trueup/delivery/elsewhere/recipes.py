"""Whether the features are still made as they were when a version was made."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trueup.config.records import Dependency, Stage
from trueup.delivery.elsewhere.asking import Wanted
from trueup.delivery.elsewhere.past import Past
from trueup.delivery.worktrees import parameters
from trueup.pipeline.graph import Graph
from trueup.pipeline.lock import read_lock
from trueup.store.hashing import digest_bytes

# Of a stage's dependencies these are its code; everything else is what it works on.
_CODE = frozenset(
    {
        *(".py", ".pyi", ".pyx", ".ipynb", ".sh", ".bash", ".zsh", ".sql", ".r", ".jl", ".lua"),
        *(".scala", ".java", ".kt", ".go", ".rs", ".c", ".cc", ".cpp", ".h", ".hpp", ".js", ".ts"),
        *(".pl", ".rb", ".toml", ".cfg", ".ini", ".j2", ".jinja", ".mk"),
    }
)
_CODE_NAMES = frozenset({"Makefile", "makefile", "justfile", "Dockerfile"})


class Recipe(msgspec.Struct, frozen=True):
    """How a stage makes its outputs: not of which data, nor with which parameter values.

    Parameters count by name, as the present values are given to whoever knows the name.
    """

    cmd: tuple[str, ...]
    wdir: str
    env: dict[str, str]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    code: dict[str, str]  # file: digest
    params: dict[str, tuple[str, ...]]


def changed_stages(wanted: Wanted, past: Past) -> tuple[str, ...]:
    """Return the stages before the evaluation data that are not what they were, if any.

    Nothing where that cannot be known, because the version was registered outside Git.
    """
    entry, version = wanted.evaluation.entry, wanted.version
    above = upstream(wanted.graph, entry.data)
    if not above or not version.commit:
        return ()
    locked = read_lock(wanted.root).stages
    keys = {name: locked[name].key for name in above if name in locked}
    if len(keys) == len(above) and all(version.lineage.get(n) == key for n, key in keys.items()):
        return ()
    return differing(wanted, past, above)


def differing(wanted: Wanted, past: Past, above: list[str]) -> tuple[str, ...]:
    """Return those of the present stages whose recipe the version's commit does not have."""
    then = past.project.stages
    return tuple(
        name
        for name in above
        if name not in then
        or recipe(then[name], past.root) != recipe(wanted.graph.stages[name], wanted.root)
    )


def upstream(graph: Graph, path: str) -> list[str]:
    """Return the stages that lead to a file, in order."""
    maker = graph.producer(path) if path else None
    needed = graph.ancestors([maker]) if maker else set()
    return [name for name in graph.stages if name in needed]


def recipe(stage: Stage, root: Path) -> Recipe:
    """Return a stage's recipe, its code as it lies in a checkout."""
    code = {file: code_digest(root / file) for dep in stage.deps for file in code_of(dep, root)}
    return Recipe(
        cmd=stage.cmd,
        wdir=stage.wdir,
        env=stage.env,
        deps=tuple(sorted(dep.name for dep in stage.deps)),
        outs=tuple(sorted(out.path for out in stage.outs)),
        code=code,
        params=_parameter_names(stage, root),
    )


def code_of(dep: Dependency, root: Path) -> Iterator[str]:
    """Yield the files of a dependency that are code, relative to the project."""
    place = root / dep.path
    if not dep.path or not place.exists():
        return
    if not place.is_dir():
        if is_code(place):
            yield dep.path
        return
    for folder, below, files in os.walk(place):
        below[:] = sorted(one for one in below if one != "__pycache__" and not one.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            if is_code(file):
                yield file.relative_to(root).as_posix()


def is_code(file: Path) -> bool:
    """Say whether a file is code by its name, or a program without an ending."""
    if file.suffix:
        return file.suffix.lower() in _CODE
    return file.name in _CODE_NAMES or os.access(file, os.X_OK)


def _parameter_names(stage: Stage, root: Path) -> dict[str, tuple[str, ...]]:
    names: dict[str, Any] = {}
    for wanted in stage.params:
        there = parameters(root, wanted.file)
        names.setdefault(wanted.file, set()).update(wanted.keys or there)
    return {file: tuple(sorted(keys)) for file, keys in names.items()}


def code_digest(file: Path) -> str:
    """Return a code file's digest as a stage's inputs name it; a notebook's without outputs."""
    if file.suffix == ".ipynb":
        from trueup.pipeline.notebook import NotANotebook, fingerprint

        try:
            return fingerprint(file)
        except NotANotebook:
            pass
    return digest_bytes(file.read_bytes())
