"""trueup drift."""

import os
from pathlib import Path
from typing import Any

import click

from trueup.cli.opening import json_option
from trueup.cli.showing import markdown_option, show, show_json
from trueup.cli.writing import file_options

ALARM = 5


@click.command()
@click.argument("reference")
@click.argument("current")
@click.option("--columns", metavar="NAME,...", default="", help="Compare these columns only.")
@click.option(
    "--prediction", "predictions", metavar="NAME", multiple=True,
    help="This column is what a model predicted; may be given several times.",
)  # fmt: skip
@click.option("--time", metavar="COLUMN", default="", help="When each row was.")
@click.option(
    "--block", metavar="SIZE", default="",
    help="How many rows, or with --time what span (1h), go together.",
)  # fmt: skip
@click.option(
    "--false-alarms", metavar="RATE", default="1 per 90", show_default=True,
    help="How many comparisons of tables that do not differ may alarm; or off.",
)  # fmt: skip
@click.option(
    "--min-effect", metavar="NUMBER", type=float, default=0.1, show_default=True,
    help="How large an effect must surely be to be an alarm.",
)  # fmt: skip
@click.option(
    "--effect", metavar="NAME", default="jensen_shannon", show_default=True,
    help="What is measured: also psi, wasserstein, ks, chi_squared, hellinger, l_infinity.",
)  # fmt: skip
@file_options
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    reference: str,
    current: str,
    columns: str,
    as_markdown: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Compare two tables: which columns have moved, and by how much.

    REFERENCE and CURRENT are files, folders or globs of parquet, CSV or Arrow; no project is
    needed. A column has drifted where it differs by more than chance and by enough to matter.
    Exits with 5 where one has.
    """
    # columns are counted by threads of our own; those of a matrix product would only be in the way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from trueup.project.drifting import DriftOptions, drift

    files = {name: options.pop(name) for name in ("html", "junit", "markdown")}
    named = tuple(filter(None, columns.split(",")))
    every = as_json or any(files.values())
    wanted = DriftOptions(columns=named, every_effect=every, **options)
    found = drift(os.path.join(folder, reference), os.path.join(folder, current), wanted)  # noqa: PTH118 - a glob is no path
    report = found.report()
    if any(files.values()):
        from trueup.project.reports import write_reports

        write_reports(report, **files)
    if as_json:
        show_json(found.record())
    else:
        show(report, as_markdown=as_markdown)
    return ALARM if found.is_alarm else 0
