"""Frames: what many small batches become on their way to the disk, still unjoined by value."""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from trueup.captures import columns
from trueup.captures.columns import Column
from trueup.captures.ids import Ids, new_ids
from trueup.captures.records import (
    Batch,
    Captured,
    Labelled,
    Matrix,
    Moment,
    Named,
    names_of,
    nanoseconds,
)
from trueup.errors import WrongUsage

FrameKind: TypeAlias = Literal["captures", "labels"]
INPUT, OUTPUT = "input.", "output."
FORMAT = 1
MAGIC = b"TUSPOOL\x01"
_HEAD = struct.Struct("<II")  # length, CRC-32
_LONGEST_BYTES = 1 << 30


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one model and version; its columns have equal length and begin with ``id``."""

    kind: FrameKind
    model: str
    version: int
    digest: str
    columns: dict[str, Column]
    environment: str = ""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.columns["id"].rows


def frames_of(batches: Iterable[Batch]) -> Iterator[Frame]:
    """Yield as few frames as batches of different columns allow, each in the order given."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for one in batches:
        groups.setdefault(_likeness(one), []).append(one)
    for group in groups.values():
        yield _labels(group) if isinstance(group[0], Labelled) else _captures(group)


def encode(frame: Frame, spare: bytearray | None = None) -> bytearray:
    """Return a frame as it lies in a spool: length, checksum, MessagePack.

    It is written into what is spare, where that is given: fresh memory costs as much as the rest.
    """
    made = bytearray(_HEAD.size) if spare is None else spare
    _ENCODER.encode_into(frame, made, _HEAD.size)
    body = memoryview(made)[_HEAD.size :]
    _HEAD.pack_into(made, 0, len(body), zlib.crc32(body))
    return made


def decode_file(content: bytes, place: str) -> tuple[list[Frame], int, int]:
    """Return a spool file's frames, how many bytes of it are whole, and how many are damaged.

    The frames' columns lie in the content and are not copied.
    What a crash has cut off at the end is neither.
    """
    if content[: len(MAGIC)] != MAGIC:
        if not content or MAGIC.startswith(content):
            return [], 0, 0
        raise WrongUsage(
            "this is no spool file that this trueup can read",
            remedy="Install the trueup that wrote it, or move the file away",
            place=place,
        )
    found, place_bytes, damaged = [], len(MAGIC), 0
    whole, view = place_bytes, memoryview(content)
    while place_bytes + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, place_bytes)
        end = place_bytes + _HEAD.size + length
        if length > _LONGEST_BYTES or end > len(content):
            break
        body = view[place_bytes + _HEAD.size : end]
        if zlib.crc32(body) == checksum:
            found.append(_DECODER.decode(body))
            whole = end
        else:
            damaged += _HEAD.size + length
        place_bytes = end
    return found, whole, damaged


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Frame)


def _likeness(batch: Batch) -> tuple[Any, ...]:
    if isinstance(batch, Labelled):
        return ("labels", batch.model)
    if batch.refused:
        return ("refused", batch.model, batch.version, batch.digest, batch.environment)
    names = (names_of(batch.inputs), names_of(batch.outputs), bool(batch.propensity))
    return ("captures", batch.model, batch.version, batch.digest, names, batch.environment)


def _captures(group: Sequence[Captured]) -> Frame:
    first = group[0]
    sizes = [one.rows for one in group]
    rows = sum(sizes)
    made = {
        "id": _ids([one.ids for one in group]),
        "at": _moments([one.at for one in group], sizes),
        "version": columns.numbers("int", np.full(rows, first.version)),
        "role": _worded([one.role for one in group], sizes),
        "latency_s": columns.numbers("float32", np.repeat([one.latency_s for one in group], sizes)),
        "flags": _flags(group, rows),
    }
    if first.propensity:
        shares = [one.propensity for one in group]
        made["propensity"] = columns.numbers("float", np.repeat(shares, sizes))
    if first.refused:
        made["refused"] = _worded([one.refused for one in group], sizes)
        made["sent"] = columns.texts([row for one in group for row in _sent(one)])
    else:
        made |= _named(INPUT, [one.inputs for one in group])
        made |= _named(OUTPUT, [one.outputs for one in group])
    _check(made, rows, first.model)
    named = (first.model, first.version, first.digest)
    return Frame("captures", *named, made, first.environment)


