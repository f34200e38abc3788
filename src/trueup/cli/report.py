"""trueup report."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json
from trueup.cli.writing import file_options


@click.command()
@click.argument("name", required=False)
@file_options
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    name: str | None,
    html: Path | None,
    junit: Path | None,
    markdown: Path | None,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Show the last verdict on a model again, or write it as a page, JUnit XML or Markdown.

    NAME is [PROJECT/]MODEL[@ALIAS|/N] or a verdict's digest; without it each model is shown.
    """
    from trueup.project.reports import given, together, write_reports

    with opened(folder) as workspace:
        found = given(workspace, name)
    report = together(found)
    write_reports(report, html=html, junit=junit, markdown=markdown)
    if as_json:
        show_json({"verdicts": found})
    elif as_markdown or not (html or junit or markdown):
        show(report, as_markdown=as_markdown)
