"""Which files of a folder are not looked at, by the patterns of ``.trueupignore``."""

import os
import re
from functools import lru_cache

import msgspec

FILES = (".trueupignore", ".dvcignore")
ALWAYS = frozenset({".trueup", ".git", ".dvc"})
UNFINISHED = ".trueup-part-"  # begins the names of our own files that are not whole yet


class Rule(msgspec.Struct, frozen=True):
    """One line of an ignore file; below is the folder that the file lies in."""

    below: str  # relative to the project, with a slash at the end, or empty
    pattern: re.Pattern[str]
    folders_only: bool
    keeps: bool  # the line began with an exclamation mark


Rules = tuple[Rule, ...]


def ignored(rules: Rules, path: str, is_folder: bool) -> bool:
    """Say whether a path (relative to the project) is left out; the last rule that fits decides."""
    for rule in reversed(rules):
        if rule.folders_only and not is_folder:
            continue
        if path.startswith(rule.below) and rule.pattern.fullmatch(path, len(rule.below)):
            return not rule.keeps
    return False


def rules_in(folder: str, below: str) -> Rules:
    """Return the rules of the ignore files that lie right in a folder."""
    rules: Rules = ()
    for name in FILES:
        path = f"{folder}/{name}"
        try:
            seen = os.stat(path)
        except OSError:
            continue
        rules += _read(path, below, seen.st_mtime_ns, seen.st_size)
    return rules


@lru_cache(maxsize=256)
def _read(path: str, below: str, _mtime_ns: int, _size_bytes: int) -> Rules:
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        return parse(lines.read(), below)


def parse(text: str, below: str = "") -> Rules:
    """Return the rules of an ignore file's text, in the grammar of ``.gitignore``."""
    rules = []
    for raw in text.splitlines():
        line = re.sub(r"(?<!\\)\s+$", "", raw)
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        line = line[keeps:]
        folders_only = line.endswith("/")
        line = line.rstrip("/")
        if line:
            rules.append(Rule(below, re.compile(_expression(line)), folders_only, keeps))
    return tuple(rules)


def _expression(line: str) -> str:
    anchored = "/" in line
    line = line.removeprefix("/")
    found = "" if anchored else "(?:.*/)?"
    at = 0
    while at < len(line):
        whole_part = at == 0 or line[at - 1] == "/"
        if whole_part and line.startswith("**/", at):
            found, at = found + "(?:.*/)?", at + 3
        elif whole_part and line[at:] == "**":
            found, at = found + ".+", at + 2
        else:
            piece, at = _piece(line, at)
            found += piece
    return f"(?s:{found})"


def _piece(line: str, at: int) -> tuple[str, int]:
    """Return the expression for the pattern's next sign, and where the one after it stands."""
    sign = line[at]
    if sign == "*":
        return "[^/]*", at + 1
    if sign == "?":
        return "[^/]", at + 1
    if sign == "\\" and at + 1 < len(line):
        return re.escape(line[at + 1]), at + 2
    if sign == "[":
        closing = line.find("]", at + 2)
        if closing > 0:
            chosen = line[at + 1 : closing].replace("\\", "\\\\")
            if chosen[0] in "!^":
                chosen = f"^/{chosen[1:]}"
            return f"[{chosen}]", closing + 1
    return re.escape(sign), at + 1
