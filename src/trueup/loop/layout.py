"""Where in the bucket a model's loop is written down."""

from trueup.captures.layout import model_folder
from trueup.pipeline.tracking.layout import stage_folder


def log_prefix(model: str) -> str:
    """Return the prefix of the log of a model's loop.

    >>> log_prefix("flights/flight-late")
    'loop/flights/flight-late'
    """
    return f"loop/{model_folder(model)}"


def heartbeat_key(name: str) -> str:
    """Return the key of the sign of life of whatever repeats ticks under this name."""
    return f"heartbeats/{stage_folder(name)}.json"
