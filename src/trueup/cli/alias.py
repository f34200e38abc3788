"""trueup alias."""

from pathlib import Path

import click

from trueup.cli.environments import env_option, override_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.telling import tell_event


@click.command()
@click.argument("name")
@click.argument("alias")
@click.option("--remove", is_flag=True, help="Take the alias away; NAME is the model.")
@env_option
@override_option
@why_option
@json_option
@click.pass_obj
def command(
    folder: Path, /, name: str, alias: str, remove: bool, as_json: bool, **wanted: object
) -> None:
    """Give a version a name in an environment, such as challenger: trueup alias MODEL/3 challenger.

    champion is moved by promote and rollback only.
    """
    from trueup.project import promoting

    with opened(folder) as workspace:
        asked = promoting.Wanted(**wanted)  # type: ignore[arg-type]  # by name
        event = promoting.alias(workspace, name, alias, asked, remove=remove)
    tell_event(event, f"{alias} was there already", as_json=as_json)
