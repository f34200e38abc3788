"""trueup predict."""

from pathlib import Path
from typing import Any

import click

from trueup.cli.environments import env_option, override_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json


@click.command()
@click.argument("name", metavar="MODEL[@ALIAS|/N]")
@click.option(
    "--in", "given", metavar="PLACE", required=True,
    help="A table, a folder or a pattern of tables (.parquet, .csv, .arrow), or a URL of these.",
)  # fmt: skip
@click.option(
    "--out", metavar="PLACE", required=True, help="A file or URL: .parquet, .csv or .arrow."
)
@click.option("--rejected", metavar="PLACE", default="", help="If not given, OUT.rejected.*")
@click.option(
    "--partition", metavar="D", default="",
    help="What this table is, such as its day: it is scored once. {partition} in a place is D.",
)  # fmt: skip
@click.option(
    "--id", metavar="COLUMN", default="",
    help="Ids of the rows; without it evaluate.id where the table has that, else they are made.",
)  # fmt: skip
@click.option("--at", metavar="COLUMN", default="", help="When a row was asked; without it, D.")
@click.option(
    "--max-rejected", "most_rejected", metavar="SHARE", type=float, default=0.01,
    show_default=True, help="Of all rows; with more nothing is written, exit code 9.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Score it anew, in place of what is there.")
@env_option
@override_option
@why_option
@markdown_option
@json_option
@click.pass_obj
def command(folder: Path, /, as_markdown: bool, as_json: bool, **asked: Any) -> None:
    """Score a table, however large, and capture the predictions as the server does.

    The same rows get the same predictions as over HTTP. What was ended on its way goes on when
    the same command is called again. A row that the model cannot take is left out, and written
    with the reason to OUT.rejected.
    """
    from trueup.project.predicting import Wanted, predict, report

    with opened(folder) as workspace:
        done = predict(workspace, Wanted(**asked), say)
    if as_json:
        show_json(done)
    else:
        show(report(done), as_markdown=as_markdown)
