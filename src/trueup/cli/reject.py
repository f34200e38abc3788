"""trueup reject."""

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
    """Object to a version in an environment: it is not promoted there until you approve it.

    NAME is MODEL/N or MODEL@ALIAS.
    """
    from trueup.project.promoting import reject

    with opened(folder) as workspace:
        event = reject(workspace, name, environment, why)
    tell_event(event, f"{name} was rejected so before", as_json=as_json)
