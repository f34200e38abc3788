"""Write columns as an Arrow IPC file with NumPy alone (the format's specification, version 1.0)."""

import struct
from collections.abc import Mapping

import numpy as np

from trueup.captures.columns import Bytes, Column
from trueup.captures.flatbuffers import Scalar, Structs, Table, Tables, encode
from trueup.errors import WrongUsage

_MAGIC = b"ARROW1"
_VERSION = Scalar("h", 4)  # V5, since Arrow 1.0
_SCHEMA, _RECORD_BATCH = 1, 3
_END = struct.pack("<II", 0xFFFFFFFF, 0)
_LONGEST_TEXT = (1 << 31) - 1  # bytes of one column's texts: their offsets have 32 bits


def write_table(columns: Mapping[str, Column], notes: Mapping[str, str] | None = None) -> bytes:
    """Return an Arrow IPC file with one record batch; columns have equal length.

    notes become the schema's metadata. Every column may hold nulls, so that files of one model
    have one schema whether or not a value was missing.
    """
    schema = _schema(columns, notes or {})
    nodes, buffers, pieces, size_bytes = _layout(columns)
    rows = next(iter(columns.values())).rows if columns else 0
    batch = Table(
        (Scalar("q", rows), Structs("qq", nodes), Structs("qq", buffers), None, None),
    )
    begin = _MAGIC + b"\0\0" + _message(_SCHEMA, schema, 0)
    head = _message(_RECORD_BATCH, batch, size_bytes)
    blocks = Structs("qi4xq", [(len(begin), len(head), size_bytes)])
    footer = encode(Table((_VERSION, schema, None, blocks, None)))
    whole = [begin, head, *pieces, _END, footer, struct.pack("<i", len(footer)), _MAGIC]
    return b"".join(whole)


def _message(kind: int, header: Table, body_bytes: int) -> bytes:
    made = encode(Table((_VERSION, Scalar("B", kind), header, Scalar("q", body_bytes), None)))
    return struct.pack("<II", 0xFFFFFFFF, len(made)) + made


def _schema(columns: Mapping[str, Column], notes: Mapping[str, str]) -> Table:
    fields = tuple(_field(name, column) for name, column in columns.items())
    said = Tables(tuple(Table((key, value)) for key, value in notes.items())) if notes else None
    return Table((Scalar("h", 0), Tables(fields), said, None))


def _field(name: str, column: Column) -> Table:
    number, described = _TYPES[column.kind]
    return Table((name, Scalar("?", 1), Scalar("B", number), described, None, Tables(()), None))


_TYPES = {
    "none": (1, Table(())),
    "int": (2, Table((Scalar("i", 64), Scalar("?", 1)))),
    "float32": (3, Table((Scalar("h", 1),))),
    "float": (3, Table((Scalar("h", 2),))),
    "text": (5, Table(())),
    "bool": (6, Table(())),
    "time": (10, Table((Scalar("h", 2), "UTC"))),
}


def _layout(
    columns: Mapping[str, Column],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[Bytes], int]:
    nodes: list[tuple[int, int]] = []
    buffers: list[tuple[int, int]] = []
    pieces: list[Bytes] = []
    place = 0
    for name, column in columns.items():
        nulls = 0
        if column.kind == "none":
            nulls = column.rows
        elif column.valid:
            nulls = column.valid.count(0)
        nodes.append((column.rows, nulls))
        for piece in _buffers(name, column, nulls):
            buffers.append((place, len(piece)))
            pieces += [piece, bytes(-len(piece) % 8)]
            place += len(piece) + len(pieces[-1])
    return nodes, buffers, pieces, place


def _buffers(name: str, column: Column, nulls: int) -> list[Bytes]:
    if column.kind == "none":
        return []
    valid = _bits(column.valid) if nulls else b""
    if column.kind == "bool":
        return [valid, _bits(column.body)]
    if column.kind != "text":
        return [valid, column.body]
    if len(column.body) > _LONGEST_TEXT:
        raise WrongUsage(
            f"the texts of {name!r} are too long for one segment", remedy="Write fewer rows at once"
        )
    offsets = np.zeros(column.rows + 1, "<i4")
    np.cumsum(np.frombuffer(column.lengths, "<i4"), out=offsets[1:])
    return [valid, offsets.tobytes(), column.body]


def _bits(flags: Bytes) -> bytes:
    return np.packbits(np.frombuffer(flags, np.uint8), bitorder="little").tobytes()
