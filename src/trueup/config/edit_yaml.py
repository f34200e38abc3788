"""Edits of YAML text: one value replaced or added, every other character kept."""

import json
import re
from typing import Any

from trueup.config.edits import CannotEdit, Edit
from trueup.config.scalars import ScalarError, resolve
from trueup.config.yaml import events

_PLAIN = re.compile(r"[^\W_][\w ./+=@%()-]*(?<! )")


class _Span:
    """Where one node stands in the text: characters from start to end."""

    def __init__(self, event: Any, kind: str) -> None:
        self.kind = kind  # word, list, mapping, alias
        self.start = self.end = event.start_mark.index
        self.column = event.start_mark.column
        self.flow = bool(getattr(event, "flow_style", False))
        self.block_text = getattr(event, "style", None) in ("|", ">")
        self.colon = -1  # after the ':' of the key it belongs to
        self.inside: dict[Any, _Span] = {}


def replaced(edit: Edit) -> str:
    """Return the text with the value under the keys replaced."""
    span = _find(edit.text, edit.keys)
    start, end = span.start, span.end
    block = span.kind in ("list", "mapping") and not span.flow
    if (block or span.block_text) and span.colon >= 0:
        start = span.colon
    before = edit.text[:start]
    space = " " if before[-1:] in (":", "-", "?") else ""
    return before + space + written(edit.value, edit.typed) + edit.text[end:]


def added(edit: Edit) -> str:
    """Return the text with a new last key in the mapping that the other keys lead to."""
    new = f"{written(edit.keys[-1])}: {written(edit.value, edit.typed)}"
    text = edit.text
    span = _find(text, edit.keys[:-1])
    if span.kind == "word" and text[span.start : span.end] in ("", "~", "null"):
        if len(edit.keys) == 1:
            return f"{text.rstrip()}\n{new}\n".lstrip("\n")
        space = " " if text[: span.start].endswith(":") else ""
        return f"{text[: span.start]}{space}{{{new}}}{text[span.end :]}"
    if span.kind != "mapping":
        raise CannotEdit("it would have to stand inside something that is no mapping")
    if span.flow:
        before = text[: span.end - 1].rstrip()
        comma = " " if before.endswith(",") else ", "
        return f"{before}{comma if span.inside else ''}{new}{text[span.end - 1 :]}"
    line_end = text.find("\n", span.end)
    line_end = len(text) if line_end < 0 else line_end
    column = min(one.column for one in _keys(text, edit.keys[:-1]))
    end_of_line = "\r\n" if text[:line_end].endswith("\r") else "\n"
    line_end -= len(end_of_line) - 1
    return f"{text[:line_end]}{end_of_line}{' ' * column}{new}{text[line_end:]}"


def written(value: Any, typed: str = "") -> str:
    """Return a value as YAML on one line, as it was typed where that reads the same."""
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and _reads_as(value, value)
        return value if plain else _quoted(value)
    if typed:
        return typed
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return "null" if value is None else json.dumps(value, default=str)


def _quoted(text: str) -> str:
    letters = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in letters)


def _reads_as(word: str, value: Any) -> bool:
    try:
        return bool(resolve(word) == value)
    except ScalarError:
        return False


def _find(text: str, keys: tuple[Any, ...]) -> _Span:
    span = _tree(text)
    for key in keys:
        if key not in span.inside:
            raise CannotEdit("it comes from an alias or a merge")
        span = span.inside[key]
    return span


def _keys(text: str, keys: tuple[Any, ...]) -> list[_Span]:
    """Return the spans of a mapping's keys, whose column is its indentation."""
    return list(_find(text, keys).inside[_KEYS].inside.values())


_KEYS: Any = object()


def _tree(text: str) -> _Span:
    stack: list[_Span] = []
    keys: list[Any] = []  # per open mapping: its pending key, else _NO_KEY
    root: _Span | None = None
    for event in events(text):
        kind = _KINDS.get(type(event).__name__, "")
        if kind == "end":
            span, _ = stack.pop(), keys.pop()
            if span.flow:
                span.end = event.end_mark.index
        elif kind:
            span = _Span(event, kind)
            if kind in ("word", "alias"):
                span.end = event.end_mark.index
                if span.block_text:
                    span.end = len(text[: span.end].rstrip("\n"))
            _place(span, event, stack, keys, text)
            root = root or span
            if kind in ("list", "mapping"):
                stack.append(span)
                keys.append(_NO_KEY)
                continue
        else:
            continue
        if stack:
            stack[-1].end = max(stack[-1].end, span.end)
    return root or _Span(_Start(len(text)), "word")


_NO_KEY: Any = object()
_KINDS = {
    "ScalarEvent": "word",
    "AliasEvent": "alias",
    "MappingStartEvent": "mapping",
    "SequenceStartEvent": "list",
    "MappingEndEvent": "end",
    "SequenceEndEvent": "end",
}


class _Start:
    """Stands for the first event of an empty text."""

    def __init__(self, index: int) -> None:
        self.start_mark = self
        self.index, self.column = index, 0


def _place(span: _Span, event: Any, stack: list[_Span], keys: list[Any], text: str) -> None:
    if not stack:
        return
    parent = stack[-1]
    if parent.kind == "list":
        parent.inside[len(parent.inside)] = span
    elif keys[-1] is _NO_KEY:
        keys[-1] = _key(event)
        names = parent.inside.setdefault(_KEYS, _Span(event, "word"))
        names.inside[keys[-1]] = span
    else:
        key_span = parent.inside[_KEYS].inside[keys[-1]]
        span.colon = text.find(":", key_span.end) + 1
        parent.inside[keys[-1]] = span
        keys[-1] = _NO_KEY


def _key(event: Any) -> Any:
    word = getattr(event, "value", None)
    if word is None:
        return object()  # a list, a mapping or an alias as a key is nobody's name
    try:
        return word if event.style or event.tag else resolve(word)
    except ScalarError:
        return word
