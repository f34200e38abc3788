"""Secrets' values never reach a log: they are masked before a byte leaves the machine."""

import re
from collections.abc import Iterable

MASK = b"***"
_SHORTEST_CODED = 6  # its middle in base 64 is long enough to be nobody else's
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
        text = self._held + chunk
        limit = self._decidable(text)
        shown: list[bytes] = []
        at = 0
        for found in self._pattern.finditer(text):
            if found.start() >= limit:
                break
            shown += (text[at : found.start()], MASK)
            at = found.end()
        if at < limit:
            shown.append(text[at:limit])
            at = limit
        self._held = text[at:]
        return b"".join(shown)

    def flush(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return self.whole(held)

    def whole(self, body: bytes) -> bytes:
        """Return a complete body masked."""
        return self._pattern.sub(MASK, body) if self._pattern else body

    def _decidable(self, text: bytes) -> int:
        """Return up to where no value can begin that more bytes would complete or lengthen."""
        newline = text.rfind(b"\n") + 1  # no form of a value holds a newline
        return max(newline, len(text) - self._longest + 1)


def _forms(value: str) -> set[bytes]:
    """Return the ways a value is likely to be printed: as it is, by line, quoted, in base 64.

    In base 64 also in the middle of other text, where the first and last letters differ.
    """
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote

    raw = value.encode("utf-8", "surrogateescape")
    lines = {line.strip() for line in raw.splitlines()}
    printed = {dumps(value)[1:-1].encode(), repr(value)[1:-1].encode("utf-8", "surrogateescape")}
    quoted = {quote(raw).encode(), quote(raw, safe="").encode()}
    coded = {b64encode(raw), b64encode(raw + b"\n")}
    if len(raw) >= _SHORTEST_CODED:
        coded |= {
            b64encode(bytes(shift) + raw)[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
            for shift in range(3)
        }
    return {form for form in lines | printed | quoted | coded if b"\n" not in form}
