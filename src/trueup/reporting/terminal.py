"""Render a report as plain text for a terminal or a log."""

from trueup.reporting.blocks import Block, Chart, Report, Table, Text, Verdict
from trueup.reporting.layout import columns
from trueup.reporting.wording import cell, heading, visible

_WORDS = {"pass": "32", "fail": "31", "inconclusive": "33"}  # green, red, yellow


def render_text(report: Report, *, room: int = 0, colour: bool = False) -> str:
    """Return the report as lines that end with a newline.

    Room is the terminal's width (0: no limit). Names cannot steer the terminal: whatever does
    not print is written out.
    """
    parts = [_bold(visible(report.title), colour)] if report.title else []
    parts += [_block(block, room, colour) for block in report.brief]
    return "".join(f"{part}\n" for part in "\n\n".join(parts).split("\n")) if parts else ""


def _block(block: Block, room: int, colour: bool) -> str:
    match block:
        case Table():
            return _table(block, room, colour)
        case Text():
            text = visible(block.text, lines=True).rstrip("\n")
            return text if block.verbatim or not room else _wrapped(text, room)
        case Verdict():
            return _verdict(block, room, colour)
        case Chart():
            title = [_bold(visible(block.title), colour)] if block.title else []
            return "\n".join([*title, visible(block.fallback, lines=True)])


def _table(table: Table, room: int, colour: bool) -> str:
    lines = [_bold(visible(table.title), colour)] if table.title else []
    if not table.rows:
        return "\n".join([*lines, table.empty])
    rows = [
        [visible(cell(value, column)) for value, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    head, *body = columns(
        [visible(heading(column)) for column in table.columns], rows, table.columns, room
    )
    return "\n".join([*lines, _bold(head, colour), *body])


def _verdict(verdict: Verdict, room: int, colour: bool) -> str:
    word = f"\x1b[{_WORDS[verdict.word]}m{verdict.word}\x1b[0m" if colour else verdict.word
    first = f"{visible(verdict.subject)}: {word}"
    reasons = [f"  {visible(reason)}" for reason in verdict.reasons]
    return "\n".join([first, *(_wrapped(each, room, "    ") if room else each for each in reasons)])


def _wrapped(text: str, room: int, further: str = "") -> str:
    """Return lines that fit; where one goes on it may begin further in."""
    import textwrap

    return "\n".join(
        part
        for line in text.split("\n")
        for part in textwrap.wrap(line, room, subsequent_indent=further, break_on_hyphens=False)
        or [""]
    )


def _bold(text: str, colour: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if colour else text
