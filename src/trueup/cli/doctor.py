"""trueup doctor."""

import os
import shutil
import sys
from pathlib import Path

import click

from trueup.cli import USAGE
from trueup.cli.opening import json_option
from trueup.cli.printing import print_json


@click.command()
@json_option
@click.pass_obj
def command(folder: Path, as_json: bool) -> int:
    """Say what is missing for what, with the command that mends it.

    Ends with 2 where something that this project needs is missing.
    """
    from trueup.project.doctor import blocked, report
    from trueup.project.machine import examine
    from trueup.reporting.terminal import render_text

    findings = examine(folder, os.environ)
    if as_json:
        print_json({"format": 1, "findings": findings})
    else:
        room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        print(render_text(report(findings), room=room), end="")
    return USAGE if blocked(findings) else 0
