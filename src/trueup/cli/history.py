"""trueup history."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json

_LIMIT = 50


@click.command()
@click.argument("model")
@click.option("--env", "environment", metavar="NAME", default="", help="Only this environment.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=_LIMIT,
    show_default=True,
    help="Show so many; 0: all.",
)
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path, model: str, environment: str, limit: int, as_markdown: bool, as_json: bool
) -> None:
    """Tell what happened to a model, the newest first: verdicts, promotions, rollbacks, by whom.

    Behind it, how far the champions since the anchor have moved in all.
    """
    from trueup.project import registering
    from trueup.registry.plain import history_records
    from trueup.registry.reports import history_report

    with opened(folder) as workspace:
        where = registering.chosen_environment(workspace, environment) if environment else ""
        found = registering.history(workspace, model)
    if as_json:
        show_json({"model": found.model, "events": history_records(found, where, limit)})
    else:
        show(history_report(found, where, limit), as_markdown=as_markdown)
