"""Flatbuffers, as far as Arrow's metadata needs them: tables before what they point to."""

import struct
from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Scalar(msgspec.Struct, frozen=True):
    """A number within a table, in struct's format."""

    format: str
    value: int


class Table(msgspec.Struct, frozen=True):
    """Fields by their place in the schema; None where a field has its default."""

    fields: "tuple[Field, ...]"


class Structs(msgspec.Struct, frozen=True):
    """A vector of numbers or structs of one format, aligned to eight bytes."""

    format: str
    items: Sequence[tuple[int, ...]]


class Tables(msgspec.Struct, frozen=True):
    """A vector of tables."""

    items: tuple[Table, ...]


Field: TypeAlias = Scalar | Table | Structs | Tables | str | None


def encode(root: Table) -> bytes:
    """Return the flatbuffer of a table, its length a multiple of eight."""
    made = _Buffer()
    made.table(root, made.pointer())
    made.align(8)
    return bytes(made.bytes)


class _Buffer:
    """Bytes that only grow; each pointer is filled in when its target has a place."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def align(self, size: int, remainder: int = 0) -> int:
        self.bytes += bytes((remainder - len(self.bytes)) % size)
        return len(self.bytes)

    def pointer(self) -> int:
        place = len(self.bytes)
        self.bytes += bytes(4)
        return place

    def point(self, place: int) -> None:
        struct.pack_into("<I", self.bytes, place, len(self.bytes) - place)

    def table(self, table: Table, pointer: int) -> None:
        offsets, formats, size = [], [], 4
        for field in table.fields:
            if field is None:
                offsets.append(0)
                continue
            form = field.format if isinstance(field, Scalar) else "I"
            width = struct.calcsize(f"<{form}")
            size += -size % width
            offsets.append(size)
            formats.append(form)
            size += width
        vtable = struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), size, *offsets)
        self.align(8, -len(vtable) % 8)
        self.bytes += vtable
        start = len(self.bytes)
        self.point(pointer)
        self.bytes += struct.pack("<i", len(vtable)) + bytes(size - 4)
        for field, offset in zip(table.fields, offsets, strict=True):
            if isinstance(field, Scalar):
                struct.pack_into(f"<{field.format}", self.bytes, start + offset, field.value)
        for field, offset in zip(table.fields, offsets, strict=True):
            if field is not None and not isinstance(field, Scalar):
                self._child(field, start + offset)

    def _child(self, child: Table | Structs | Tables | str, pointer: int) -> None:
        if isinstance(child, Table):
            self.table(child, pointer)
        elif isinstance(child, str):
            raw = child.encode("utf-8", "replace")
            self.align(4)
            self.point(pointer)
            self.bytes += struct.pack("<I", len(raw)) + raw + b"\0"
        elif isinstance(child, Structs):
            self.align(8, 4)
            self.point(pointer)
            self.bytes += struct.pack("<I", len(child.items))
            packing = struct.Struct(f"<{child.format}")
            self.bytes += b"".join(packing.pack(*one) for one in child.items)
        else:
            self.align(4)
            self.point(pointer)
            self.bytes += struct.pack("<I", len(child.items))
            places = [self.pointer() for _ in child.items]
            for item, place in zip(child.items, places, strict=True):
                self.table(item, place)
