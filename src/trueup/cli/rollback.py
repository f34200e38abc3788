"""trueup rollback."""

from pathlib import Path

import click

from trueup.cli.environments import env_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.telling import tell_event


@click.command()
@click.argument("model")
@env_option
@why_option
@json_option
@click.pass_obj
def command(folder: Path, model: str, environment: str, why: str, as_json: bool) -> None:
    """Let the champion give way to the one before it; what was deprecated is passed over.

    Exits with 7 where the champion moved meanwhile: two who roll back do it once.
    """
    from trueup.project.promoting import rollback

    with opened(folder) as workspace:
        event = rollback(workspace, model, environment, why)
    tell_event(event, "", as_json=as_json)
