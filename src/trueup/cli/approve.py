"""trueup approve."""

from pathlib import Path

import click

from trueup.cli.environments import env_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.telling import tell_event


@click.command()
@click.argument("name")
@env_option
@why_option
@json_option
@click.pass_obj
def command(folder: Path, name: str, environment: str, why: str, as_json: bool) -> None:
    """Approve that a version goes to an environment, on the verdict that it has now.

    NAME is MODEL/N or MODEL@ALIAS. Who approves is who CI or Git says; an author's own approval
    does not count, and in a protected environment only verified people do.
    """
    from trueup.project.promoting import approve

    with opened(folder) as workspace:
        event = approve(workspace, name, environment, why)
    tell_event(event, f"{name} was approved so before", as_json=as_json)
