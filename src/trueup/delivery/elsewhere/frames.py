"""Frames between two processes: a line of JSON, then the plain bytes of the arrays that it lists.

Nothing in a frame is ever unpickled. Processes without trueup load this file by its path, with any
Python from 3.9 on: it needs NumPy alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

_PLAIN_TYPE = re.compile(r"[<>|=][biufMm]\d+(\[\d*[a-zA-Z]+\])?")  # no objects


class Refused(Exception):
    """What cannot or may not be done, said in a sentence."""


def pack(columns: dict[str, Any]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Describe arrays, and return their bytes; texts become places in a list of words."""
    said, bodies = [], []
    for name, column in columns.items():
        array, words = np.asarray(column), None
        if array.dtype.kind in "OUS":
            array, words = _coded(array)
        if array.dtype.kind not in "biufMm":
            raise Refused(f"{name!r} holds values of type {array.dtype}")
        array = np.ascontiguousarray(array).reshape(array.shape)
        one: dict[str, Any] = {"name": name, "type": _type_name(array), "shape": array.shape}
        if words is not None:
            one["words"] = words
        said.append(one)
        bodies.append(array.tobytes())
    return said, bodies


def unpack(said: list[dict[str, Any]], read: Any) -> dict[str, Any]:
    """Return arrays as they were described; ``read`` gives the next so many bytes."""
    columns = {}
    for one in said:
        if not _PLAIN_TYPE.fullmatch(str(one["type"])):
            raise Refused(f"an array of type {one['type']!r} is not plain")
        kind, shape = np.dtype(one["type"]), tuple(int(k) for k in one["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(read(count * kind.itemsize), dtype=kind).reshape(shape)
        if "words" in one:
            words = np.empty(len(one["words"]) + 1, dtype=object)
            words[:-1], words[-1] = one["words"], None
            array = words[array]
        columns[one["name"]] = array
    return columns


def send(frame: dict[str, Any], columns: dict[str, Any], out: Any) -> None:
    """Write a frame: its line, then its arrays."""
    said, bodies = pack(columns)
    out.write(json.dumps(dict(frame, arrays=said)).encode() + b"\n")
    for body in bodies:
        out.write(body)
    out.flush()


def receive(read_line: Any, read: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the next frame and its arrays; None at the end."""
    line = read_line()
    if not line.endswith(b"\n"):
        return None
    frame = json.loads(line)
    return frame, unpack(frame.pop("arrays", []), read)


def _coded(array: Any) -> tuple[Any, list[Any]]:
    places: dict[Any, int] = {}
    words: list[Any] = []
    codes = np.empty(array.size, dtype=np.int32)
    for at, value in enumerate(array.ravel().tolist()):
        if value is None or value != value:
            codes[at] = -1
            continue
        if not isinstance(value, (str, bool, int, float)):
            raise Refused(f"a {type(value).__name__} is neither text nor a number")
        known = (type(value), value)
        if known not in places:
            places[known] = len(words)
            words.append(value)
        codes[at] = places[known]
    return codes.reshape(array.shape), words


def _type_name(array: Any) -> str:
    return str(np.lib.format.dtype_to_descr(array.dtype))
