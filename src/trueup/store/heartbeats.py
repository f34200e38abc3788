"""Signs of life of what runs for long beside its records: ``heartbeats/<name>.json``.

The record is ``{"format": 1, "at": "2026-11-23T19:40:00Z", "every_s": 60.0, ...}``; its writer
puts it anew every so often, and may say more. Those of runs, ``heartbeats/runs/``, say nothing but
that they are.
"""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import unquote

import msgspec

from trueup.errors import TrueupError
from trueup.store.bucket import Bucket, Missing
from trueup.store.formats import Stored

FORMAT = 1
HEARTBEATS = "heartbeats/"
MOST = 16
_RUNS, _SUFFIX = f"{HEARTBEATS}runs/", ".json"


class Heartbeat(msgspec.Struct, frozen=True):
    """Somebody was alive at that time; the next sign was to come so soon, where that is said."""

    at: datetime
    every_s: float = 0.0
    format: int = FORMAT


def heartbeat_key(name: str) -> str:
    """Return where a sign of life lies; a name may have slashes, or be quoted as in URLs."""
    return f"{HEARTBEATS}{name}{_SUFFIX}"


def heartbeats(bucket: Bucket, first: Collection[str] = ()) -> dict[str, Heartbeat]:
    """Return the last sign of life by name: of at most sixteen, these names before all others.

    What a name had to be quoted for is unquoted. One that cannot be read, or is of a newer
    trueup, is left out.
    """
    keys = {
        unquote(one.key.removeprefix(HEARTBEATS).removesuffix(_SUFFIX)): one.key
        for one in bucket.list(HEARTBEATS)
        if one.key.endswith(_SUFFIX) and not one.key.startswith(_RUNS)
    }
    found = {}
    for name in sorted(keys, key=lambda one: (one not in first, one))[:MOST]:
        read = _read(bucket, keys[name])
        if read is not None:
            found[name] = read
    return found


def _read(bucket: Bucket, key: str) -> Heartbeat | None:
    try:
        body = bucket.get(key)
    except Missing:
        return None
    try:
        found = _STORED.read(body, key)
    except TrueupError:
        return None
    return found if found.at.tzinfo is not None else None


_HEARTBEATS: msgspec.json.Decoder[Heartbeat] = msgspec.json.Decoder(Heartbeat)
_STORED = Stored(_HEARTBEATS, FORMAT, "the sign of life is", "not a sign of life")
