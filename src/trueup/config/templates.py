"""``${...}`` in the text of stages, filled in as DVC does."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trueup.config.mistakes import shown
from trueup.errors import did_you_mean

_FOUND = re.compile(r"(?<!\\)\$\{(.*?)\}")
_WORD = r"[^.\[\]]+"
_EXPRESSION = re.compile(rf"{_WORD}(?:\.{_WORD}|\[{_WORD}\]\s*)*")


class TemplateError(ValueError):
    """A template that cannot be filled in: what is wrong, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy
        self.steps: list[Any] = []  # from the value that was filled down to the text at fault


class FromVars(msgspec.Struct, frozen=True):
    """A value that came out of ``${...}`` whole; generated names show it as Python does."""

    value: Any


class Flags(msgspec.Struct, frozen=True):
    """How a mapping becomes options of a command: ``parsing.bool`` and ``parsing.list`` of DVC."""

    booleans: str = "store_true"  # or boolean_optional
    lists: str = "nargs"  # or append


PLAIN_FLAGS = Flags()


class Fill(msgspec.Struct, frozen=True):
    """What templates are filled with, and under which key of a stage they stand."""

    values: Mapping[str, Any]
    key: str = ""  # cmd, deps, ...; empty where any value may stand
    whole: bool = False  # mark values that came out of ${...} whole as FromVars
    flags: Flags = PLAIN_FLAGS


def has_template(value: Any) -> bool:
    """Say whether any text inside a value has ``${``, escaped or not."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(has_template(k) or has_template(v) for k, v in value.items())
    return isinstance(value, list | tuple) and any(map(has_template, value))


def interpolates(text: str) -> bool:
    """Say whether a text has a ``${...}`` that is not escaped."""
    return bool(_FOUND.search(text))


def filled(value: Any, fill: Fill) -> Any:
    """Return a value with every text inside it, keys of mappings too, filled in."""
    if isinstance(value, str):
        return filled_text(value, fill) if "${" in value else value
    if isinstance(value, dict):
        return {_key(filled(k, fill)): _inside(k, v, fill) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_inside(index, one, fill) for index, one in enumerate(value)]
    return value


def _inside(step: Any, value: Any, fill: Fill) -> Any:
    try:
        return filled(value, fill)
    except TemplateError as error:
        error.steps.insert(0, step)
        raise


def filled_text(text: str, fill: Fill) -> Any:
    """Return the value that a text becomes: ``${x}`` alone keeps its type, else all is text."""
    found = list(_FOUND.finditer(text))
    if len(found) == 1 and found[0].group(0) == text:
        value = select(fill.values, found[0].group(1))
        _allowed(value, fill.key, text)
        return FromVars(value) if fill.whole else value
    parts, end = [], 0
    for match in found:
        value = select(fill.values, match.group(1))
        if not isinstance(value, dict) or fill.key != "cmd":
            _allowed(value, fill.key, text, inside=True)
        parts += [text[end : match.start()], rendered(value, fill.flags)]
        end = match.end()
    return "".join([*parts, text[end:]]).replace(r"\${", "${")


def select(values: Mapping[str, Any], expression: str) -> Any:
    """Return what ``a.b[0]`` names among values; TemplateError, with the nearest name, if none."""
    if not _EXPRESSION.fullmatch(expression):
        problem = f"'${{{expression}}}' is no path such as ${{train.depth}} or ${{sizes[0]}}"
        raise TemplateError(problem, "Write names with dots and indexes in brackets.")
    found: Any = values
    steps = expression.replace("[", ".").replace("]", "").split(".")
    for step in map(str.strip, steps):
        if isinstance(found, dict) and step in found:
            found = found[step]
            continue
        if isinstance(found, list | tuple):
            try:
                found = found[int(step)]
                continue
            except (ValueError, IndexError):
                pass
        raise TemplateError(f"nothing is called '{expression}'", _known(found, step))
    return found


def _known(found: Any, step: str) -> str:
    if isinstance(found, dict):
        names = [str(name) for name in found]
        listed = ", ".join(names[:20]) or "nothing"
        return f"{did_you_mean(step, names)}Known at {step!r}: {listed}."
    if isinstance(found, list | tuple):
        return f"The list has {len(found)} items, counted from 0."
    return f"{shown(found)} holds nothing further."


def _allowed(value: Any, key: str, text: str, *, inside: bool = False) -> None:
    if key and isinstance(value, dict | list | tuple):
        kind = "mapping" if isinstance(value, dict) else "list"
        where = "" if not inside and key != "cmd" else " inside a text"
        remedy = f"Name one value of it, such as {text.rstrip('}')}.name}}."
        if key == "cmd" and isinstance(value, dict):
            remedy = "Write the command before it; the mapping becomes its options."
        raise TemplateError(f"{shown(text)} is a {kind}, which cannot stand{where} here", remedy)


def _key(key: Any) -> Any:
    if isinstance(key, FromVars):
        key = key.value
    if isinstance(key, dict | list):
        raise TemplateError("a mapping or list cannot be a key", "Name one value of it.")
    return key


def rendered(value: Any, flags: Flags = PLAIN_FLAGS) -> str:
    """Return a value as it stands inside a text: ``true``, ``0.1``, ``None``; options of a mapping.

    >>> rendered({"epochs": 5, "quiet": True, "sizes": [1, 2], "opt": {"name": "a b"}})
    "--epochs 5 --quiet --sizes 1 2 --opt.name 'a b'"
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        options = (_option(name, one, flags) for name, one in _flat(value))
        return " ".join(option for option in options if option)
    return str(value)


def _flat(value: dict[Any, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, one in value.items():
        if not isinstance(name, str):  # DVC leaves such names out of its variables
            continue
        if isinstance(one, dict):
            yield from _flat(one, f"{before}{name}.")
        else:
            yield before + name, one


def _option(name: str, value: Any, flags: Flags) -> str:
    from shlex import quote

    if isinstance(value, bool):
        negated = f"--no-{name}" if flags.booleans == "boolean_optional" else ""
        return f"--{name}" if value else negated
    if isinstance(value, str):
        return f"--{name} {quote(value)}"
    if not isinstance(value, list | tuple):
        return f"--{name} {value}"
    if any(isinstance(one, list | tuple | dict) for one in value):
        raise TemplateError(f"{name!r} is a list of lists or mappings", "Options take flat lists.")
    words = [quote(one) if isinstance(one, str) else str(one) for one in value]
    if flags.lists == "append":
        return " ".join(f"--{name} {word}" for word in words)
    return f"--{name} {' '.join(words)}" if words else ""
