"""trueup doctor."""

import os
from pathlib import Path

import click

from trueup.cli import USAGE
from trueup.cli.opening import json_option
from trueup.cli.showing import show, show_json
from trueup.errors import WrongUsage

BROKEN = 9


@click.command()
@click.option("--bucket", is_flag=True, help="Look the project's bucket over instead: its content.")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="With --bucket: read N objects whole, evenly chosen; default: all of them.",
)
@json_option
@click.pass_obj
def command(folder: Path, bucket: bool, sample: int | None, as_json: bool) -> int:
    """Say what is missing for what, with the command that mends it.

    Ends with 2 where something that this project needs is missing, and with 9 where something in
    its bucket is damaged.
    """
    if bucket:
        return _audit(folder, sample, as_json=as_json)
    if sample is not None:
        raise WrongUsage("--sample says nothing without --bucket", remedy="Add --bucket.")
    from trueup.project.doctor import blocked, in_order, report
    from trueup.project.forge_access import access_from
    from trueup.project.machine import examine

    access = access_from(folder, os.environ)
    findings = in_order((*examine(folder, os.environ), *access.findings))
    if as_json:
        show_json({"format": 1, "findings": findings})
    else:
        show(report(findings, access.tables))
    return USAGE if blocked(findings) else 0


def _audit(folder: Path, sample: int | None, *, as_json: bool) -> int:
    from trueup.project.doctor import audit_report
    from trueup.project.machine import audit_store

    broken = audit_store(folder, os.environ, sample)
    if as_json:
        show_json({"format": 1, "broken": broken})
    else:
        show(audit_report(broken))
    return BROKEN if broken else 0
