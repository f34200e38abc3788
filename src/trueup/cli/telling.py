"""Tells what a command of the registry has written down."""

from typing import TYPE_CHECKING

from trueup.cli.printing import say
from trueup.cli.showing import show_json

if TYPE_CHECKING:
    from trueup.registry.records import Event


def tell_event(event: "Event | None", otherwise: str, *, as_json: bool) -> None:
    """Print an event's sentence, or its record; where nothing was written, say why."""
    from trueup.registry.plain import event_record
    from trueup.registry.reports import sentence

    if as_json:
        show_json({"event": event_record(event) if event else None})
    elif event is None:
        say(otherwise)
    else:
        print(sentence(event))
