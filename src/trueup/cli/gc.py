"""trueup gc."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json, size


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be marked and removed; do nothing.")
@json_option
@click.pass_obj
def command(folder: Path, dry_run: bool, as_json: bool) -> None:
    """Remove what nothing refers to any more, in the store here and in the team's bucket.

    What is found unused is marked first, and removed by a run of gc at least seven days later if
    it is still unused. Registered versions, verdicts, recent runs, and what the locks of any
    branch or tag name stay. Captures and labels go at once where all of a segment is older than
    keep.captures; without that they stay.
    """
    from trueup.project.collecting import collect_garbage
    from trueup.project.expiring import expire

    with opened(folder) as workspace:
        reports = collect_garbage(workspace, dry_run=dry_run)
        expired = expire(workspace, dry_run=dry_run)
    if as_json:
        print_json({"stores": reports, "captures": expired})
        return
    would = "would be " if dry_run else ""
    for url, report in reports.items():
        print(
            f"{url}: {report.kept} objects in use, {size(report.kept_bytes)};"
            f" {len(report.removed)} {would}removed, {size(report.removed_bytes)};"
            f" {report.marked} unused, {size(report.marked_bytes)}, to go in seven days"
        )
    for model, gone in expired.items():
        print(
            f"{model}: {gone.captures} segments of captures and {gone.labels} of labels"
            f" {would}removed, {size(gone.size_bytes)}"
        )
