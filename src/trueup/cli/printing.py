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


def size(size_bytes: int) -> str:
    """Return a size as people read it.

    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
