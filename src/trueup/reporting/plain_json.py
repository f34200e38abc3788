"""Render reports, and any other records, as JSON that every reader accepts."""

import math
from typing import Any

import msgspec


def render_json(value: Any) -> str:
    """Return records as indented JSON; nan and infinities become "nan", "inf" and "-inf".

    JSON has no numbers for them, and null would say that nothing was measured.
    """
    plain = _finite(msgspec.to_builtins(value))
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
