"""trueup params."""

from typing import TYPE_CHECKING

import click

from trueup.cli.diffing import diff_command

if TYPE_CHECKING:
    from trueup.pipeline.tracking.comparing import Row
    from trueup.project.workspace import Workspace


@click.group()
def command() -> None:
    """Compare parameters with those of a revision."""


def _diff(workspace: "Workspace", revision: str, everything: bool) -> "tuple[Row, ...]":
    from trueup.project.looking import params_diff

    return params_diff(workspace, revision, everything=everything)


command.add_command(diff_command("parameters", _diff))
