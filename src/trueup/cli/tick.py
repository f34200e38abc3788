"""trueup tick."""

import sys
from datetime import datetime
from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.moments import now_option, seconds
from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json

# in this order
CODES = {"stopped": 9, "failed": 6, "refused": 3, "inconclusive": 4, "undecided": 4}


@click.command()
@click.argument("name", metavar="MODEL")
@env_option
@now_option
@click.option(
    "--every", "every_s", metavar="DURATION", default="", callback=seconds,
    help="Leave a sign of life: the next pass is to come so soon.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Look only: nothing is written, nothing is done.")
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    name: str,
    environment: str,
    now: datetime | None,
    every_s: float,
    dry_run: bool,
    as_markdown: bool,
    as_json: bool,
) -> int:
    """Make one pass of a model's loop: observe, decide, act.

    Run it as often as you like, and anywhere: of several at once one does each thing, and what a
    killed one has left undone the next one does. Exits with 9 where the data is not to be learned
    from, with 6 where a retrain failed, with 3 or 4 where the gate refused it or could not decide.
    """
    from trueup.cli.progress import Lines
    from trueup.loop.explaining import ticked_record, ticked_report
    from trueup.project import looping

    wanted = looping.Wanted(name, environment, now)
    progress = Lines(sys.stderr, explain=False, quiet=False)
    with opened(folder) as workspace:
        ticked = looping.tick(
            workspace, wanted, every_s=every_s, dry_run=dry_run, progress=progress
        )
    if as_json:
        show_json(ticked_record(ticked))
    else:
        show(ticked_report(ticked), as_markdown=as_markdown)
    ends = {one.end for one in ticked.carried}
    return next((code for end, code in CODES.items() if end in ends), 0)
