"""Render a report as one HTML file that needs nothing else: no network, no script, no font."""

from collections.abc import Iterator
from itertools import count, groupby
from pathlib import Path

from trueup.reporting.blocks import Block, Chart, Column, Report, Table, Text, Verdict
from trueup.reporting.markup import Markup, element, joined
from trueup.reporting.pictures import MISSING, can_draw, drawn
from trueup.reporting.wording import cell, heading

_SIGNS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not judged": "-"}
_ONLY_ITSELF = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(report: Report) -> str:
    """Return the report as a page; charts are pictures where the extra ``report`` is installed."""
    names = (f"chart{nth}" for nth in count())
    parts = [
        part
        for are_charts, blocks in groupby(report.blocks, lambda each: isinstance(each, Chart))
        for part in _grouped(list(blocks), names, are_charts=are_charts)
    ]
    if not can_draw() and any(isinstance(block, Chart) for block in report.blocks):
        parts.append(element("p", MISSING, class_="note"))
    title = report.title or "Report"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_ONLY_ITSELF),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        Markup(f"<style>\n{_style()}</style>"),
    )
    main = element("main", element("h1", title), *(joined(Markup("\n"), part) for part in parts))
    page = element("html", head, Markup("\n"), element("body", main), lang="en")
    return f"<!doctype html>\n{page}\n"


def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def _grouped(blocks: list[Block], names: Iterator[str], *, are_charts: bool) -> list[Markup]:
    shown = [_block(block, names) for block in blocks]
    return [element("div", *shown, class_="charts")] if are_charts else shown


def _block(block: Block, names: Iterator[str]) -> Markup:
    match block:
        case Table():
            return _table(block)
        case Text():
            return _text(block)
        case Verdict():
            return _verdict(block)
        case Chart():
            return _chart(block, next(names))


def _text(text: Text) -> Markup:
    if text.verbatim:
        return element("pre", text.text, tabindex="0")
    return joined(*(element("p", line) for line in text.text.strip("\n").split("\n")))


def _verdict(verdict: Verdict) -> Markup:
    word = element("span", _SIGNS[verdict.word], class_="sign", aria_hidden="true")
    first = element("h2", verdict.subject, ": ", element("strong", word, " ", verdict.word))
    reasons = [element("li", reason) for reason in verdict.reasons]
    inside = [first, element("ul", *reasons)] if reasons else [first]
    return element("section", *inside, class_=f"verdict {verdict.word}")


def _chart(chart: Chart, name: str) -> Markup:
    letters = element("pre", chart.fallback, tabindex="0")
    caption = element("figcaption", chart.title)
    if not can_draw():
        return element("figure", caption, letters)
    same = element("details", element("summary", "The same in letters"), letters)
    return element("figure", caption, drawn(chart, name), same)


def _table(table: Table) -> Markup:
    if not table.rows:
        title = [element("h3", table.title)] if table.title else []
        return joined(*title, element("p", table.empty))
    caption = [element("caption", table.title)] if table.title else []
    named = [
        element("th", heading(column), scope="col", role="columnheader", class_=column.kind)
        for column in table.columns
    ]
    head = element("thead", element("tr", *named, role="row"), role="rowgroup")
    rows = [
        element(
            "tr",
            *(_cell(value, column) for value, column in zip(row, table.columns, strict=True)),
            role="row",
        )
        for row in table.rows
    ]
    body = element("tbody", *rows, role="rowgroup")
    # The roles are said again because the phone's layout takes them from the elements.
    return element("div", element("table", *caption, head, body, role="table"), class_="table")


def _cell(value: object, column: Column) -> Markup:
    shown = cell(value, column)  # type: ignore[arg-type]  # a Table holds nothing but cells
    word = f" {shown.replace(' ', '-')}" if shown in _SIGNS else ""
    return element(
        "td", shown, role="cell", class_=f"{column.kind}{word}", data_label=heading(column)
    )
