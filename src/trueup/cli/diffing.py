"""What metrics diff and params diff have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json

if TYPE_CHECKING:
    from trueup.pipeline.tracking.comparing import Row
    from trueup.project.workspace import Workspace


def diff_command(
    what: str, diff: "Callable[[Workspace, str, bool], tuple[Row, ...]]"
) -> click.Command:
    """Return the command ``diff [REV]`` over what diff finds for a revision."""

    @click.command("diff", help=f"Compare {what} with those of a Git revision, HEAD by default.")
    @click.argument("revision", metavar="[REV]", default="HEAD")
    @click.option("--all", "everything", is_flag=True, help="Show also what is equal.")
    @markdown_option
    @json_option
    @click.pass_obj
    def command(
        folder: Path, revision: str, everything: bool, as_markdown: bool, as_json: bool
    ) -> None:
        from trueup.pipeline.tracking.reports import differences_records, differences_report

        with opened(folder) as workspace:
            rows = diff(workspace, revision, everything)
        if as_json:
            found = differences_records(rows, ("old", "new"))
            show_json({"old": revision, "new": "workspace", "differences": found})
        else:
            show(differences_report("", rows, (revision, "workspace")), as_markdown=as_markdown)

    return command
