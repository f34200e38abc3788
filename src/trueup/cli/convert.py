"""trueup convert."""

from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json


@click.command()
@click.argument("name")
@click.option("--to", type=click.Choice(["onnx"]), default="onnx", help="The form; ONNX.")
@click.option(
    "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; MODEL.onnx here if not given.",
)  # fmt: skip
@env_option
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    name: str,
    to: str,
    out: Path | None,
    environment: str,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Write a model as ONNX, compared with the model itself on its evaluation data.

    NAME is MODEL for its file of this checkout, or a version: MODEL/3, MODEL@champion. Both forms
    predict rows of the evaluation data and rows at each threshold, to one ulp. A form that answers
    otherwise is refused with the numbers, and exits with 10. That of a version is kept in the
    bucket, where the gate finds it.
    """
    from trueup.errors import NotProven
    from trueup.models.conversion_report import conversion_report
    from trueup.project.converting import convert

    with opened(folder) as workspace:
        found = convert(workspace, name, out, environment)
    if as_json:
        show_json(found)
    else:
        show(conversion_report(found.record, found.name), as_markdown=as_markdown)
    if found.record.refused:
        raise NotProven(
            f"as {to.upper()} {found.name} does not answer as it does itself; no file was written",
            remedy="Use the model as it is; the numbers say how far apart they are",
        )
    say(f"written to {found.written}")
    for number in found.versions:
        say(f"kept by {found.name}/{number}")
