"""Lay cells out in columns of letters: widths, alignment, shortening."""

from collections.abc import Sequence

from trueup.reporting.blocks import Column
from trueup.reporting.wording import visible

_GAP = "  "
_NARROWEST = 8


def width(text: str) -> int:
    """Return how many places a line takes on a terminal; Asian wide letters take two.

    >>> width("abc"), width("日本"), width("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def fitted(text: str, places: int, *, right: bool = False) -> str:
    """Return one line of text in exactly so many places, cut with … where it is longer.

    >>> fitted("carrier=UA", 6), fitted("UA", 4, right=True)
    ('carri…', '  UA')
    """
    return _placed(visible(text), places, right=right)


def columns(
    headings: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[Column], room: int
) -> list[str]:
    """Return the heading and the rows as lines; text is cut with … where room (0: any) ends."""
    rows = _points_aligned(rows, kinds)
    widths = [max(width(line[i]) for line in (headings, *rows)) for i in range(len(headings))]
    if room:
        widths = _narrowed(widths, [width(heading) for heading in headings], kinds, room)
    return [
        _GAP.join(
            _placed(text, widths[i], right=kinds[i].kind == "number") for i, text in enumerate(line)
        ).rstrip()
        for line in (headings, *rows)
    ]


def _points_aligned(rows: Sequence[Sequence[str]], kinds: Sequence[Column]) -> list[list[str]]:
    """Return rows whose numbers are filled up on the right, so that their points agree."""
    filled = [list(row) for row in rows]
    for i, column in enumerate(kinds):
        if column.kind == "number":
            tails = [_tail(row[i]) for row in filled]
            longest = max((tail for tail in tails if tail is not None), default=0)
            for row, tail in zip(filled, tails, strict=True):
                if tail is not None:
                    row[i] += " " * (longest - tail)
    return filled


def _tail(text: str) -> int | None:
    """Return how long a number is from its point on; None where the text is no number."""
    whole, point, part = text.partition(".")
    if not whole.lstrip("+-").isdigit():
        return 0 if text in ("-", "nan") else None
    return len(point) + len(part)


def _narrowed(
    widths: list[int], headings: list[int], kinds: Sequence[Column], room: int
) -> list[int]:
    widths = list(widths)
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        widest = max(
            (i for i, column in enumerate(kinds) if column.kind == "text"),
            key=lambda i: widths[i] - max(_NARROWEST, headings[i]),
            default=None,
        )
        if widest is None or widths[widest] <= max(_NARROWEST, headings[widest]):
            break
        widths[widest] -= 1
    return widths


def _placed(text: str, places: int, *, right: bool) -> str:
    if width(text) > places:
        text = _cut(text, places)
    space = " " * (places - width(text))
    return space + text if right else text + space


def _cut(text: str, places: int) -> str:
    while text and width(text) >= places:
        text = text[:-1]
    return text + "…"
