"""Read as much of ONNX's protocol buffers as is needed to know what a graph refers to.

The field numbers are those of onnx.proto. Only where a tensor can stand is followed.
"""

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MODEL_FIELDS = {1: _VARINT, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _VARINT, 6: _BYTES, 7: _BYTES}
_MODEL_FIELDS |= {8: _BYTES, 14: _BYTES, 20: _BYTES, 25: _BYTES, 26: _BYTES}
_NEWEST_IR = 64

# message: {field: the message that stands there}
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 6: "graph", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


class NotAGraph(ValueError):
    """Bytes that are no protocol buffer of ONNX."""


def looks_like_a_model(opening: bytes) -> bool:
    """Say whether the first fields are those of a model: its version, then what may follow."""
    if len(opening) < 4 or opening[0] != 0x08 or not 1 <= opening[1] <= _NEWEST_IR:
        return False
    at, seen = 0, 0
    try:
        while at < len(opening):
            tag, at = _varint(opening, at)
            field, kind = tag >> 3, tag & 7
            if _MODEL_FIELDS.get(field) != kind:
                return False
            seen += 1
            size, at = _varint(opening, at)
            at += size if kind == _BYTES else 0
    except NotAGraph:
        return seen > 1
    return seen > 1


def external_locations(body: bytes) -> list[str]:
    """Return the files that tensors refer to; NotAGraph if the bytes end in the middle."""
    for _ in _fields(body, 0, len(body)):  # the outermost fields must fit in any case
        pass
    if b"location" not in body:  # without this word no tensor can refer to a file
        return []
    found: list[str] = []
    waiting = [("model", 0, len(body))]
    while waiting:
        message, start, stop = waiting.pop()
        for field, first, last in _fields(body, start, stop):
            inner = _WITHIN[message].get(field)
            if inner == "entry":
                found += _location(body, first, last)
            elif inner:
                waiting.append((inner, first, last))
    return list(dict.fromkeys(found))


def _location(body: bytes, start: int, stop: int) -> list[str]:
    parts = {field: body[first:last] for field, first, last in _fields(body, start, stop)}
    if parts.get(1) != b"location":
        return []
    return [parts.get(2, b"").decode("utf-8", "replace")]


def _fields(body: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield each field of bytes with where it begins and ends; numbers are passed over."""
    while at < stop:
        tag, at = _varint(body, at)
        kind = tag & 7
        if kind == _BYTES:
            size, at = _varint(body, at)
            if at + size > stop:
                raise NotAGraph("it is cut off")
            yield tag >> 3, at, at + size
            at += size
        elif kind == _VARINT:
            _, at = _varint(body, at)
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise NotAGraph(f"it has a field of the unknown kind {kind}")
    if at != stop:
        raise NotAGraph("it is cut off")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        if at >= len(body) or shift > 63:
            raise NotAGraph("it is cut off")
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
