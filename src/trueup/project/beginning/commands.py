"""How a project starts its scripts, as its Makefile, shell scripts and MLproject tell."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trueup.errors import TrueupError
from trueup.project.beginning.findings import Command, Listing

_PYTHON = re.compile(r"(\$[({]PYTHON[)}]|(?:.*/)?python[0-9.]*)$")
_LAUNCHERS = frozenset({"uv", "poetry", "pdm", "pixi", "pipenv", "hatch", "rye"})
_ENDS = frozenset({"&&", "||", "|", ";", ">", ">>", "2>&1", "&", "<"})
_HOLE = re.compile(r"\{([\w.-]+)\}")


class EntryPoint(msgspec.Struct, frozen=True):
    """One entry point of an MLproject."""

    name: str
    line: str  # the command with {parameter} as written
    defaults: Mapping[str, Any]
    unset: tuple[str, ...]  # parameters without a default

    def templated(self) -> str:
        """Return the command as a stage has it, each parameter as ``${entry.parameter}``."""
        return _HOLE.sub(lambda hole: f"${{{self.name}.{_word(hole[1])}}}", self.line)

    def filled(self) -> str:
        """Return the command with the defaults in place."""
        return _HOLE.sub(lambda hole: str(self.defaults.get(_word(hole[1]), hole[0])), self.line)


def told_commands(listing: Listing) -> dict[str, Command]:
    """Return for each script the first command that starts it with arguments, or at all."""
    found: dict[str, Command] = {}
    for path in sorted(listing.texts):
        name = posixpath.basename(path)
        if not name.lower().endswith("makefile") and not name.endswith(".sh"):
            continue
        for line in _lines(listing.texts[path]):
            command = command_of(line, listing, path)
            if command is not None:
                known = found.get(command.script)
                if known is None or (command.words and not known.words):
                    found[command.script] = command
    return found


def command_of(line: str, listing: Listing, said_in: str) -> Command | None:
    """Return the start of a script that a shell line holds; None where there is none."""
    try:
        words = shlex.split(line.strip().lstrip("@-"), comments=True)
    except ValueError:
        return None
    at = next((index for index, word in enumerate(words) if _PYTHON.match(word)), None)
    if at is None:
        return None
    rest = list(words[at + 1 :])
    while rest and rest[0].startswith("-") and rest[0] != "-m":
        rest.pop(0)
    if len(rest) > 1 and rest[0] == "-m":
        script = f"{rest[1].replace('.', '/')}.py"
        rest = rest[2:]
    elif rest:
        script = posixpath.normpath(rest[0])
        rest = rest[1:]
    else:
        return None
    end = next((index for index, word in enumerate(rest) if word in _ENDS), len(rest))
    rest = rest[:end]
    if not listing.has(script) or any("$" in word or "`" in word for word in rest):
        return None
    before = tuple(words[max(0, at - 2) : at])
    launcher = before if before[:1] and before[0] in _LAUNCHERS and before[1:] == ("run",) else ()
    return Command(script, tuple(rest), said_in, launcher)


def entry_points(text: str, place: str) -> tuple[str, tuple[EntryPoint, ...]]:
    """Return the name and entry points that an MLproject declares; nothing of a broken one."""
    from trueup.config.yaml import parse

    try:
        tree = parse(text, place).value
    except TrueupError:
        return "", ()
    if not isinstance(tree, dict):
        return "", ()
    points = tree.get("entry_points")
    found = [
        _entry_point(str(name), point)
        for name, point in (points.items() if isinstance(points, dict) else ())
        if isinstance(point, dict) and isinstance(point.get("command"), str)
    ]
    return str(tree.get("name") or ""), tuple(found)


def _entry_point(name: str, point: dict[str, Any]) -> EntryPoint:
    declared = point.get("parameters")
    defaults: dict[str, Any] = {}
    unset: list[str] = []
    for key, said in declared.items() if isinstance(declared, dict) else ():
        if isinstance(said, dict) and said.get("default") is not None:
            defaults[_word(str(key))] = said["default"]
        else:
            unset.append(str(key))
    line = " ".join(point["command"].split())
    return EntryPoint(_word(name), line, defaults, tuple(unset))


def _word(name: str) -> str:
    """Return a name as ``${...}`` takes it."""
    return re.sub(r"\W", "_", name)


def _lines(text: str) -> Iterator[str]:
    yield from text.replace("\\\n", " ").splitlines()
