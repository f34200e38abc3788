"""What commands print alike: JSON on stdout, everything else on stderr."""

import sys
from typing import Any

import msgspec


def print_json(value: Any) -> None:
    """Print one JSON document, indented, keys as they come."""
    body = msgspec.json.encode(value, order="deterministic")
    print(msgspec.json.format(body, indent=2).decode())


def say(text: str) -> None:
    """Tell the person something that is not the result."""
    print(text, file=sys.stderr)