def _named(prefix: str, parts: Sequence[Named]) -> dict[str, Column]:
    matrices = [one for one in parts if isinstance(one, Matrix)]
    if len(matrices) == len(parts):
        made = columns.columns_of([one.values for one in matrices])
        return {prefix + name: one for name, one in zip(matrices[0].names, made, strict=True)}
    mappings = [one.mapping() if isinstance(one, Matrix) else one for one in parts]
    return {
        prefix + name: columns.column_of([one[name] for one in mappings]) for name in mappings[0]
    }


def _labels(group: Sequence[Labelled]) -> Frame:
    sizes = [one.rows for one in group]
    rows = sum(sizes)
    made = {
        "id": columns.texts([one for batch in group for one in batch.ids]),
        "at": _moments([one.at for one in group], sizes),
        "word": _ids([new_ids(rows)]),
        "label": columns.column_of([one.labels for one in group]),
        "source": _worded([one.source for one in group], sizes),
    }
    _check(made, rows, group[0].model)
    return Frame("labels", group[0].model, 0, "", made)


def _ids(parts: Sequence[Sequence[str]]) -> Column:
    runs = [(made, list(run)) for made, run in groupby(parts, lambda one: isinstance(one, Ids))]
    found = [
        columns.of_one_length(Ids.joined(run), sum(map(len, run)))  # type: ignore[arg-type]  # as grouped
        if made
        else columns.texts([text for one in run for text in one])
        for made, run in runs
    ]
    return found[0] if len(found) == 1 else columns.join(found)


def _check(made: dict[str, Column], rows: int, model: str) -> None:
    wrong = {name: one.rows for name, one in made.items() if one.rows != rows}
    if wrong:
        raise WrongUsage(
            f"a capture of {model} has {rows} ids, but columns of other lengths: {wrong}",
            remedy="Give every column one value a row",
        )


def _moments(moments: Sequence[Moment | Sequence[Moment]], sizes: Sequence[int]) -> Column:
    if any(isinstance(at, Sequence) for at in moments):
        pairs = zip(moments, sizes, strict=True)
        moments = [
            one for at, rows in pairs for one in (at if isinstance(at, Sequence) else [at] * rows)
        ]
        sizes = [1] * len(moments)
    microseconds = [nanoseconds(at) // 1_000 for at in moments if not isinstance(at, Sequence)]
    return columns.numbers("time", np.repeat(np.array(microseconds, "<i8"), sizes))


def _worded(words: Sequence[str], sizes: Sequence[int]) -> Column:
    if len(set(words)) == 1:
        return columns.repeated(words[0], sum(sizes))
    return columns.texts(
        [word for word, rows in zip(words, sizes, strict=True) for _ in range(rows)]
    )


def _flags(group: Sequence[Captured], rows: int) -> Column:
    """Return for each row its flags as JSON, such as ``{"carrier":"unseen"}``."""
    if not any(one.flags for one in group):
        return columns.absent(rows)
    said: list[str | None] = []
    for one in group:
        of_rows: list[dict[str, str]] = [{} for _ in range(one.rows)]
        for name, words in one.flags.items():
            if len(words) != one.rows:  # said of the batch as a whole
                words = [",".join(words)] * one.rows
            for row, word in zip(of_rows, words, strict=True):
                if word:
                    row[name] = word
        said += [msgspec.json.encode(row).decode() if row else None for row in of_rows]
    return columns.texts(said)


def _sent(refused: Captured) -> list[str]:
    """Return each row of a refused batch as JSON; its columns may be of any length and type."""
    sent = refused.inputs.mapping() if isinstance(refused.inputs, Matrix) else refused.inputs
    listed = {
        name: one.tolist() if isinstance(one, np.ndarray) else list(one)
        for name, one in sent.items()
    }
    return [
        msgspec.json.encode(
            {name: one[k] for name, one in listed.items() if k < len(one)}, enc_hook=str
        ).decode("utf-8", "replace")
        for k in range(refused.rows)
    ]


def write_all(descriptor: int, content: bytes | bytearray) -> None:
    """Write every byte, however few the system takes at once."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
