"""trueup watch."""

from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.moments import seconds
from trueup.cli.opening import opened
from trueup.cli.printing import say


@click.command()
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@env_option
@click.option(
    "--every", "every_s", metavar="DURATION", default="60s", show_default=True, callback=seconds,
    help="How often a pass is made.",
)  # fmt: skip
@click.option("--passes", default=0, help="Stop after so many; 0: when told to.")
@click.option("--name", "heart", default="", help="Of its heartbeat; default: the project's.")
@click.pass_obj
def command(
    folder: Path, names: tuple[str, ...], environment: str, every_s: float, passes: int, heart: str
) -> None:
    """Repeat trueup tick for models, by default for all that have a loop, until told to stop.

    SIGTERM stops it after the model that is being worked on. Its heartbeat lies in the bucket: a
    server's /metrics shows its age, and trueup doctor, trueup tick and every other trueup watch
    of a model miss one that has stopped without a word.
    """
    from trueup.loop.watching import Pace
    from trueup.project import looping

    with opened(folder) as workspace:
        pace = Pace(heart or workspace.project.name, every_s, passes=passes)
        looping.watch(workspace, names, pace, environment=environment, say=say)
