"""Pack a model's own Python code with it, and bring it alive apart from the code around it."""

import ast
import importlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import msgspec

from trueup.errors import NotProven, WrongUsage
from trueup.store.hashing import digest_bytes

SIDECAR = "trueup-model.json"
CODE = "code"
_importing = Lock()


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands beside a packed model: its class, its files, and what they must hash to."""

    kind: Literal["python", "safetensors"]
    entry: str  # module:Class
    files: dict[str, str]  # path: BLAKE3 digest, of every file but this one
    arguments: dict[str, Any] = {}  # of the class, for safetensors
    inputs: tuple[str, ...] = ()
    format: int = 1


class Packed(msgspec.Struct, frozen=True):
    """What to pack: a class by ``module:Class`` in a folder of sources, and the model's files."""

    entry: str
    sources: Path
    files: Mapping[str, Path] = {}  # name in the model's folder: where it is now
    inputs: tuple[str, ...] = ()


def pack(packed: Packed, into: Path) -> None:
    """Write a model's folder: its files, and every module of the sources that its class imports.

    The class has a class method ``load(folder)`` and a method ``predict(columns)``, where columns
    is a dict of numpy arrays. Imports inside functions are packed too, but must have happened by
    the end of ``load``: afterwards the code is on no path.
    """
    write(packed, into, Sidecar("python", packed.entry, {}, {}, packed.inputs))


def write(packed: Packed, into: Path, sidecar: Sidecar) -> None:
    """Write code, files and sidecar into a folder that is not there yet or empty."""
    if into.exists() and any(into.iterdir()):
        raise WrongUsage(
            "the folder is not empty", remedy="Pack into a new folder", place=str(into)
        )
    for module in modules(packed.entry.partition(":")[0], packed.sources):
        target = into / CODE / module.relative_to(packed.sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, target)
    for name, place in packed.files.items():
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, target)
    found = {
        one.relative_to(into).as_posix(): digest_bytes(one.read_bytes())
        for one in sorted(into.rglob("*"))
        if one.is_file()
    }
    complete = msgspec.structs.replace(sidecar, files=found)
    (into / SIDECAR).write_bytes(msgspec.json.format(msgspec.json.encode(complete), indent=2))


def modules(name: str, sources: Path) -> list[Path]:
    """Return the files that a module is made of and those it imports from the same folder."""
    found: dict[Path, None] = {}
    waiting = [name]
    while waiting:
        for place in _files(waiting.pop(), sources):
            if place not in found:
                found[place] = None
                waiting += _imports(place, sources)
    if not found:
        raise WrongUsage(
            f"there is no module {name!r} to pack",
            remedy="Name it as Python imports it from the folder of sources",
            place=str(sources),
        )
    return sorted(found)


def read_sidecar(folder: Path) -> Sidecar:
    """Return the sidecar after every file has been compared with its digest."""
    place = folder / SIDECAR
    try:
        body = place.read_bytes()
        said = msgspec.json.decode(body)
        if isinstance(said, dict) and said.get("format", 1) != 1:
            raise NotProven(
                f"the packed model has format {said['format']!r}, and this trueup reads format 1",
                remedy="Install a newer trueup: pip install --upgrade trueup",
                place=str(place),
            )
        sidecar = msgspec.json.decode(body, type=Sidecar)
    except msgspec.MsgspecError as error:
        raise _damaged(f"{SIDECAR} cannot be read: {error}", folder) from error
    there = {
        one.relative_to(folder).as_posix()
        for one in folder.rglob("*")
        if one.is_file() and one != place
    }
    for name in sorted(there ^ sidecar.files.keys()):
        raise _damaged(f"{name[:100]!r} is {'not ' * (name not in there)}there", folder)
    for name, digest in sidecar.files.items():
        if digest_bytes((folder / name).read_bytes()) != digest:
            raise _damaged(f"{name[:100]!r} is not what was packed", folder)
    return sidecar


def alive(entry: str, folder: Path) -> Any:
    """Import a class from a model's packed code, or without any from the environment.

    Packed modules shadow those of the same name only while they are imported, so that two
    versions of a model live side by side. This runs their code: ask for trust first.
    """
    module, _, name = entry.partition(":")
    code = folder / CODE
    own = {one.stem for one in code.iterdir()} if code.is_dir() else set()
    with _importing:
        before, writes = _set_aside(own), sys.dont_write_bytecode
        sys.dont_write_bytecode = True  # a model's folder stays as it was hashed
        sys.path.insert(0, str(code))
        try:
            importlib.invalidate_caches()
            return getattr(importlib.import_module(module), name)
        finally:
            sys.path.remove(str(code))
            sys.dont_write_bytecode = writes
            _set_aside(own)
            sys.modules.update(before)


def _set_aside(names: set[str]) -> dict[str, Any]:
    chosen = [one for one in sys.modules if one.partition(".")[0] in names]
    return {one: sys.modules.pop(one) for one in chosen}


def _files(name: str, sources: Path) -> list[Path]:
    """Return the files of a dotted module, its packages' ``__init__`` included."""
    *packages, last = name.split(".")
    found, folder = [], sources
    for package in packages:
        folder /= package
        found.append(folder / "__init__.py")
    found += [folder / f"{last}.py", folder / last / "__init__.py"]
    return [one for one in found if one.is_file()]


def _imports(place: Path, sources: Path) -> list[str]:
    names: list[str] = []
    package = ".".join(place.relative_to(sources).parent.parts)
    for node in ast.walk(ast.parse(place.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join(filter(None, [*(above if node.level else []), node.module or ""]))
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name]


def _damaged(problem: str, folder: Path) -> NotProven:
    return NotProven(
        problem,
        remedy="Make the model again: trueup run, or fetch it again: trueup pull",
        place=str(folder),
    )
