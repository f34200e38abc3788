"""Tombstones: what was erased stays erased, also where it arrives only later."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from trueup import ids
from trueup.captures import columns, frames, layout, segments
from trueup.captures.columns import Column
from trueup.captures.segments import Piece
from trueup.store.bucket import Bucket
from trueup.store.formats import Stored
from trueup.store.log import Log

FORMAT = 1


class Order(msgspec.Struct, frozen=True):
    """Who erases or exports, when and why."""

    by: str
    at: datetime
    why: str = ""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    at: datetime
    by: str
    format: int = FORMAT


class Erasing(_Event, frozen=True, tag="erasing"):
    """Rows are to go; neither their ids nor the values that name them can be read from this."""

    salt: str
    ids: tuple[str, ...] = ()  # digests
    where: dict[str, str] = {}  # column: digest of its value; all must hold
    why: str = ""


class Erased(_Event, frozen=True, tag="erased"):
    """They are gone."""

    numbers: tuple[int, ...]  # of the events that announced it
    captures: int
    labels: int
    exports: tuple[str, ...] = ()  # files that were rewritten
    elsewhere: tuple[str, ...] = ()  # exports that are not where they were written: look there
    versions: tuple[str, ...] = ()  # versions trained on these rows


class Exported(_Event, frozen=True, tag="exported"):
    """Joined rows were written to a file for training."""

    place: str
    rows: int = 0  # told to who exports; what is recorded before has none yet
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None


Event: TypeAlias = Erasing | Erased | Exported


def text_of(value: Any) -> str:
    """Return a value as a person writes it: 5 for 5.0, true for True."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def digest_of(value: Any, salt: str) -> str:
    """Return what stands for a value in a tombstone."""
    return blake3(f"{salt}\0{text_of(value)}".encode("utf-8", "replace")).hexdigest()[:32]


def erasing(
    at: datetime, by: str, chosen: Sequence[str] | Mapping[str, Any], why: str = ""
) -> Erasing:
    """Make the announcement that these ids, or the rows with these values, are erased."""
    salt = ids.nonce()
    if isinstance(chosen, Mapping):
        digests = {name: digest_of(one, salt) for name, one in chosen.items()}
        return Erasing(at=at, by=by, salt=salt, where=digests, why=why)
    named = tuple(sorted({digest_of(one, salt) for one in chosen}))
    return Erasing(at=at, by=by, salt=salt, ids=named, why=why)


class Erasures:
    """What has been erased of a model, as far as the log was read."""

    def __init__(self, bucket: Bucket, model: str) -> None:
        self._log = log_of(bucket, model)
        self._seen = 0
        self.announced: list[Erasing] = []
        self.look_again()

    def look_again(self) -> bool:
        """Read what was announced since; say whether there was anything."""
        events = self._log.read(self._seen)
        self._seen += len(events)
        fresh = [decode_event(one.body, self._log.prefix) for one in events]
        found = [one for one in fresh if isinstance(one, Erasing)]
        self.announced += found
        return bool(found)

    def spared(self, piece: Piece) -> Piece | None:
        """Return a segment without what was erased; None if nothing is left."""
        if not self.announced:
            return piece
        table = piece.columns
        gone = np.zeros(piece.rows, bool)
        for one in self.announced:
            gone |= rows_meant(one, table, piece.kind)
        if not gone.any():
            return piece
        if gone.all():
            return None
        return segments.rewritten(
            piece, {name: columns.take(col, ~gone) for name, col in table.items()}
        )


def rows_meant(erasing: Erasing, table: Mapping[str, Column], kind: str) -> NDArray[np.bool_]:
    """Say of each row whether it is to go."""
    rows = table["id"].rows
    if erasing.ids:
        meant = set(erasing.ids)
        named = columns.as_list(table["id"])
        return np.array([digest_of(one, erasing.salt) in meant for one in named], bool)
    if kind != "captures" or not erasing.where:
        return np.zeros(rows, bool)
    found = np.ones(rows, bool)
    for name, digest in erasing.where.items():
        column = table.get(full_name(name, table))
        if column is None:
            return _refused_rows(erasing, table)
        values = columns.as_list(column)
        found &= np.array([digest_of(one, erasing.salt) == digest for one in values], bool)
    return found | _refused_rows(erasing, table)


def full_name(name: str, table: Mapping[str, Any]) -> str:
    """Return how a table calls a column that a person names: an input may be named without."""
    return name if name in table else frames.INPUT + name


def log_of(bucket: Bucket, model: str) -> Log:
    """Return the log of what was erased and exported of a model."""
    return Log(bucket, layout.log_prefix(model))


def encode_event(event: Event) -> bytes:
    """Return an event as JSON; the log adds its nonce."""
    return msgspec.json.encode(event)


def decode_event(body: bytes, place: str) -> Event:
    """Return an event; WrongUsage for a newer format, NotProven for what is none."""
    return _STORED.read(body, place)


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_STORED = Stored(_EVENTS, FORMAT, "the bucket's record of captures is", "not an event of captures")


def has_values(sent: str, wanted: Mapping[str, str]) -> bool:
    """Say whether a refused request, as JSON, had these values; they are given as texts."""
    row = msgspec.json.decode(sent)
    return all(
        text_of(row.get(name.removeprefix(frames.INPUT))) == one for name, one in wanted.items()
    )


def _refused_rows(erasing: Erasing, table: Mapping[str, Column]) -> NDArray[np.bool_]:
    """Say which refused requests had the values in what was sent."""
    found = np.zeros(table["id"].rows, bool)
    sent = table.get("sent")
    if sent is None or sent.kind != "text":
        return found
    for k, text in enumerate(columns.as_list(sent)):
        row = msgspec.json.decode(text) if text else {}
        found[k] = bool(row) and all(
            digest_of(row.get(name.removeprefix(frames.INPUT)), erasing.salt) == digest
            for name, digest in erasing.where.items()
        )
    return found
