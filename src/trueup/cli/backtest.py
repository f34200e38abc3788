"""trueup backtest."""

import sys
from datetime import datetime
from pathlib import Path

import click

from trueup.cli.environments import env_option
from trueup.cli.moments import moment
from trueup.cli.opening import json_option, opened
from trueup.cli.showing import markdown_option, show, show_json
from trueup.config.units import duration_s


def _duration(ctx: click.Context, option: click.Parameter, text: str | None) -> float | None:
    from trueup.errors import WrongUsage

    if text is None:
        return None
    try:
        found = duration_s(text)
    except ValueError as error:
        raise WrongUsage(
            f"{text[:80]!r} is no duration", remedy="Give one such as 7d, 12h or 1h30m"
        ) from error
    if found <= 0 and option.name == "step_s":
        raise WrongUsage("a step of nothing leads nowhere", remedy="Give --step 7d")
    return found


@click.command()
@click.argument("name", metavar="[PROJECT/]MODEL")
@env_option
@click.option("--since", metavar="MOMENT", callback=moment, help="The first champion is of then.")
@click.option("--until", metavar="MOMENT", callback=moment, help="The replay ends there.")
@click.option(
    "--step", "step_s", metavar="DURATION", callback=_duration,
    help="How often something may be decided; by default the window of monitor:.",
)  # fmt: skip
@click.option(
    "--rows", metavar="TABLE", default="",
    help="The past, with the model's columns, ids, times and targets; else what was captured.",
)  # fmt: skip
@click.option("--label-at", metavar="COLUMN", default="", help="When each row's target was there.")
@click.option(
    "--delay", "delay_s", metavar="DURATION", callback=_duration,
    help="Without that: so long after the row; by default mature_after of monitor:.",
)  # fmt: skip
@click.option(
    "--policies", metavar="FILE", default="",
    help="Policies to compare, with never; else those that are built in.",
)  # fmt: skip
@click.option(
    "--only", metavar="NAME", multiple=True,
    help="This policy, by its name; may be given several times.",
)  # fmt: skip
@click.option(
    "--confirm-from", metavar="MOMENT", callback=moment,
    help="The best policy until then is tested on what comes after.",
)  # fmt: skip
@click.option("--jobs", "-j", type=int, default=None, help="So many processes; one for each CPU.")
@click.option("--html", metavar="FILE", default="", help="Also write it as a page, with a chart.")
@markdown_option
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    name: str,
    environment: str,
    html: str,
    as_markdown: bool,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
    step_s: float | None,
    rows: str,
    label_at: str,
    delay_s: float | None,
    policies: str,
    only: tuple[str, ...],
    confirm_from: datetime | None,
    jobs: int | None,
) -> None:
    """Replay a model's past through policies, and show which would have served it better.

    Built in are never, monthly, drift, estimate, and yours: the model's own loop. Each begins
    with a champion of --since, sees at each step what was known by then, retrains in a copy of
    the project and asks the gate; it is measured on the rows after its decisions. Nothing of the
    project is changed. A backtest that was ended goes on where it was.
    """
    from trueup.project import backtesting

    wanted = backtesting.Wanted(
        name=name, environment=environment, since=since, until=until, step_s=step_s, rows=rows,
        label_at=label_at, delay_s=delay_s, policies=policies, only=only,
        confirm_from=confirm_from, jobs=jobs,
    )  # fmt: skip
    with opened(folder) as workspace:
        found = backtesting.backtest(workspace, wanted, _say)
    report = backtesting.report_of(found)
    if html:
        from trueup.project.reports import write_reports

        write_reports(report, html=folder / html)
    if as_json:
        show_json(found)
    else:
        show(report, as_markdown=as_markdown)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
