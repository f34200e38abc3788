"""trueup resolve."""

from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import show_json


@click.command()
@click.argument("name")
@env_option
@json_option
@click.pass_obj
def command(folder: Path, name: str, environment: str, as_json: bool) -> None:
    """Say which version a name stands for, and its digest.

    NAME is [PROJECT/]MODEL[@ALIAS|/N]; without alias and number the champion is meant.
    """
    from trueup.project.registering import resolve
    from trueup.registry.plain import version_record
    from trueup.registry.reports import notes

    with opened(folder) as workspace:
        found = resolve(workspace, name, environment)
    if as_json:
        show_json(version_record(found))
    else:
        print(f"{found.history.model}/{found.version.version} {found.version.model.digest}")
        for note in notes(found.history, found.version.version):
            say(note)
