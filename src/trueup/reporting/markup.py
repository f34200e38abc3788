"""Writes HTML and XML so that text stays text: whatever is not markup already is escaped."""

from html import escape

from trueup.reporting.wording import visible

_WITHOUT_END = frozenset({"meta"})


class Markup(str):
    """Text that is HTML or XML by itself; only what this module made, or has checked, is."""

    __slots__ = ()


def element(tag: str, /, *inside: str, **attributes: str) -> Markup:
    r"""Return an element with what it holds; attributes lose an underscore at their end.

    >>> element("p", "a<b", element("b", "\x1b"), class_='"')
    '<p class="&quot;">a&lt;b<b>\\x1b</b></p>'
    """
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(value))}"'
        for key, value in attributes.items()
    )
    if tag in _WITHOUT_END:
        return Markup(f"<{tag}{named}>")
    return Markup(f"<{tag}{named}>{joined(*inside)}</{tag}>")


def joined(*parts: str) -> Markup:
    """Return parts behind each other, each escaped unless it is markup; line ends stay."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else escape(visible(part, lines=True))
            for part in parts
        )
    )
