"""Prints a report as whoever reads stdout wants it."""

import os
import sys

import click

from trueup.reporting.blocks import Report

markdown_option = click.option(
    "--md", "as_markdown", is_flag=True, help="Print Markdown, for a pull request or a README."
)


def show(report: Report, *, as_markdown: bool = False) -> None:
    """Print a report: Markdown if asked for, else text that fits and colours a terminal."""
    if as_markdown:
        from trueup.reporting.markdown import render_markdown

        text = render_markdown(report)
    else:
        from trueup.reporting.terminal import render_text

        text = render_text(report, room=_room(), colour=_colour())
    _print(text)


def show_json(value: object) -> None:
    """Print any records as one JSON document."""
    from trueup.reporting.plain_json import render_json

    _print(render_json(value))


def _print(text: str) -> None:
    # A terminal or pipe that is not UTF-8 gets escapes where it has no letter, not a traceback.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _room() -> int:
    if not sys.stdout.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size().columns


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
