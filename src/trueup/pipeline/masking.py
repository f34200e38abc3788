"""Secrets' values never reach a log: they are masked before a byte leaves the machine."""

import re
from collections.abc import Iterable

MASK = b"***"
_SHORTEST = 3  # masking shorter values would blank out innocent text


class Mask:
    """Replaces known values in a stream of bytes, also where a value straddles two chunks."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= _SHORTEST}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None
        self._longest = len(ordered[0]) if ordered else 0
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what may be shown; holds back what could be the beginning of a value."""
        if self._pattern is None:
            return chunk
        text = self._pattern.sub(MASK, self._held + chunk)
        keep = self._overlap(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return held

    def whole(self, body: bytes) -> bytes:
        """Return a complete body masked."""
        return self._pattern.sub(MASK, body) if self._pattern else body

    def _overlap(self, text: bytes) -> int:
        newline = text.rfind(b"\n") + 1  # a value's form never holds a newline, so stop there
        return min(self._longest - 1, len(text) - newline)


def _forms(value: str) -> set[bytes]:
    """Return the ways a value is likely to be printed: as it is, by line, quoted, in base 64."""
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote

    raw = value.encode("utf-8", "surrogateescape")
    lines = {line.strip() for line in raw.splitlines()}
    printed = {dumps(value)[1:-1].encode(), repr(value)[1:-1].encode("utf-8", "surrogateescape")}
    quoted = {quote(raw).encode(), quote(raw, safe="").encode()}
    return {form for form in lines | printed | quoted | {b64encode(raw)} if b"\n" not in form}
