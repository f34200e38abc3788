"""trueup gate."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.environments import env_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement

EXIT_CODES = {"done": 0, "failed": 3, "open": 4, "moved": 7}


@click.command()
@click.argument("names", nargs=-1)
@env_option
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
) -> int:
    """Judge candidates: the models as they are here, or versions of them.

    NAMES are MODEL, MODEL/N or MODEL@ALIAS; without any all models that rules ask something of.
    Exits with 0 for a pass, 3 for a fail, 4 where the data cannot decide. The same model, data,
    rules and champion again is the same verdict and costs nothing.
    """
    from trueup.delivery.delivering import ending_of
    from trueup.errors import WrongUsage
    from trueup.project.gating import gate, gated_models

    code = 0
    with opened(folder) as workspace:
        wanted = names or gated_models(workspace)
        if not wanted:
            raise WrongUsage(
                "no rule asks anything of any model",
                remedy="Write rules under models: NAME: gate: rules:, such as"
                " {metric: accuracy, at_least: 0.8}",
                place=workspace.project.file,
            )
        judgements = [gate(workspace, name, environment) for name in wanted]
    for judgement in judgements:
        code = max(code, EXIT_CODES[ending_of(judgement)])
        if not as_json:
            _show(judgement, as_markdown=as_markdown)
    if as_json:
        show_json({"judgements": judgements})
    return code


def _show(judgement: "Judgement", *, as_markdown: bool) -> None:
    from trueup.delivery.telling import judgement_report

    show(judgement_report(judgement), as_markdown=as_markdown)
    if judgement.again:
        say("judged before on exactly this; nothing was computed again")
