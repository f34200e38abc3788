"""Edits of JSON text: one value replaced or added, every other character kept."""

import json
from json import JSONDecoder
from typing import Any

from trueup.config.edits import CannotEdit, Edit

_SPACE = " \t\n\r"


def replaced(edit: Edit) -> str:
    """Return the text with the value under the keys replaced."""
    start, end = _span(edit.text, edit.keys)
    return edit.text[:start] + _written(edit) + edit.text[end:]


def added(edit: Edit) -> str:
    """Return the text with a new last key in the object that the other keys lead to."""
    text = edit.text if edit.text.strip() else "{}\n"
    start, end = _span(text, edit.keys[:-1])
    if text[start] != "{":
        raise CannotEdit("it would have to stand inside something that is no mapping")
    inside = text[start + 1 : end - 1]
    new = f"{json.dumps(edit.keys[-1], ensure_ascii=False)}: {_written(edit)}"
    if not inside.strip():
        return f"{text[: start + 1]}{new}{text[end - 1 :]}"
    first = inside[: len(inside) - len(inside.lstrip())]
    last = len(inside.rstrip())
    return f"{text[: start + 1]}{inside[:last]},{first or ' '}{new}{inside[last:]}{text[end - 1 :]}"


def _written(edit: Edit) -> str:
    if not isinstance(edit.value, str):
        try:
            if repr(json.loads(edit.typed)) == repr(edit.value):
                return edit.typed
        except ValueError:
            pass
    try:
        return json.dumps(edit.value, ensure_ascii=False)
    except TypeError as error:
        raise CannotEdit("JSON has no dates; put it in quotes") from error


def _span(text: str, keys: tuple[Any, ...]) -> tuple[int, int]:
    start = _skip(text, 0)
    decoder = JSONDecoder()
    for key in keys:
        start = _member(text, start, key, decoder)
    return start, decoder.raw_decode(text, start)[1]


def _member(text: str, at: int, key: Any, decoder: JSONDecoder) -> int:
    """Return where the value of a key, or the item of an index, begins."""
    is_object, count, found = text[at] == "{", 0, -1
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name: Any = count
        if is_object:
            name, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == key:
            found = at  # of a key that stands twice, the last counts
        at = _skip(text, decoder.raw_decode(text, at)[1])
        at = _skip(text, at + 1) if text[at] == "," else at
        count += 1
    if found < 0:
        raise CannotEdit("it is not where it should be")
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
