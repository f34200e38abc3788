"""A notebook as a stage: outputs stripped from the key, parameters put in, the copy kept."""

import math
import os
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from keyword import iskeyword
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trueup.config.records import Stage
from trueup.errors import StageFailed, WrongUsage
from trueup.pipeline.tracking.layout import stage_folder

FORMAT = 4
_OURS = "injected-parameters"  # the tag that papermill uses too
_THEIRS = "parameters"
_RUNNER = Path(__file__).with_name("notebook_runner.py")
# The stages' own python, found as the environment part of the key finds it.
_START = (
    "p=$(command -v python || command -v python3) || "
    '{ echo "error: there is no python on PATH to execute the notebook with" >&2; exit 127; }; '
    'exec "$p" "$@"'
)


class NotANotebook(WrongUsage):
    """A file that should be a Jupyter notebook is none that can be read."""

    def __init__(self, problem: str, place: str) -> None:
        remedy = "Open it in Jupyter and save it again; notebooks of format 4 are read."
        super().__init__(problem, remedy=remedy, place=place or None)


def stripped(body: bytes, place: str = "") -> bytes:
    """Return what of a notebook decides its result: cells, tags and language, as canonical JSON.

    Outputs, execution counts, cell ids, empty cells and what editors note are gone, so that
    executing, viewing or saving a notebook changes nothing.
    """
    tree = _tree(body, place)
    named = tree.get("metadata", {}).get("kernelspec", {}).get("name", "")
    kept = {
        "format": FORMAT,
        "language": _language(tree),
        "kernel": "" if _language(tree) == "python" else named,
        "cells": [_without_marks(cell) for cell in tree["cells"] if _source(cell).strip()],
    }
    return msgspec.json.encode(kept, order="sorted")


def fingerprint(path: Path) -> str:
    """Return the digest of a notebook's stripped form. Raises NotANotebook."""
    return blake3(stripped(path.read_bytes(), path.name)).hexdigest()


def with_parameters(body: bytes, params: Mapping[str, Any], place: str = "") -> bytes:
    """Return the notebook with a cell that sets these variables, and without any output.

    The cell stands after the one tagged ``parameters``, or first, and takes the place of an
    earlier one. Without params the cells stay as they are.
    """
    tree = _tree(body, place)
    cells = [_without_outputs(cell) for cell in tree["cells"]]
    if params:
        if _language(tree) != "python":
            raise WrongUsage(
                f"parameters cannot be put into a notebook in {_language(tree)}",
                remedy="Take params: from its stage, and let the notebook read the file itself.",
                place=place or None,
            )
        cells = [cell for cell in cells if _OURS not in _tags(cell)]
        defaults = [at for at, cell in enumerate(cells) if _THEIRS in _tags(cell)]
        cells.insert(defaults[0] + 1 if defaults else 0, _injected(params, tree))
    return msgspec.json.format(msgspec.json.encode({**tree, "cells": cells}), indent=1) + b"\n"


def variables(params: Mapping[str, Mapping[str, Any]], place: str = "") -> dict[str, Any]:
    """Return declared parameters (by file and key) as variables, each named by its key's last part.

    >>> variables({"params.yaml": {"train.depth": 3, "prepare": {"until": "2014-01-01"}}})
    {'depth': 3, 'prepare': {'until': '2014-01-01'}}
    """
    found: dict[str, Any] = {}
    whence: dict[str, str] = {}
    for file, keys in params.items():
        for key, value in keys.items():
            name = _variable(key, place)
            origin = f"{file}:{key}"
            if name in found and found[name] != value:
                raise WrongUsage(
                    f"{whence[name]} and {origin} would both be the variable {name!r}",
                    remedy="Name the mappings above them instead: they become dictionaries.",
                    place=place or None,
                )
            found[name], whence[name] = value, origin
    return found


