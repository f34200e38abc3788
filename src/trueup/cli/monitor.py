"""trueup monitor."""

from pathlib import Path
from typing import Any

import click

from trueup.cli.environments import env_option, why_option
from trueup.cli.moments import moment
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json
from trueup.cli.writing import file_options

CODES = {"alarm": 5, "broken": 9, None: 0}


class _Monitor(click.Group):
    """A group whose first word may also be a model's name: then that is watched."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is none is a model's name."""
        if args and args[0] not in self.commands:
            args = ["check", *args]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Return what the command returns."""
        return super().invoke(ctx)


def _span(ctx: click.Context, option: click.Parameter, text: str | None) -> Any:
    """Return the span of captures that is named, ``captures:2026-01-01..2026-02-01``."""
    from trueup.captures.finding import Span
    from trueup.errors import WrongUsage

    if text is None:
        return None
    since, dots, until = text.removeprefix("captures:").partition("..")
    if not (text.startswith("captures:") and dots and since and until):
        raise WrongUsage(
            f"{text[:80]!r} is no reference",
            remedy="Name a span of captures: --reference captures:2026-01-01..2026-02-01",
        )
    return Span(moment(ctx, option, since), moment(ctx, option, until))


@click.group(cls=_Monitor, subcommand_metavar="MODEL[@ALIAS|/N] | rebase MODEL")
def command() -> None:
    """Check the windows of a model's captures that are closed, each once.

    Inputs and predictions are compared with rows that the version was not trained on. Exits with
    5 for an alarm that nobody has acknowledged, with 9 where data is broken.
    """


@command.command("check")
@click.argument("name", metavar="MODEL[@ALIAS|/N]")
@env_option
@click.option("--since", metavar="MOMENT", callback=moment, help="Only windows that begin then.")
@click.option("--until", metavar="MOMENT", callback=moment, help="Only windows that end then.")
@click.option(
    "--now", metavar="MOMENT", callback=moment, help="Close windows as if it were that late."
)
@click.option(
    "--reference", metavar="captures:SINCE..UNTIL", callback=_span,
    help="Compare with this span of own captures from now on, instead of evaluation data.",
)  # fmt: skip
@file_options
@markdown_option
@json_option
@click.pass_obj
def _check(folder: Path, /, as_markdown: bool, as_json: bool, **asked: Any) -> int:
    """Check what is closed and was not checked; show how the model stands."""
    from trueup.monitoring.watching.standing import record_of
    from trueup.project import monitoring

    files = {name: asked.pop(name) for name in ("html", "junit", "markdown")}
    with opened(folder) as workspace:
        found = monitoring.monitor(workspace, monitoring.Wanted(**asked, say=say))
        report = monitoring.report_of(workspace, found)
    if any(files.values()):
        from trueup.project.reports import write_reports

        write_reports(report, **files)
    if as_json:
        show_json(record_of(found))
    else:
        show(report, as_markdown=as_markdown)
    return CODES[found.word]


@command.command("rebase")
@click.argument("name", metavar="MODEL")
@why_option
@env_option
@click.pass_obj
def _rebase(folder: Path, /, name: str, why: str, environment: str) -> None:
    """Begin anew with the next check: with a grid and references of its own."""
    from trueup.project import monitoring

    with opened(folder) as workspace:
        monitoring.rebase(workspace, name, why, environment)
    say(f"the next check of {name} begins anew")
