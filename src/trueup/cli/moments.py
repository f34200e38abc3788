"""The option that stands for the clock."""

from datetime import datetime

import click


def moment(ctx: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """Return the moment that a text names, such as 2026-03-02 or 7d for seven days ago."""
    from trueup import clock
    from trueup.project.capturing import moment_of

    return None if text is None else moment_of(text, clock.now())


now_option = click.option(
    "--now", metavar="MOMENT", callback=moment, help="Decide as if it were that moment."
)
