"""What a page is made of: elements, attributes, and the text between."""

import re
from html.parser import HTMLParser

KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "div", "span", "pre"),
    *("h1", "h2", "h3", "p", "ul", "li", "strong", "figure", "figcaption", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clippath"),
}
FETCHING = frozenset(["src", "href", "xlink:href", "action", "data", "srcset", "background"])


class Page(HTMLParser):
    """A page as a browser would take it apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def checked(page: str) -> Page:
    """Return a page of which nothing is fetched, nothing runs, and every element is ours."""
    seen = Page(page)
    assert not seen.open
    assert set(seen.tags) <= KNOWN
    for name, value in seen.attributes:
        assert name not in FETCHING
        assert not name.startswith("on")
        if name not in ("data-label", "aria-label"):  # text, for eyes and ears
            assert not re.search(r"url\((?!#chart)|https?:", value or "")
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    return seen
