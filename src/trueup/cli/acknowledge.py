"""trueup acknowledge."""

from pathlib import Path

import click

from trueup.cli.environments import env_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import show_json


@click.command()
@click.argument("name", metavar="MODEL")
@click.argument("window")
@why_option
@env_option
@json_option
@click.pass_obj
def command(
    folder: Path, name: str, window: str, why: str, environment: str, as_json: bool
) -> None:
    """Say that somebody has seen what a window shows, so that it is reported no more.

    Later windows of the same incident are seen too, until one shows a column that is new in it.
    """
    from trueup.project import monitoring

    with opened(folder) as workspace:
        seen = monitoring.acknowledge(workspace, name, window, why, environment)
    if as_json:
        show_json(seen)
    else:
        for one in seen:
            say(f"{window}, version {one.version}, {one.state}: seen")
