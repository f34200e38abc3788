"""trueup loop."""

from datetime import datetime
from pathlib import Path

import click

from trueup.cli.environments import env_option, why_option
from trueup.cli.moments import now_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json


@click.group()
def command() -> None:
    """Look into a model's loop: what it has decided, and why it does nothing now."""


@command.command("explain")
@click.argument("name", metavar="MODEL")
@env_option
@now_option
@click.option("--limit", default=20, show_default=True, help="So many decisions; 0: all.")
@markdown_option
@json_option
@click.pass_obj
def _explain(
    folder: Path,
    /,
    name: str,
    environment: str,
    now: datetime | None,
    limit: int,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Tell what would be done now, what would not and why, and what became of past decisions."""
    from trueup.loop.explaining import explained, record_of
    from trueup.project import looping

    with opened(folder) as workspace:
        found = looping.explain(workspace, looping.Wanted(name, environment, now))
    if as_json:
        show_json(record_of(found))
    else:
        show(explained(found, limit), as_markdown=as_markdown)


@command.command("resume")
@click.argument("name", metavar="MODEL")
@why_option
@env_option
@click.pass_obj
def _resume(folder: Path, /, name: str, why: str, environment: str) -> None:
    """Let a loop retrain again that had stopped since its retrains did not help."""
    from trueup.project import looping

    with opened(folder) as workspace:
        looping.resume(workspace, looping.Wanted(name, environment), why)
    say(f"the loop of {name} goes on")


@command.command("heartbeat")
@json_option
@click.pass_obj
def _heartbeat(folder: Path, /, as_json: bool) -> None:
    """Say when the loop of each model last gave a sign of life; exit with 8 where one is late.

    Signs are left by trueup watch, and by trueup tick --every.
    """
    from trueup import clock
    from trueup.project.lifesigns import check_alive, last_signs

    with opened(folder) as workspace:
        signs = last_signs(workspace)
    if as_json:
        show_json(signs)
    for model, last in signs.items():
        if not as_json:
            print(f"{model}: {last.says if last else 'it has left no sign of life yet'}")
    check_alive(signs, clock.now())
