"""trueup gate."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.environments import env_option
from trueup.cli.moments import moment
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json
from trueup.cli.writing import file_options
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement
    from trueup.project.workspace import Workspace

_SINCE = "Of a trial: rows since then: 2026-11-23, 2026-11-23T08:00, or 2d ago."
EXIT_CODES = {"done": 0, "failed": 3, "open": 4, "moved": 7}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--trial", is_flag=True, help="Judge by live rows that the champion answered too.")
@click.option("--since", metavar="MOMENT", callback=moment, help=_SINCE)
@click.option("--until", metavar="MOMENT", callback=moment, help="Of a trial: rows before then.")
@env_option
@file_options
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    names: tuple[str, ...],
    environment: str,
    trial: bool,
    since: datetime | None,
    until: datetime | None,
    as_markdown: bool,
    as_json: bool,
    **files: Path | None,
) -> int:
    """Judge candidates: the models as they are here, or versions of them.

    NAMES are MODEL, MODEL/N or MODEL@ALIAS; without any all models that rules ask something of.
    Exits with 0 for a pass, 3 for a fail, 4 where the data cannot decide. The same model, data,
    rules and champion again is the same verdict and costs nothing.

    With --trial a challenger is judged on captured rows that it and the champion have both
    answered, as far as labels have come. Each look at a trial has less error to spend.
    """
    from trueup.delivery.delivering import ending_of
    from trueup.project.gating import report_of
    from trueup.project.reports import joined, write_reports

    with opened(folder) as workspace:
        if trial:
            judgements = _by_trial(workspace, names, (since, until), environment)
        elif since or until:
            raise WrongUsage("--since and --until are of a trial", remedy="Add --trial")
        else:
            judgements = _by_test_rows(workspace, names, environment)
        reports = [report_of(workspace, judgement) for judgement in judgements]
    write_reports(joined(reports), **files)
    if as_json:
        show_json({"judgements": judgements})
    else:
        show(joined(reports), as_markdown=as_markdown)
    for judgement in judgements:
        if judgement.live:
            but = f"; {' and '.join(judgement.since)} have changed since" if judgement.since else ""
            say(f"{judgement.named} is the champion: so it was judged when it was promoted{but}")
        elif judgement.again:
            say(f"{judgement.named} was judged before on exactly this: nothing was spent again")
    return max(EXIT_CODES[ending_of(judgement)] for judgement in judgements)


def _by_test_rows(
    workspace: "Workspace", names: tuple[str, ...], environment: str
) -> "list[Judgement]":
    from trueup.project.gating import gate, gated_models, not_asked

    wanted = names or gated_models(workspace)
    if not wanted:
        raise not_asked(workspace, list(workspace.project.models))
    return [gate(workspace, name, environment) for name in wanted]


def _by_trial(
    workspace: "Workspace",
    names: tuple[str, ...],
    between: tuple[datetime | None, datetime | None],
    environment: str,
) -> "list[Judgement]":
    from trueup.captures.finding import Span
    from trueup.project.gating import gate_trial, on_trial

    wanted = names or on_trial(workspace, environment)
    return [gate_trial(workspace, name, Span(*between), environment) for name in wanted]
