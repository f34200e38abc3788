"""What a script's arguments are: those it is given, else those it takes by default."""

import ast
from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.project.beginning.values import Unknown

_BARE_ACTIONS = ("store_true", "store_false", "count", "version", "help")


class Argument(msgspec.Struct, frozen=True):
    """One argument as argparse, click or typer declares it."""

    flags: tuple[str, ...]
    dest: str
    default: Any = None
    required: bool = False
    bare: bool = False  # it takes no value

    @property
    def positional(self) -> bool:
        """Tell whether it goes by its place."""
        return not self.flags[0].startswith("-")


def declared(flags: Sequence[str], keywords: dict[str, Any]) -> Argument:
    """Return the argument that ``add_argument`` or ``click.option`` was asked for."""
    names = [flag for flag in flags if flag.startswith("-")]
    long = next((flag for flag in names if flag.startswith("--")), names[0] if names else "")
    bare_name = next((flag for flag in flags if not flag.startswith("-")), "")
    dest = keywords.get("dest") or bare_name or long
    dest = str(dest).lstrip("-").partition("/")[0].replace("-", "_")
    positional = not names
    optional = keywords.get("nargs") in ("?", "*") or keywords.get("default") is not None
    required = keywords.get("required") is True or (positional and not optional)
    bare = keywords.get("action") in _BARE_ACTIONS or keywords.get("is_flag") is True
    default = keywords.get("default", Unknown())
    return Argument((*names,) or (bare_name,), dest, default, required, bare)


def given(arguments: Sequence[Argument], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments' values for a command line, and the names that it lacks."""
    values: dict[str, Any] = {each.dest: each.default for each in arguments}
    places = [each for each in arguments if each.positional]
    by_flag = {flag: each for each in arguments for flag in each.flags if flag.startswith("-")}
    seen: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag in by_flag:
            each = by_flag[flag]
            if not each.bare:
                values[each.dest] = value if equals else (rest.pop(0) if rest else Unknown())
        elif places:
            each = places.pop(0)
            values[each.dest] = word
        else:
            continue
        seen.add(each.dest)
    lacking = [each.dest for each in arguments if each.required and each.dest not in seen]
    return values, lacking


def option_of(decorator: ast.expr) -> tuple[str, ast.Call] | None:
    """Return ``option`` or ``argument`` and the call, where a decorator is click's."""
    if not isinstance(decorator, ast.Call):
        return None
    named = decorator.func
    name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
    return (name, decorator) if name in ("option", "argument") else None
