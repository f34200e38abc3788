"""Tensors of the Open Inference Protocol: as JSON lists, or as bytes behind the JSON."""

import math
import struct
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.signature import Field
from trueup.serving.refusals import FieldsWrong, Unreadable, Wrong

_DTYPES = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
_DATATYPES = {"boolean": "BOOL", "integer": "INT64", "number": "FP64"}
_MOST_DIMENSIONS = 2


class Parameters(msgspec.Struct):
    """What the protocol's extension says of one tensor."""

    binary_data_size: int | None = None
    binary_data: bool | None = None
    content_type: str = ""  # how MLServer's clients have written texts


class Given(msgspec.Struct):
    """One input of a request."""

    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: Parameters = msgspec.field(default_factory=Parameters)


def datatype_of(field: Field) -> str:
    """Return what the protocol calls a field's type; texts and times are BYTES."""
    return _DATATYPES.get(field.type, "BYTES")


def read_tensor(given: Given, at: str, blob: bytes | None) -> NDArray[Any]:
    """Return one input as an array of the shape that it says; FieldsWrong where it is not."""
    shape = tuple(given.shape)
    if len(shape) > _MOST_DIMENSIONS or not shape or any(one < 0 for one in shape):
        raise FieldsWrong([Wrong(f"{at}.shape", "must be [rows], [rows, 1] or [rows, columns]")])
    if given.datatype != "BYTES" and given.datatype not in _DTYPES:
        raise FieldsWrong([Wrong(f"{at}.datatype", f"{given.datatype[:20]!r} is not known")])
    if blob is not None:
        flat = _of_bytes(given.datatype, blob, at)
    elif isinstance(given.data, list):
        values = _unpacked(_flattened(given.data), given.parameters.content_type, at)
        flat = _of_list(given.datatype, values, at)
    else:
        raise FieldsWrong([Wrong(f"{at}.data", "is missing, or is not a list")])
    expected = math.prod(shape)  # NumPy's goes round at 64 bits
    if len(flat) != expected:
        raise FieldsWrong([Wrong(f"{at}.data", f"has {len(flat)} values, its shape {expected}")])
    return flat.reshape(shape)


def write_tensor(field: Field, column: NDArray[Any]) -> bytes:
    """Return an output as bytes."""
    datatype = datatype_of(field)
    if datatype != "BYTES":
        return column.astype(_DTYPES[datatype]).tobytes()
    texts = [str(one).encode() for one in column.tolist()]
    return b"".join(struct.pack("<I", len(one)) + one for one in texts)


def blobs(inputs: Sequence[Given], behind: bytes) -> list[bytes | None]:
    """Return the bytes that belong to each input, in order; Unreadable where they do not fit."""
    found: list[bytes | None] = []
    at = 0
    for one in inputs:
        size = one.parameters.binary_data_size
        if size is None:
            found.append(None)
            continue
        if size < 0 or at + size > len(behind):
            raise Unreadable(
                f"the bytes behind the JSON end within {one.name[:40]!r}",
                remedy="Send binary_data_size bytes for each tensor, in the order of inputs",
            )
        found.append(behind[at : at + size])
        at += size
    if at != len(behind):
        raise Unreadable(
            f"{len(behind) - at} bytes belong to no tensor",
            remedy="Say binary_data_size for each tensor whose bytes follow the JSON",
        )
    return found


def _of_bytes(datatype: str, blob: bytes, at: str) -> NDArray[Any]:
    if datatype == "BYTES":
        return _objects(_texts(blob, at))
    dtype = np.dtype(_DTYPES[datatype])
    if len(blob) % dtype.itemsize:
        raise FieldsWrong([Wrong(at, f"{len(blob)} bytes are no whole number of {datatype}")])
    return np.frombuffer(blob, dtype)


def _texts(blob: bytes, at: str) -> list[str]:
    found, place = [], 0
    while place < len(blob):
        size = int.from_bytes(blob[place : place + 4], "little")
        part = blob[place + 4 : place + 4 + size]
        if len(part) != size or place + 4 > len(blob):
            raise FieldsWrong([Wrong(at, "its bytes end within a text")])
        try:
            found.append(part.decode())
        except UnicodeDecodeError:
            raise FieldsWrong([Wrong(at, f"text {len(found)} is not UTF-8")]) from None
        place += 4 + size
    return found


def _of_list(datatype: str, values: list[Any], at: str) -> NDArray[Any]:
    if datatype == "BYTES":
        return _objects(values)
    number = (bool,) if datatype == "BOOL" else (int, float, bool)
    for k, one in enumerate(values):
        if one is not None and not isinstance(one, number):
            raise FieldsWrong([Wrong(f"{at}.data[{k}]", f"is {one!r:.40}, not {datatype}")])
    if None in values:  # missing values: JSON has no NaN
        return np.array(values, dtype=np.float64)
    try:
        return np.array(values, dtype=_DTYPES[datatype])
    except (OverflowError, ValueError):
        raise FieldsWrong([Wrong(f"{at}.data", f"has a value beyond {datatype}")]) from None


def _unpacked(values: list[Any], kind: str, at: str) -> list[Any]:
    """Return values as they were before MLServer's codecs for base64 and JSON had them."""
    if kind not in ("base64", "pd_json"):
        return values
    try:
        if kind == "pd_json":
            return [msgspec.json.decode(one) for one in values]
        return [None if one is None else b64decode(one, validate=True).decode() for one in values]
    except (ValueError, TypeError, msgspec.DecodeError):
        raise FieldsWrong([Wrong(f"{at}.data", f"is not {kind}")]) from None


def _flattened(values: list[Any]) -> list[Any]:
    if any(isinstance(one, list) for one in values):
        return [one for row in values for one in (row if isinstance(row, list) else [row])]
    return values


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
