"""trueup captures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from trueup.cli.environments import env_option
from trueup.cli.moments import moment
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import markdown_option, show, show_json

_FILE = click.Path(dir_okay=False, path_type=Path)


class _Captures(click.Group):
    """A group whose first word may also be a model's name: then that is looked at."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is none is a model's name."""
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


def _spanned(command: Any) -> Any:
    for name, what in (("--until", "Only what was asked before then."), ("--since", _SINCE)):
        command = click.option(name, metavar="MOMENT", callback=moment, help=what)(command)
    return command


_SINCE = "Only what was asked since then: 2026-11-23, 2026-11-23T08:00, or 2d ago."


@click.group(cls=_Captures, subcommand_metavar="MODEL | COMMAND [ARGS]...")
def command() -> None:
    """Look at what was served, with the labels that came; export, import, erase.

    MODEL is [PROJECT/]MODEL, or a version of it: MODEL/3, MODEL@champion.
    """


@command.command("show")
@click.argument("name", metavar="MODEL")
@click.option("--version", type=click.IntRange(min=0), help="Only what this version answered.")
@_spanned
@click.option("-n", "rows", type=click.IntRange(min=0), default=20, help="How many rows to show.")
@click.option("--refused", is_flag=True, help="Show requests that were refused instead.")
@markdown_option
@json_option
@click.pass_obj
def _show(folder: Path, /, name: str, as_markdown: bool, as_json: bool, **asked: Any) -> None:
    """Show how much was captured, and the newest rows."""
    from trueup.project import capturing

    refused = asked.pop("refused")
    question = capturing.Question(refusals="only" if refused else "without", **asked)
    with opened(folder) as workspace:
        found = capturing.look(workspace, name, question)
    if as_json:
        show_json(capturing.plain(found))
    else:
        show(capturing.report(found), as_markdown=as_markdown)


@command.command("export")
@click.argument("name", metavar="MODEL")
@click.option("--out", type=_FILE, required=True, help="A file: .parquet, .csv or .arrow.")
@click.option("--target", default="label", show_default=True, help="What to call the label.")
@click.option("--unlabelled", is_flag=True, help="Export also rows without a label.")
@click.option("--shadows", is_flag=True, help="Export also what was compared and not returned.")
@_spanned
@click.option("--as-of", metavar="MOMENT", callback=moment, help="As it was known then.")
@json_option
@click.pass_obj
def _export(folder: Path, /, name: str, out: Path, as_json: bool, **asked: Any) -> None:
    """Write inputs and labels as a table to train on.

    --as-of gives only what was asked before then, with labels as they had been said by then.
    The export is remembered: when somebody's rows are erased, it is written anew without them.
    """
    from trueup.captures.exporting import Wish
    from trueup.captures.finding import Span
    from trueup.project import capturing

    span = Span(asked["since"], asked["until"], as_of=asked["as_of"])
    wish = Wish(span, asked["target"], not asked["unlabelled"], asked["shadows"])
    with opened(folder) as workspace:
        done = capturing.export(workspace, name, out, wish)
    if as_json:
        show_json(done)
    else:
        say(f"{done.rows} rows in {out}")


@command.command("import")
@click.argument("name", metavar="MODEL")
@click.argument("table", type=_FILE)
@click.option("--id", metavar="COLUMN", default="", help="Ids; without them, new ones are made.")
@click.option("--at", metavar="COLUMN", default="", help="When it was asked; without it, now.")
@click.option("--label", metavar="COLUMN", default="", help="What turned out to be true.")
@click.option("--label-at", metavar="COLUMN", default="", help="When that was known; now.")
@click.option("--output", "outputs", metavar="COLUMN", multiple=True, help="What was answered.")
@click.option("--env", "environment", metavar="NAME", default="", help="Where it was live.")
@click.option("--only-labels", is_flag=True, help="The predictions are there; add labels.")
@json_option
@click.pass_obj
def _import(folder: Path, /, name: str, table: Path, as_json: bool, **asked: Any) -> None:
    """Take predictions that were made elsewhere, and labels, from a table.

    Columns that no option names are inputs. The same file again adds nothing.
    """
    from trueup.captures.importing import Layout
    from trueup.project import capturing

    where = asked.pop("environment")
    with opened(folder) as workspace:
        done = capturing.import_table(workspace, name, table, Layout(**asked), where)
    if as_json:
        show_json(done)
    else:
        say(f"{done.captures} predictions and {done.labels} labels of {table} are captured")


@command.command("erase")
@click.argument("name", metavar="MODEL")
@click.option("--id", "ids", multiple=True, help="A prediction's id; may be repeated.")
@click.option("--ids", "listed", type=_FILE, help="A file with an id on each line.")
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="All must hold.")
@click.option("--why", default="", help="The reason, for the record.")
@json_option
@click.pass_obj
def _erase(
    folder: Path,
    name: str,
    ids: Sequence[str],
    listed: Path | None,
    where: Sequence[str],
    why: str,
    as_json: bool,
) -> None:
    """Remove a person's rows: captures, labels, and exports that are on this machine.

    What a server still has in its spool goes when it is shipped. Versions that were trained on
    the rows are listed, and what they were trained on stays as it is.
    """
    from trueup.project import capturing

    chosen = capturing.chosen_by(ids, listed, where)
    with opened(folder) as workspace:
        done = capturing.erase(workspace, name, chosen, why)
    if as_json:
        show_json(done)
        return
    say(f"{done.captures} predictions and {done.labels} labels are erased")
    for place in done.exports:
        say(f"written anew: {place}")
    for place in done.elsewhere:
        say(f"not found on this machine, look there: {place}")
    for version in done.versions:
        say(f"was trained on these rows: {version}")


@command.command("trial")
@click.argument("name", metavar="MODEL[/N]")
@click.option("--against", type=click.IntRange(min=1), help="The other version; the champion.")
@click.option("--slice", "slices", multiple=True, metavar="COLUMN", help="May be repeated.")
@click.option("--record/--no-record", default=True, help="Keep what was found in the bucket.")
@_spanned
@env_option
@markdown_option
@json_option
@click.pass_obj
def _trial(folder: Path, /, name: str, as_markdown: bool, as_json: bool, **asked: Any) -> None:
    """Compare a challenger with the champion on the rows that were served.

    Rows that both have predicted are joined with their labels: how many decisions differ, how far
    scores lie apart, how much better or worse the challenger is, overall and by slice. The record
    is kept for good. Only the gate judges.
    """
    from trueup.project import trying

    with opened(folder) as workspace:
        found = trying.trial(workspace, name, trying.Asked(**asked))
    if as_json:
        show_json(trying.plain(found))
    else:
        show(trying.report(found), as_markdown=as_markdown)
