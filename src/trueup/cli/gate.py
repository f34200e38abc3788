"""trueup gate."""

from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json
from trueup.cli.writing import file_options

EXIT_CODES = {"done": 0, "failed": 3, "open": 4, "moved": 7}


@click.command()
@click.argument("names", nargs=-1)
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
    as_markdown: bool,
    as_json: bool,
    **files: Path | None,
) -> int:
    """Judge candidates: the models as they are here, or versions of them.

    NAMES are MODEL, MODEL/N or MODEL@ALIAS; without any all models that rules ask something of.
    Exits with 0 for a pass, 3 for a fail, 4 where the data cannot decide. The same model, data,
    rules and champion again is the same verdict and costs nothing.
    """
    from trueup.delivery.delivering import ending_of
    from trueup.project.gating import gate, gated_models, not_asked, report_of
    from trueup.project.reports import joined, write_reports

    with opened(folder) as workspace:
        wanted = names or gated_models(workspace)
        if not wanted:
            raise not_asked(workspace, list(workspace.project.models))
        judgements = [gate(workspace, name, environment) for name in wanted]
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
