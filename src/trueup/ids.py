"""The only source of identity: names that nobody else has chosen."""

import os
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def run_id(at: datetime) -> str:
    """Return a run's name, ``20261123-091530-7k3fq2xw``: sorts by second, 40 random bits."""
    random = int.from_bytes(os.urandom(5))
    tail = "".join(_ALPHABET[random >> shift & 31] for shift in range(35, -1, -5))
    return f"{at:%Y%m%d-%H%M%S}-{tail}"


def nonce() -> str:
    """Return 16 hexadecimal characters that tell one writer's record from another's."""
    return os.urandom(8).hex()
