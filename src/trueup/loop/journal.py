"""The numbered events of one model's loop in a bucket."""

from collections.abc import Callable, Sequence
from pathlib import Path

from trueup.loop.events import Event, decode_event, encode_event
from trueup.loop.history import History
from trueup.loop.layout import log_prefix
from trueup.store import log
from trueup.store.bucket import Bucket


class Journal:
    """The log of one model's loop, folded as far as it was read."""

    def __init__(self, bucket: Bucket, model: str, cache: Path | None = None) -> None:
        self.prefix = log_prefix(model)
        self._log = log.Log(bucket, self.prefix, cache=cache)
        self._known = History()

    def history(self) -> History:
        """Return everything until now."""
        return self._folded(self._log.read(self._known.number))

    def write(self, decide: Callable[[History], Event | None]) -> History:
        """Write the event that a decision makes of everything before it; None writes nothing.

        Whenever somebody else was first it is decided again, over what is there then. Returns
        what is so with the event.
        """
        written: list[Event] = []
        before = self._known

        def decided(events: list[log.Event]) -> bytes | None:
            nonlocal before
            before = self._folded(events[self._known.number :])
            event = decide(before)
            written[:] = [event] if event is not None else []
            return encode_event(event) if event is not None else None

        self._log.append_when(decided)
        self._known = before.after(written)
        return self._known

    def _folded(self, events: Sequence[log.Event]) -> History:
        new = (decode_event(one.body, f"{self.prefix} event {one.number}") for one in events)
        self._known = self._known.after(new)
        return self._known
