"""Marks in bodies and comments by which ours are found again; invisible where they are shown."""

import re
from urllib.parse import quote, unquote

import msgspec

_FIRST = re.compile(r"<!-- trueup:(?P<subject>[^\s<>]*)(?: decision=(?P<decision>[^\s<>]+))? -->")


class Marker(msgspec.Struct, frozen=True):
    """What a body is about, and for which decision it was written."""

    subject: str
    decision: str = ""

    def __str__(self) -> str:
        """Return the mark: one line of HTML comment that no name in it can end."""
        tail = f" decision={_coded(self.decision)}" if self.decision else ""
        return f"<!-- trueup:{_coded(self.subject)}{tail} -->"


def marked(marker: Marker, body: str) -> str:
    """Return a body under its mark, which stands alone in the first line."""
    return f"{marker}\n\n{body}"


def marker_of(body: str) -> Marker | None:
    """Return a body's mark; None where the first line is not one, whatever stands further down.

    >>> marker_of(marked(Marker("a--b>", "d 1"), "text"))
    Marker(subject='a--b>', decision='d 1')
    >>> marker_of("quoted\\n<!-- trueup:a -->")
    """
    first = body.split("\n", 1)[0].rstrip("\r ")
    found = _FIRST.fullmatch(first)
    if found is None:
        return None
    return Marker(_plain(found["subject"]), _plain(found["decision"] or ""))


def _coded(text: str) -> str:
    """Return text in letters that end neither a comment nor a word; two dashes would."""
    return re.sub("-(?=-|$)", "%2D", quote(text, safe="/@:,=+", errors="surrogatepass"))


def _plain(coded: str) -> str:
    return unquote(coded, errors="surrogatepass")
