"""Draws charts as SVG that can stand within a page: nothing in it is fetched, runs or clashes."""

from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

from trueup.reporting.blocks import Chart
from trueup.reporting.markup import Markup
from trueup.reporting.wording import visible

MISSING = "Charts are drawn in letters. For pictures: pip install 'trueup[report]'"

_SVG = "{http://www.w3.org/2000/svg}"
_ALLOWED = frozenset(
    ("svg", "g", "path", "text", "tspan", "rect", "line", "circle", "defs", "clipPath")
)
_COLOURS = ("#2e7fc2", "#d57a1f", "#3d9a5f", "#b0559e", "#8a6d3b", "#5f6fd0")
_CONFIG: dict[str, Any] = {
    "aria": False,  # its sentences would be expressions made of names
    "background": "transparent",
    "font": "Arial, Helvetica, sans-serif",
    "padding": {"left": 8, "right": 6, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "range": {"category": list(_COLOURS)},
    "axis": {
        "labelFontSize": 11,
        "labelLimit": 130,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#88888833",
        "domainColor": "#888888",
        "tickColor": "#888888",
    },
    "legend": {"orient": "top", "title": None, "labelFontSize": 12, "labelLimit": 140},
    "title": {"anchor": "start", "fontSize": 12, "fontWeight": "normal", "limit": 340},
}


def can_draw() -> bool:
    """Say whether pictures can be drawn here."""
    return find_spec("vl_convert") is not None


def drawn(chart: Chart, name: str) -> Markup:
    """Return a chart as an SVG element; name must be another for each chart of a page."""
    from vl_convert import vegalite_to_svg

    spec = _plain({key: value for key, value in chart.spec.items() if key != "title"})
    svg = vegalite_to_svg(spec, config=_CONFIG, allowed_base_urls=[])
    return _inlined(svg, visible(chart.title), name)


def _plain(value: Any) -> Any:
    """Return a specification whose texts all print: XML has no place for what does not."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _inlined(svg: str, title: str, name: str) -> Markup:
    """Return the picture with ids of its own, one label for readers of the screen, and no more."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - what vl-convert has just drawn
    _strip(root, name)
    root.set("role", "img")
    root.set("aria-label", title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _strip(parent: ElementTree.Element, name: str) -> None:
    parent.tag = _local(parent.tag)  # within HTML the namespace goes without saying
    for key, value in list(parent.attrib.items()):
        local = _local(key)
        if key != local or local.startswith(("on", "aria-", "role")) or local == "href":
            del parent.attrib[key]
        elif local == "id":
            parent.set(key, f"{name}-{value}")
        elif value.startswith("url(#"):
            parent.set(key, f"url(#{name}-{value[5:]}")
        elif "url(" in value:
            del parent.attrib[key]
    for child in list(parent):
        if child.tag.startswith(_SVG) and _local(child.tag) in _ALLOWED:
            _strip(child, name)
        else:
            parent.remove(child)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
