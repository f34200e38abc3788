"""trueup models."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json


@click.command()
@click.argument("name", required=False)
@markdown_option
@json_option
@click.pass_obj
def command(folder: Path, name: str | None, as_markdown: bool, as_json: bool) -> None:
    """List the models of the bucket; of one, its versions; of a version, all about it.

    NAME is [PROJECT/]MODEL, or a version: MODEL/3, MODEL@champion.
    """
    from trueup.project import registering
    from trueup.registry import plain, reports

    with opened(folder) as workspace:
        environments = registering.environments_of(workspace)
        if name is None:
            histories = registering.models(workspace)
            records = [plain.model_record(one, environments) for one in histories]
            report = reports.models_report(histories, environments)
        elif registering.names_a_version(workspace, name):
            found = registering.resolve(workspace, name)
            records = [plain.version_record(found)]
            report = reports.version_report(found, environments)
        else:
            history = registering.history(workspace, name)
            records = plain.version_records(history, environments[0])
            report = reports.versions_report(history, environments)
    if as_json:
        show_json({"models" if name is None else "versions": records})
    else:
        show(report, as_markdown=as_markdown)
