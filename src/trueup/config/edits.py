"""Change one value of a parameter file in place, whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trueup.config.mistakes import ConfigInvalid, Mistake, shown
from trueup.config.params import MISSING, MissingParameter, nearest, read_text, step
from trueup.config.records import Place
from trueup.config.scalars import ScalarError, resolve
from trueup.config.yaml import decoded, parse

Keys = tuple[Any, ...]  # the keys and indexes that lead to a value


class Edit:
    """What an editor is asked for: the value under keys, as typed and as read."""

    def __init__(self, text: str, keys: Keys, value: Any, typed: str) -> None:
        self.text, self.keys, self.value, self.typed = text, keys, value, typed


class CannotEdit(ValueError):
    """An editor does not find, or cannot change, the value where it is written."""


def set_in_file(path: Path, key: str, text: str) -> None:
    """Set the value under a key, or add it for ``+key``; see params.set_value."""
    name = path.name
    adding, key = key.startswith("+"), key.lstrip("+")
    try:
        content = path.read_bytes() if path.exists() or not adding else b""
    except OSError as error:
        raise _refusal(name, f"the file cannot be read: {error.strerror}", "Check it.") from error
    tree = read_text(content, name) if content.strip() else {}
    keys, missing = _found(tree, key.split("."))
    if missing and not adding:
        problem = f"{name} has no parameter {shown(key)}"
        remedy = f"{nearest(tree, key)}To add it, write: --set +{key}={text}"
        raise MissingParameter([Mistake(problem, remedy)])
    value = value_of(text)
    typed = text.strip()
    for part in reversed(missing[1:]):
        value, typed = {part: value}, ""
    edit = Edit(decoded(content, name), (*keys, *missing[:1]), value, typed)
    try:
        changed = _editor(path.suffix.lower(), adding=bool(missing))(edit)
        _prove(changed, tree, edit, name)
    except CannotEdit as error:
        problem = f"{shown(key)} in {name} cannot be changed in place: {error}"
        raise _refusal(name, problem, "Change it in an editor.") from error
    try:
        write_whole(path, changed.encode())
    except OSError as error:
        problem = f"{name} cannot be written: {error.strerror}; it is as it was"
        raise _refusal(name, problem, "Make room, or get permission.") from error


def value_of(text: str) -> Any:
    """Return what a text on the command line means: a YAML 1.2 word, a quoted text, [..] or {..}.

    >>> value_of("1e-3"), value_of("on"), value_of("[1, a]")
    (0.001, 'on', [1, 'a'])
    """
    word = text.strip()
    if word[:1] in ("[", "{", '"', "'"):
        return parse(word, "--set").value
    try:
        return resolve(word)
    except ScalarError:
        return word


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content at once; it survives a loss of power. A symbolic link stays one."""
    from tempfile import NamedTemporaryFile

    target = path.resolve()
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
        try:
            part.write(content)
            part.flush()
            mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
            os.fchmod(part.fileno(), mode)
            os.fsync(part.fileno())
            Path(part.name).replace(target)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _found(tree: Any, names: list[str]) -> tuple[Keys, list[str]]:
    """Return the real keys as far as they lead, and the names that are not there."""
    keys: list[Any] = []
    for index, name in enumerate(names):
        inside = step(tree, name)
        if inside is MISSING:
            return tuple(keys), names[index:]
        if isinstance(tree, dict):
            name = name if name in tree else next(k for k in tree if str(k) == name)
        keys.append(int(name) % len(tree) if isinstance(tree, list) else name)
        tree = inside
    return tuple(keys), []


def _editor(ending: str, *, adding: bool) -> Callable[[Edit], str]:
    if ending == ".json":
        from trueup.config import edit_json as json

        return json.added if adding else json.replaced
    if ending == ".toml":
        from trueup.config import edit_toml as toml

        return toml.added if adding else toml.replaced
    if ending == ".py":
        from trueup.config import edit_python as python

        return python.added if adding else python.replaced
    from trueup.config import edit_yaml as yaml

    return yaml.added if adding else yaml.replaced


def _prove(changed: str, tree: Any, edit: Edit, name: str) -> None:
    """Make sure that the new text says what is wanted, and nothing else has changed."""
    try:
        after = read_text(changed, name)
    except ConfigInvalid as error:
        raise CannotEdit("the file would not be readable any more") from error
    if _exactly(after) != _exactly(_with(tree, edit.keys, edit.value)):
        raise CannotEdit("another value would change with it")


def _exactly(tree: Any) -> str:
    """Return a tree as text in which 1, 1.0 and true differ, and the order of keys does not."""
    if isinstance(tree, dict):
        pairs = sorted(f"{key!r}: {_exactly(value)}" for key, value in tree.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_exactly, tree)) + "]"
    return repr(tree)


def _with(tree: Any, keys: Keys, value: Any) -> Any:
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if isinstance(tree, list):
        return [_with(one, rest, value) if i == first else one for i, one in enumerate(tree)]
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise CannotEdit(f"{shown(tree)} stands where a mapping is needed")
    return {**tree, first: _with(tree.get(first), rest, value)}


def _refusal(name: str, problem: str, remedy: str) -> ConfigInvalid:
    return ConfigInvalid([Mistake(problem, remedy, Place(name, 1, 1, "$"))])
