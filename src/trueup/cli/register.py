"""trueup register."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import show_json


@click.command()
@click.argument("model")
@json_option
@click.pass_obj
def command(folder: Path, model: str, as_json: bool) -> None:
    """Make a model a version: its file, with the keys of the stages that led to it.

    MODEL is one under models: in trueup.yaml. The same model of the same code is the same version.
    """
    from trueup.project.gating import register_model
    from trueup.registry.plain import version_record

    with opened(folder) as workspace:
        found = register_model(workspace, model, say)
    if as_json:
        show_json(version_record(found))
    else:
        print(f"{found.history.model}/{found.version.version}")
