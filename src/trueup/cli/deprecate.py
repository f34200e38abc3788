"""trueup deprecate."""

from pathlib import Path

import click

from trueup.cli.environments import why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.telling import tell_event


@click.command()
@click.argument("name")
@why_option
@json_option
@click.pass_obj
def command(folder: Path, name: str, why: str, as_json: bool) -> None:
    """Say of a version that it is not to be promoted again; one that is live stays.

    NAME is MODEL/N. A rollback passes over it.
    """
    from trueup.project.promoting import deprecate

    with opened(folder) as workspace:
        event = deprecate(workspace, name, why)
    tell_event(event, f"{name} was deprecated before", as_json=as_json)
