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

    Behind it, how far the champions since the anchor have moved in all, and what came of the
    retrains of its loop.
    """
    from trueup.project import lookback, registering
    from trueup.registry.plain import history_records
    from trueup.registry.reports import history_report

    with opened(folder) as workspace:
        where = registering.chosen_environment(workspace, environment) if environment else ""
        found = registering.history(workspace, model)
        after = lookback.aftermaths(workspace, found.model, where)[-limit:]
    if as_json:
        events = history_records(found, where, limit)
        show_json({"model": found.model, "events": events, "aftermath": after})
        return
    report = history_report(found, where, limit)
    show(lookback.with_aftermaths(report, after), as_markdown=as_markdown)