def masked(body: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """Return an executed notebook in which every text went through ``mask``.

    Texts are masked as a reader sees them, not as JSON escapes them; what is no notebook is masked
    as it is.
    """
    try:
        tree = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return mask(body)
    return msgspec.json.format(msgspec.json.encode(_mapped(tree, mask)), indent=1) + b"\n"


def executed_path(root: Path, stage: str) -> Path:
    """Return where a stage's executed notebook lies: below .trueup, where Git does not look."""
    return root / ".trueup" / "notebooks" / f"{stage_folder(stage)}.ipynb"


def prepare(
    stage: Stage, root: Path, params: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[str, ...]], Path]:
    """Write the notebook with its parameters to where it will be executed, in place.

    Returns the commands that execute it and that path. It runs with the stage's own python, which
    needs nbclient and ipykernel, in the notebook's folder, as it does in Jupyter.
    """
    source, executed = root / stage.notebook, executed_path(root, stage.name)
    place = str(stage.place) if stage.place else ""
    try:
        body = source.read_bytes()
    except OSError as error:
        raise StageFailed(
            f"the notebook {stage.notebook} cannot be read: {error.strerror}",
            remedy="Correct cmd: of the stage, or put the notebook there.",
            place=place or None,
        ) from error
    filled = with_parameters(body, variables(params, place), stage.notebook)
    executed.parent.mkdir(parents=True, exist_ok=True)
    fresh = executed.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_bytes(filled)
    fresh.replace(executed)
    tree = _tree(body, stage.notebook)
    kernel = tree.get("metadata", {}).get("kernelspec", {}).get("name", "")
    words = (str(_RUNNER), str(executed), str(source.parent), stage.notebook)
    own = "" if _language(tree) == "python" else kernel
    return [("/bin/sh", "-c", _START, "sh", *words, own)], executed


def _tree(body: bytes, place: str) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise NotANotebook(f"this is not a notebook: {error}", place) from error
    if tree.get("nbformat") != FORMAT:
        raise NotANotebook(f"this notebook has format {tree.get('nbformat')!r}, not 4", place)
    cells, metadata = tree.get("cells"), tree.setdefault("metadata", {})
    if not isinstance(metadata, dict) or not isinstance(metadata.get("kernelspec", {}), dict):
        raise NotANotebook("this notebook's metadata is no mapping", place)
    if not isinstance(cells, list) or not all(map(_is_cell, cells)):
        raise NotANotebook("this notebook's cells are no list of cells", place)
    return tree


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source, metadata = cell.get("source", ""), cell.get("metadata", {})
    texts = source if isinstance(source, list) else [source]
    return isinstance(metadata, dict) and all(isinstance(text, str) for text in texts)


def _language(tree: Mapping[str, Any]) -> str:
    """Return the language that the notebook says it is in; Python if it says none."""
    metadata = tree.get("metadata", {})
    info = metadata.get("language_info", {})
    said = metadata.get("kernelspec", {}).get("language") or (
        info.get("name") if isinstance(info, dict) else ""
    )
    return str(said or "python").lower()


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags = cell.get("metadata", {}).get("tags", [])
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _without_marks(cell: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"type": cell["cell_type"], "source": _source(cell)}
    if tags := sorted(_tags(cell)):
        kept["tags"] = tags
    if cell.get("attachments"):
        kept["attachments"] = cell["attachments"]
    return kept


def _without_outputs(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {**cell, "outputs": [], "execution_count": None} if "outputs" in cell else {**cell}


def _injected(params: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    lines = ["# Set by trueup from the stage's params"]
    lines += [f"{name} = {_literal(value)}" for name, value in params.items()]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [_OURS]},
        "outputs": [],
        "source": "\n".join(lines),
    }
    return {**cell, "id": _OURS} if tree.get("nbformat_minor", 0) >= 5 else cell


def _variable(key: str, place: str) -> str:
    name = re.sub(r"[\s-]", "_", key.rpartition(".")[2])
    if iskeyword(name):
        return f"{name}_"
    if name.isidentifier():
        return name
    raise WrongUsage(
        f"the parameter {key!r} cannot be a variable of a notebook",
        remedy="Name the mapping or list above it: it becomes a dictionary or list.",
        place=place or None,
    )


def _literal(value: object) -> str:
    """Return a parameter's value as Python source; dates are text, as in JSON."""
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key)}: {_literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, datetime | date | time):
        return repr(value.isoformat())
    if value is None or type(value) in (bool, int, float, str):
        return repr(value)
    raise WrongUsage(
        f"a parameter of type {type(value).__name__} cannot be put into a notebook",
        remedy="Use text, numbers, true, false, lists and mappings.",
    )


def _mapped(value: Any, mask: Callable[[bytes], bytes]) -> Any:
    if isinstance(value, str):
        return mask(value.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    if isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            whole: str = _mapped("".join(value), mask)  # a value may lie across two lines
            return whole.splitlines(keepends=True)
        return [_mapped(item, mask) for item in value]
    if isinstance(value, dict):
        return {_mapped(key, mask): _mapped(item, mask) for key, item in value.items()}
    return value
