"""Render a report as GitHub's and GitLab's Markdown."""

import re

from trueup.reporting.blocks import Block, Chart, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import cell, heading, visible

_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_SPECIAL = re.compile(r"([\\`*_\[\]|~#$!(){}^])")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown; no name in it can end a table, start HTML or call a person."""
    parts = [f"## {escaped(report.title)}"] if report.title else []
    parts += [_block(block) for block in report.brief]
    return "\n\n".join(parts) + "\n" if parts else ""


def render_pictures(report: Report) -> str:
    """Return the charts that Mermaid can draw, folded; empty where there are none."""
    drawn = [one.mermaid for one in report.blocks if isinstance(one, Chart) and one.mermaid]
    if not drawn:
        return ""
    shown = "\n\n".join(_fenced(one, "mermaid") for one in drawn)
    return f"<details><summary>Curves</summary>\n\n{shown}\n\n</details>\n"


def escaped(text: str) -> str:
    r"""Return text that Markdown shows as it is, in one line, also inside a table.

    >>> escaped("a|b <i> `c`\n@team")
    'a\\|b &lt;i&gt; \\`c\\`\\\\n@<!-- -->team'
    """
    text = _SPECIAL.sub(r"\\\1", visible(text))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("@", "@<!-- -->")  # entities would not keep a forge from sending mail


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Text():
            return _fenced(block.text) if block.verbatim else _paragraphs(block.text)
        case Verdict():
            first = f"{_SIGNS[block.word]} **{escaped(block.subject)}: {block.word}**"
            reasons = [f"- {_line(reason)}" for reason in block.reasons]
            return "\n".join([first, "", *reasons] if reasons else [first])
        case Chart():
            title = f"**{escaped(block.title)}**\n\n" if block.title else ""
            return title + _fenced(block.fallback)


def _table(table: Table) -> str:
    title = [f"**{escaped(table.title)}**", ""] if table.title else []
    if not table.rows:
        return "\n".join([*title, escaped(table.empty)])
    lines = [_row([heading(column) for column in table.columns])]
    lines.append("|" + "|".join(_rule(column) for column in table.columns) + "|")
    for row in table.rows:
        lines.append(
            _row([cell(value, column) for value, column in zip(row, table.columns, strict=True)])
        )
    return "\n".join([*title, *lines])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(escaped(text) or " " for text in cells) + " |"


def _rule(column: Column) -> str:
    return "---:" if column.kind == "number" else "---"


def _paragraphs(text: str) -> str:
    lines = text.strip("\n").split("\n")
    return "\n".join(_line(line) for line in lines)


def _line(line: str) -> str:
    """Return one line of a paragraph that starts no list, heading, quote or rule."""
    shown = escaped(line.strip())
    return re.sub(r"^([-+=]|\d+(?=[.](?:\s|$)))", lambda m: _not_a_list(m[1]), shown)


def _not_a_list(start: str) -> str:
    return f"{start}<!-- -->" if start.isdigit() else f"\\{start}"


def _fenced(text: str, language: str = "text") -> str:
    """Return text as a block of code whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text, lines=True)}\n{fence}"
