"""trueup doctor."""

import os
from pathlib import Path

import click

from trueup.cli import USAGE
from trueup.cli.opening import json_option
from trueup.cli.showing import show, show_json


@click.command()
@json_option
@click.pass_obj
def command(folder: Path, as_json: bool) -> int:
    """Say what is missing for what, with the command that mends it.

    Ends with 2 where something that this project needs is missing.
    """
    from trueup.project.doctor import blocked, report
    from trueup.project.machine import examine

    findings = examine(folder, os.environ)
    if as_json:
        show_json({"format": 1, "findings": findings})
    else:
        show(report(findings))
    return USAGE if blocked(findings) else 0
