"""trueup runs."""

import os
from pathlib import Path

import click

from trueup.cli.opening import json_option
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json

_LIMIT = 20


@click.group(invoke_without_command=True)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="CONDITION",
    help="Only runs that meet it, such as 'metrics.roc_auc>0.7' or status=failed; repeatable.",
)
@click.option(
    "--sort",
    "sort",
    multiple=True,
    metavar="COLUMN",
    help="Sort by a column; -COLUMN begins with the greatest; repeatable.",
)
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=0),
    default=_LIMIT,
    show_default=True,
    help="Show so many; 0: all.",
)
@click.option("--columns", multiple=True, metavar="A,B", help="Show these columns.")
@markdown_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    filters: tuple[str, ...],
    sort: tuple[str, ...],
    limit: int,
    columns: tuple[str, ...],
    as_markdown: bool,
    as_json: bool,
) -> None:
    """List runs, the newest first; show one in full.

    \b
    Columns: id at status seconds project kind commit dirty branch user,
             metrics.NAME, params.NAME (metrics.FILE:NAME where files share a name)
    Status:  running done failed interrupted lost (no sign of life for a minute)
    Signs:   = != < <= > >= ~ (contains); id and commit equal any beginning of theirs
    """
    if ctx.invoked_subcommand:
        return
    from trueup.pipeline.tracking.filters import check_columns
    from trueup.pipeline.tracking.listing import plain
    from trueup.pipeline.tracking.reports import runs_report
    from trueup.project.looking import runs_of

    wanted = tuple(name for several in columns for name in several.split(",") if name)
    found = runs_of(ctx.obj, os.environ).list(filters, sort)
    check_columns(wanted, found)
    shown = found[: limit or None]
    if as_json:
        records = [plain(run) for run in shown]
        if wanted:
            records = [{name: record.get(name) for name in wanted} for record in records]
        show_json({"runs": records, "total": len(found)})
        return
    show(runs_report(shown, wanted), as_markdown=as_markdown)
    if len(shown) < len(found):
        say(f"{len(shown)} of {len(found)} runs; all of them: --limit 0")


@command.command("show")
@click.argument("run")
@click.option("--log", "stage", metavar="STAGE", help="Print what a stage printed, nothing else.")
@click.option("--points", is_flag=True, help="Print every logged point.")
@markdown_option
@json_option
@click.pass_obj
def show_one(
    folder: Path, run: str, stage: str | None, points: bool, as_markdown: bool, as_json: bool
) -> None:
    """Show a run in full. RUN is its id, a unique part of it, 'last' or 'last~N'."""
    from trueup.pipeline.tracking.reports import detail_report, points_report
    from trueup.project.looking import runs_of

    runs = runs_of(folder, os.environ)
    if stage is not None:
        _print_log(runs.log(run, stage), as_json=as_json)
    elif points:
        found = runs.points(run)
        if as_json:
            columns = ("at", "stage", "step", "values")
            show_json([{name: getattr(point, name) for name in columns} for point in found])
        else:
            show(points_report(found), as_markdown=as_markdown)
    elif as_json:
        show_json(runs.show(run))
    else:
        show(detail_report(runs.show(run)), as_markdown=as_markdown)


def _print_log(text: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"log": text})
    else:
        click.echo(text, nl=False)
