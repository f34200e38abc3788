"""trueup compare."""

import os
from pathlib import Path

import click

from trueup.cli.opening import json_option
from trueup.cli.showing import markdown_option, show, show_json
from trueup.errors import WrongUsage


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--all", "everything", is_flag=True, help="Show also what is equal.")
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path, runs: tuple[str, ...], everything: bool, as_markdown: bool, as_json: bool
) -> None:
    """Compare runs: metrics, parameters, artifacts, environment; what differs.

    RUN is an id, a unique part of it, 'last' or 'last~N'. Two runs also show change and ratio.
    """
    from trueup.pipeline.tracking.reports import differences_records, differences_report
    from trueup.project.looking import compare, runs_of

    found = runs_of(folder, os.environ)
    names = tuple(dict.fromkeys(found.find(name) for name in runs))
    if len(names) < 2:
        raise WrongUsage(
            f"there is nothing to compare {names[0]} with", remedy="Name two different runs"
        )
    rows = compare(found, names, everything=everything)
    if as_json:
        show_json({"runs": names, "differences": differences_records(rows, names)})
    else:
        show(differences_report("", rows, names), as_markdown=as_markdown)
