"""Paths and names as stages give them, without a look at the file system."""

import posixpath
import re
from typing import Any

from trueup.config.mistakes import shown

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ADDRESSES = ("http", "https", "s3", "gs", "az", "azure", "abfs")
_OWN = (".git", ".trueup", ".dvc")


class PathError(ValueError):
    """A path or name that cannot be used: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def scheme(path: str) -> str:
    """Return the scheme of a URL, an empty string for a path."""
    found = _SCHEME.match(path)
    return found[1].lower() if found else ""


def is_address(path: str) -> bool:
    """Say whether a dependency is a URL that can be asked for a fingerprint."""
    kind = scheme(path)
    if kind and kind not in _ADDRESSES:
        problem = f"{shown(path)}: {kind}:// is not supported"
        raise PathError(problem, f"Supported: {', '.join(_ADDRESSES)}, and paths.")
    return bool(kind)


def normal(path: str, wdir: str, root: str) -> str:
    """Return a path relative to the project, with forward slashes and no ``..`` that is not needed.

    A path outside the project begins with ``../``, or stays absolute if it was.
    """
    if not path.strip():
        raise PathError("a path cannot be empty", "Name a file or folder.")
    if _CONTROL.search(path):
        raise PathError(f"the path {shown(path)} holds a control character", "Rename the file.")
    if not path.startswith("/"):
        return posixpath.normpath(posixpath.join(wdir, path))
    whole = posixpath.normpath(path)
    if whole == root:
        return "."
    return whole[len(root) + 1 :] if whole.startswith(root.rstrip("/") + "/") else whole


def is_outside(path: str) -> bool:
    """Say whether a normal path lies outside the project."""
    return path.startswith("/") or path == ".." or path.startswith("../")


def checked_output(path: str, *, external: bool) -> str:
    """Return a normal path if a stage may write it; PathError if not."""
    if is_outside(path) and not external:
        problem = f"the output {shown(path)} lies outside the project"
        remedy = "Write inside the project, or leave it there with {external: true}."
        raise PathError(problem, remedy)
    if path == ".":
        raise PathError("the whole project cannot be an output", "Name a folder inside it.")
    first = path.split("/", 1)[0]
    if first in _OWN:
        raise PathError(f"the output {shown(path)} lies in {first}, which is not yours", _ELSEWHERE)
    if path in ("trueup.yaml", "trueup.lock", "dvc.yaml", "dvc.lock"):
        raise PathError(f"{path} cannot be an output", _ELSEWHERE)
    return path


_ELSEWHERE = "Write it somewhere else."


def check_name(name: Any) -> str:
    """Return the name of a stage or model if it can be one; PathError if not."""
    if not isinstance(name, str):
        raise PathError(f"a name must be text, not {shown(name)}", "Put it in quotes.")
    why = ""
    if not name.strip() or name != name.strip():
        why = "is empty, or begins or ends with a space"
    elif _CONTROL.search(name):
        why = "holds a control character"
    elif name.startswith("-"):
        why = "begins with '-', as options do"
    if why:
        raise PathError(f"the name {shown(name)} {why}", "Choose another name.")
    return name


def check_written_name(name: Any) -> str:
    """Return the name of a stage as written; ``@``, ``/`` and ``:`` have a meaning in names."""
    check_name(name)
    bad = [letter for letter in "@/:\\" if letter in name]
    if bad:
        remedy = "Use letters, digits, '-', '_' and '.'."
        raise PathError(f"the stage name {shown(name)} holds {' '.join(bad)!r}", remedy)
    return str(name)
