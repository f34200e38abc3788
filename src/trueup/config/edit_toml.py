"""Edits of TOML text: one value replaced or added, every other character kept."""

import json
import math
import re
import tomllib
from datetime import date, datetime
from typing import Any

from trueup.config.edits import CannotEdit, Edit

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_TEXTS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_WORD = re.compile(r"[^,\]}\n#]+")
Keys = tuple[Any, ...]


def replaced(edit: Edit) -> str:
    """Return the text with the value under the keys replaced."""
    values = _Spans(edit.text).values
    if edit.keys not in values:
        raise CannotEdit("it is a whole table")
    start, end = values[edit.keys]
    return edit.text[:start] + _written(edit.value, edit.typed) + edit.text[end:]


def added(edit: Edit) -> str:
    """Return the text with a new key, first in its table or, without one, first in the file."""
    tables = _Spans(edit.text).tables
    parent = edit.keys[:-1]
    at, name = (tables[parent], edit.keys[-1:]) if parent in tables else (0, edit.keys)
    key = ".".join(_key(part) for part in name)
    line = f"{key} = {_written(edit.value, edit.typed)}\n"
    before = edit.text[:at]
    newline = "\n" if before and not before.endswith("\n") else ""
    return f"{before}{newline}{line}{edit.text[at:]}"


def _key(part: Any) -> str:
    text = str(part)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _written(value: Any, typed: str) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if typed and _reads_as(typed, value):
        return typed
    if isinstance(value, list):
        return f"[{', '.join(_written(one, '') for one in value)}]"
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {_written(one, '')}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise CannotEdit("TOML has no null")


def _reads_as(typed: str, value: Any) -> bool:
    try:
        return repr(tomllib.loads(f"x = {typed}")) == repr({"x": value})
    except tomllib.TOMLDecodeError:
        return False


class _Spans:
    """Where the values of a valid TOML text stand, and where the lines of a table begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.values: dict[Keys, tuple[int, int]] = {}
        self.tables: dict[Keys, int] = {(): 0}
        self._arrays: dict[Keys, int] = {}
        at, table = self._blank(0), ()
        while at < len(text):
            if text[at] == "[":
                at, table = self._header(at)
            else:
                keys, at = self._keys(at)
                at = self._value(self._space(at + 1), (*table, *keys))
            at = self._blank(at)

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        return found.end() if found else at

    def _space(self, at: int) -> int:
        while self._text[at : at + 1] in (" ", "\t"):
            at += 1
        return at

    def _header(self, at: int) -> tuple[int, Keys]:
        many = self._text.startswith("[[", at)
        keys, at = self._keys(self._space(at + 1 + many))
        table: Keys = ()
        for index, key in enumerate(keys):
            table = (*table, key)
            if many and index == len(keys) - 1:
                self._arrays[table] = self._arrays.get(table, -1) + 1
            if table in self._arrays:
                table = (*table, self._arrays[table])
        end = self._text.find("\n", at)
        end = len(self._text) if end < 0 else end + 1
        self.tables[table] = end
        return end, table

    def _keys(self, at: int) -> tuple[Keys, int]:
        keys: list[str] = []
        while True:
            at = self._space(at)
            found = _BARE.match(self._text, at) or _TEXTS.match(self._text, at)
            if not found:
                raise CannotEdit("the file is written in a way that is not understood here")
            word = found.group(0)
            keys.append(next(iter(tomllib.loads(f"{word} = 1"))))
            at = self._space(found.end())
            if self._text[at : at + 1] != ".":
                return tuple(keys), at
            at += 1

    def _value(self, at: int, keys: Keys) -> int:
        start, first = at, self._text[at : at + 1]
        if first in ("[", "{"):
            at = self._inside(at + 1, keys, table=first == "{")
        else:
            found = _TEXTS.match(self._text, at) or _WORD.match(self._text, at)
            if not found:
                raise CannotEdit("the file is written in a way that is not understood here")
            at = start + len(found.group(0).rstrip())
        self.values[keys] = (start, at)
        return at

    def _inside(self, at: int, keys: Keys, *, table: bool) -> int:
        count, at = 0, self._blank(at)
        while self._text[at] not in "]}":
            inner: Keys = (count,)
            if table:
                inner, at = self._keys(at)
                at = self._space(at + 1)
            at = self._blank(self._value(at, (*keys, *inner)))
            at = self._blank(at + 1) if self._text[at] == "," else at
            count += 1
        return at + 1
