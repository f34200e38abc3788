"""A log's events kept on this machine: immutable there, so never fetched twice."""

from pathlib import Path

import msgspec

from trueup import ids
from trueup.store.bucket import Entry

_MOST_FILES = 8


class _Kept(msgspec.Struct, frozen=True):
    first: int
    stamp: str  # of the last event, as the bucket lists it: another one means another bucket
    events: list[msgspec.Raw]
    format: int = 1


def stamp(entry: Entry) -> str:
    """Return what tells this object from one that was written later under the same key."""
    return f"{entry.size_bytes} {entry.modified.isoformat()}"


class LogCache:
    """Runs of events as files in one folder; losing it costs time only."""

    def __init__(self, folder: Path, url: str, prefix: str) -> None:
        from blake3 import blake3

        self._folder = folder / blake3(f"{url}\n{prefix}".encode()).hexdigest()[:24]

    def load(self) -> tuple[list[bytes], str]:
        """Return the kept events from the first on, and the last one's stamp."""
        bodies: list[bytes] = []
        last = ""
        for path in sorted(self._folder.glob("*.json")):
            kept = _open(path)
            if kept is None or kept.first > len(bodies) + 1:
                continue
            new = kept.events[len(bodies) + 1 - kept.first :]
            if new:
                bodies += [bytes(event) for event in new]
                last = kept.stamp
        return bodies, last

    def store(self, bodies: list[bytes], first: int, last: str) -> None:
        """Keep the events from number first on, of all bodies; a full disk is no error here."""
        import contextlib

        with contextlib.suppress(OSError):
            old = sorted(self._folder.glob("*.json"))
            if len(old) >= _MOST_FILES:
                first = 1
            self._write(bodies, first, last)
            if first == 1:
                for path in old:
                    path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove everything that is kept of this log."""
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def _write(self, bodies: list[bytes], first: int, last: str) -> None:
        events = [msgspec.Raw(body) for body in bodies[first - 1 :]]
        name = f"{first:010d}-{len(bodies):010d}-{ids.nonce()}"
        self._folder.mkdir(parents=True, exist_ok=True)
        scratch = self._folder / f"{name}.tmp"
        scratch.write_bytes(msgspec.json.encode(_Kept(first, last, events)))
        scratch.rename(self._folder / f"{name}.json")


def _open(path: Path) -> _Kept | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError):
        return None
    return kept if kept.format == 1 else None
