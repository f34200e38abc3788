"""What is stored of a run: three kinds of event, and how they become bytes and back."""

import math
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from trueup.errors import WrongUsage
from trueup.store.artifacts import Artifact

FORMAT = 1

Outcome: TypeAlias = Literal[
    "ran", "fetched", "unchanged", "failed", "skipped", "timed_out", "interrupted"
]
EndStatus: TypeAlias = Literal["done", "failed", "interrupted"]
RunKind: TypeAlias = Literal["pipeline", "script"]
Flat: TypeAlias = dict[str, Any]  # one file's values by dotted name; see flat.py


class RunEnvironment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a run took place, and with which software."""

    python: str = ""
    platform: str = ""  # linux-x86_64
    lock: str = ""  # path of the packages' lock file
    lock_digest: str = ""
    host: str = ""
    user: str = ""
    trueup: str = ""


class Started(msgspec.Struct, frozen=True, tag="started", tag_field="event"):
    """The first event of a run."""

    run: str
    at: datetime
    project: str = ""
    kind: RunKind = "pipeline"
    commit: str = ""
    dirty: bool = False
    branch: str = ""
    command: tuple[str, ...] = ()  # as typed, secrets masked by without_secrets
    params: dict[str, Flat] = {}
    environment: RunEnvironment = RunEnvironment()
    targets: tuple[str, ...] = ()
    parent: str = ""
    format: int = FORMAT


class StageDone(msgspec.Struct, frozen=True, tag="stage done", tag_field="event"):
    """What became of one stage in one run."""

    stage: str
    outcome: Outcome
    key: str = ""
    reasons: tuple[dict[str, Any], ...] = ()  # the plan's reason values, as plain objects
    at: datetime | None = None
    seconds: float = 0.0
    peak_memory_bytes: int | None = None
    outs: dict[str, Artifact] = {}
    gpus: tuple[str, ...] = ()
    exit_code: int | None = None
    attempt: int = 1
    error: str = ""
    format: int = FORMAT


class Ended(msgspec.Struct, frozen=True, tag="ended", tag_field="event"):
    """The last event of a run; a run without it has been lost, or still goes on."""

    status: EndStatus
    at: datetime
    seconds: float = 0.0
    metrics: dict[str, Flat] = {}
    error: str = ""
    lock: str = ""  # digest of trueup.lock as the run left it: the lineage of every output
    format: int = FORMAT


Event: TypeAlias = Started | StageDone | Ended


class IndexStarted(msgspec.Struct, frozen=True, tag="started", tag_field="event"):
    """A run's beginning, as the index of all runs keeps it."""

    run: str
    at: datetime
    project: str = ""
    kind: RunKind = "pipeline"
    commit: str = ""
    dirty: bool = False
    branch: str = ""
    user: str = ""
    params: dict[str, Flat] = {}
    format: int = FORMAT


class IndexEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="event"):
    """A run's end, as the index of all runs keeps it."""

    run: str
    status: EndStatus
    at: datetime
    seconds: float = 0.0
    metrics: dict[str, Flat] = {}
    format: int = FORMAT


IndexEvent: TypeAlias = IndexStarted | IndexEnded
_Record = TypeVar("_Record", Event, IndexEvent)


class _Head(msgspec.Struct):
    format: int = FORMAT


class RecordUnreadable(WrongUsage):
    """A stored record is damaged, or newer than this trueup."""


class RecordDamaged(RecordUnreadable):
    """A stored record is not what was written."""


_FLOAT, _INT = "$float", "$int"  # nan, the infinities, and what 64 bits cannot hold
_encoder = msgspec.json.Encoder()
_event_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_index_decoder: msgspec.json.Decoder[IndexEvent] = msgspec.json.Decoder(IndexEvent)


def encode(record: Event | IndexEvent) -> bytes:
    """Return a record's JSON; nan and infinities survive the way back."""
    if isinstance(record, Started | IndexStarted):
        record = msgspec.structs.replace(record, params=_sayable(record.params))
    elif isinstance(record, Ended | IndexEnded):
        record = msgspec.structs.replace(record, metrics=_sayable(record.metrics))
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:  # an odd file name on the command line, say
        return _encoder.encode(_sayable(msgspec.to_builtins(record)))


def decode_event(body: bytes, place: str) -> Event:
    """Read one event of a run; RecordUnreadable, naming the place, if it cannot be."""
    return _decoded(_event_decoder, body, place)


def decode_index(body: bytes, place: str) -> IndexEvent:
    """Read one event of the index of runs; RecordUnreadable, naming the place, if it cannot be."""
    return _decoded(_index_decoder, body, place)


def refuse_newer(format_number: int, place: str) -> None:
    """Raise RecordUnreadable for a format that only a newer trueup writes."""
    if format_number > FORMAT:
        raise RecordUnreadable(
            f"this record has format {format_number}; this trueup reads up to {FORMAT}",
            remedy="Upgrade with: pip install --upgrade trueup",
            place=place,
        )


def _decoded(decoder: msgspec.json.Decoder[_Record], body: bytes, place: str) -> _Record:
    try:
        record = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        refuse_newer(_format_of(body), place)
        raise RecordDamaged(
            f"this record cannot be read: {wrong}",
            remedy="It was damaged after it was written: restore it, or delete the run",
            place=place,
        ) from wrong
    refuse_newer(record.format, place)
    if b'{"$' in body:
        return _understood(record)
    return record


def _format_of(body: bytes) -> int:
    try:
        return msgspec.json.decode(body, type=_Head).format
    except (msgspec.DecodeError, UnicodeDecodeError):
        return FORMAT


def _sayable(value: Any) -> Any:
    """Return values with those that JSON has no word for as ``{"$float": "nan"}`` and the like."""
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: repr(value)}
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else {_INT: str(value)}
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, dict):
        return {utf8(str(key)): _sayable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(item) for item in value]
    return value


def utf8(text: str) -> str:
    """Return text that can be stored: bytes of no letter, as in odd file names, are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _understood(record: _Record) -> _Record:
    if isinstance(record, Started | IndexStarted):
        return msgspec.structs.replace(record, params=_heard(record.params))
    if isinstance(record, Ended | IndexEnded):
        return msgspec.structs.replace(record, metrics=_heard(record.metrics))
    return record


def _heard(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_FLOAT}:
            return float(value[_FLOAT])
        if value.keys() == {_INT}:
            return int(value[_INT])
        return {key: _heard(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_heard(item) for item in value]
    return value
