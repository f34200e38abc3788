"""Parameter files: read as DVC reads them, and nested keys selected from them."""

from pathlib import Path as FilePath
from typing import Any

from trueup.config.mistakes import ConfigInvalid, Mistake, shown
from trueup.config.records import Parameters, Place
from trueup.errors import did_you_mean

DEFAULT_FILE = "params.yaml"
MISSING: Any = object()


def read_file(path: FilePath, *, shown_as: str = "") -> Any:
    """Return the values of a YAML, JSON, TOML or Python file, as plain dicts and lists.

    The ending decides; anything unknown is YAML, as in DVC. A Python file is never run: what is
    assigned literally in it is read. An empty file is an empty mapping. ``shown_as`` is the name
    in messages.
    """
    name = shown_as or path.name
    try:
        content = path.read_bytes()
    except OSError as error:
        place = Place(name, 1, 1, "$")
        why = error.strerror or type(error).__name__
        remedy = "Check the path and the permissions."
        raise ConfigInvalid([Mistake(f"the file cannot be read: {why}", remedy, place)]) from error
    return read_text(content, name)


def read_text(content: bytes | str, name: str) -> Any:
    """Return the values of a parameter file's content; the name's ending decides its form."""
    from trueup.config.yaml import decoded, parse

    ending = FilePath(name).suffix.lower()
    reader = {".json": _json, ".toml": _toml, ".py": _python}.get(ending)
    if reader is None:
        return parse(content, name).value or {}
    return _shallow(reader(decoded(content, name), name), name) or {}


def _shallow(tree: Any, name: str) -> Any:
    """Return a tree that is not nested deeper than YAML may be here."""
    from trueup.config.composer import MAX_DEPTH

    level = [tree]
    for _ in range(MAX_DEPTH):
        nested = [one for one in level if isinstance(one, dict | list)]
        if not nested:
            return tree
        level = [
            inner for one in nested for inner in (one.values() if isinstance(one, dict) else one)
        ]
    raise _broken(name, 1, 1, f"nested deeper than {MAX_DEPTH}")


def _broken(name: str, line: int, column: int, problem: str) -> ConfigInvalid:
    place = Place(name, line, column, "$")
    return ConfigInvalid([Mistake(problem, "Mend the file at this place.", place)])


def _json(text: str, name: str) -> Any:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _broken(name, error.lineno, error.colno, f"JSON: {error.msg}") from error
    except ValueError as error:
        raise _broken(name, 1, 1, f"JSON: {error}") from error
    except RecursionError as error:
        raise _broken(name, 1, 1, "JSON: nested too deep") from error


def _toml(text: str, name: str) -> Any:
    import re
    import tomllib

    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+), column (\d+)", str(error))
        line, column = (int(at[1]), int(at[2])) if at else (1, 1)
        raise _broken(name, line, column, f"TOML: {error}") from error
    except RecursionError as error:
        raise _broken(name, 1, 1, "TOML: nested too deep") from error


def _python(text: str, name: str) -> Any:
    from trueup.config.python_params import values

    try:
        return values(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        raise _broken(name, line, column, f"Python: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _broken(name, 1, 1, f"Python: {error}") from error


def step(tree: Any, name: str) -> Any:
    """Return what one name of a path leads to, MISSING if nothing: a key, or an index of a list."""
    if isinstance(tree, dict):
        if name in tree:
            return tree[name]
        for key, value in tree.items():  # 1 and true are keys too, and match their text
            if not isinstance(key, str) and str(key) == name:
                return value
    elif isinstance(tree, list):
        try:
            return tree[int(name)]
        except (ValueError, IndexError):
            return MISSING
    return MISSING


def lookup(tree: Any, key: str) -> Any:
    """Return the value under ``train.layers.0``, MISSING if there is none."""
    found = tree
    for name in key.lstrip(".").split("."):
        found = step(found, name)
        if found is MISSING:
            return MISSING
    return found


class MissingParameter(ConfigInvalid):
    """A stage or a person names a parameter that the file does not have."""


def select(tree: Any, key: str, *, file: str = DEFAULT_FILE) -> Any:
    """Return the value under a key such as ``train.layers.0``; MissingParameter if there is none.

    Names are split at dots, as DVC does: a key that itself holds a dot cannot be named.
    """
    value = lookup(tree, key)
    if value is MISSING:
        raise MissingParameter([_missing(tree, key, Parameters(file))])
    return value


def select_all(tree: Any, wanted: Parameters) -> dict[str, Any]:
    """Return the values of the keys that a stage names; of all top-level keys if it names none.

    Every key that is missing is a mistake, with the stage's place and the nearest name there is.
    """
    if not wanted.keys:
        return dict(tree) if isinstance(tree, dict) else {"": tree}
    found = {key: lookup(tree, key) for key in wanted.keys}
    missing = [key for key, value in found.items() if value is MISSING]
    if missing:
        raise MissingParameter([_missing(tree, key, wanted) for key in missing])
    return found


def set_value(path: FilePath, key: str, text: str) -> None:
    """Change one value of a parameter file in place: comments and layout stay as they are.

    The text is read as a YAML 1.2 value: ``8``, ``1e-3``, ``[1, 2]``, anything else is text.
    A key that is not there is refused, unless it is written ``+train.depth``, which adds it.
    The file has the old content or the new, never a part of it.
    """
    from trueup.config.edits import set_in_file

    set_in_file(path, key, text)


def _missing(tree: Any, key: str, wanted: Parameters) -> Mistake:
    hint = nearest(tree, key)
    remedy = f"{hint}Add it to {wanted.file}, or name another."
    return Mistake(f"{wanted.file} has no parameter {shown(key)}", remedy, wanted.place)


def nearest(tree: Any, key: str) -> str:
    """Return ``Did you mean 'train.depth'? `` for the nearest parameter, or an empty string."""
    names = key.split(".")
    found, known = tree, list(tree) if isinstance(tree, dict) else []
    for depth, name in enumerate(names):
        inside = step(found, name)
        if inside is MISSING and isinstance(found, dict):
            before = ".".join(names[:depth])
            known = [f"{before}.{one}" if before else str(one) for one in found]
            hint = did_you_mean(".".join(names[: depth + 1]), known)
            return hint or did_you_mean(key, list(flatten(tree))[:10_000])
        found = inside
    return ""


def flatten(tree: Any, before: str = "") -> dict[str, Any]:
    """Return every value of a tree under its whole name; an empty mapping or a list is a value.

    >>> flatten({"train": {"depth": 8, "layers": [1, 2]}})
    {'train.depth': 8, 'train.layers': [1, 2]}
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        name = f"{before}{key}"
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = value
    return flat
