"""trueup skew."""

from pathlib import Path
from typing import Any

import click

from trueup.cli.moments import moment
from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json

BROKEN = 9


@click.command()
@click.argument("name", metavar="MODEL")
@click.option(
    "--table", metavar="PATH", default="",
    help="What the pipeline computes; else evaluate.data, or the stages' output with the ids.",
)  # fmt: skip
@click.option("--id", metavar="COLUMN", default="", help="The table's ids, if not evaluate.id.")
@click.option(
    "--time", metavar="COLUMN", default="", help="When each row was, if not evaluate.time."
)
@click.option("--columns", metavar="NAME,...", default="", help="Compare these inputs only.")
@click.option(
    "--share", metavar="NUMBER", type=click.FloatRange(0, 1), default=0.001, show_default=True,
    help="Which share of a column's values may differ.",
)  # fmt: skip
@click.option(
    "--relative", metavar="NUMBER", type=click.FloatRange(0), default=1e-6, show_default=True,
    help="How far apart numbers may be, as a share of the larger.",
)  # fmt: skip
@click.option(
    "--absolute", metavar="NUMBER", type=click.FloatRange(0), default=0.0, show_default=True,
    help="How far apart numbers may be besides.",
)  # fmt: skip
@click.option(
    "--since", metavar="MOMENT", callback=moment,
    help="Only what was asked since then: 2026-11-23, 2026-11-23T08:00, or 2d ago.",
)  # fmt: skip
@click.option("--until", metavar="MOMENT", callback=moment, help="Only what was asked before then.")
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path, /, name: str, columns: str, as_markdown: bool, as_json: bool, **options: Any
) -> int:
    """Compare what a model was served with what the pipeline computes for the same ids.

    For each input: values that are the same, within rounding, or different, with examples, ids
    that only one side has, and how late rows were served. Exits with 9 where a column differs in
    more than its share of rows.
    """
    from trueup.project.skewing import SkewOptions, skew

    wanted = SkewOptions(columns=tuple(filter(None, columns.split(","))), **options)
    with opened(folder) as workspace:
        found = skew(workspace, name, wanted)
    if as_json:
        show_json(found.record())
    else:
        show(found.report(), as_markdown=as_markdown)
    return BROKEN if found.found.is_skewed else 0
