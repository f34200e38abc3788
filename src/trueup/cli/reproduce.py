"""trueup reproduce."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json, say
from trueup.errors import NotProven

if TYPE_CHECKING:
    from trueup.delivery.reproduction import Reproduction


@click.command()
@click.argument("run", metavar="VERSION|RUN")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1e-9,
    show_default=True,
    help="How far numbers may lie apart, relative and absolute, where bytes differ.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not show what stages print.")
@json_option
@click.pass_obj
def command(folder: Path, run: str, tolerance: float, quiet: bool, as_json: bool) -> None:
    """Rebuild a run from its lineage in a checkout of its commit, and prove it equal.

    A version, as MODEL/N or MODEL@ALIAS, stands for the run that has made its model.

    Digests are compared first, then metrics and predictions within the tolerance; which of the
    two was proved is said. Ends with 10 where neither holds.
    """
    from trueup.cli.progress import Lines
    from trueup.project.reproducing import reproduce

    progress = Lines(sys.stderr, explain=False, quiet=quiet)
    with opened(folder) as workspace:
        found = reproduce(workspace, run, progress, tolerance=tolerance)
    for line in found.environment:
        say(f"not the same environment: {line}")
    if as_json:
        print_json(found)
    else:
        print(_sentence(found))
    if found.proof == "nothing":
        first = (*found.values, *found.digests)[0]
        raise NotProven(
            f"run {found.run} was not reproduced: {first.path} was {first.was}, is {first.now}",
            remedy="Look for what is not declared (seeds, time, inputs): trueup run --isolated",
        )


def _sentence(found: "Reproduction") -> str:
    if found.proof == "digests":
        return f"proved: all {found.outputs} outputs of run {found.run} have the same digests"
    if found.proof == "values":
        return (
            f"proved: metrics and predictions of run {found.run} agree within {found.tolerance:g};"
            f" the bytes of {len(found.digests)} of {found.outputs} outputs differ"
        )
    places = ", ".join(sorted({one.path for one in (*found.values, *found.digests)})[:8])
    return f"not proved: {places}"
