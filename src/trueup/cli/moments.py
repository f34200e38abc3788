"""Moments and durations on the command line, and the option that stands for the clock."""

from datetime import UTC, datetime, timedelta

import click


def moment_of(text: str, now: datetime) -> datetime:
    """Return the moment that a text names: a date, a time, or how long ago (``2d``).

    >>> moment_of("2026-11-23", datetime(2026, 11, 30, tzinfo=UTC)).isoformat()
    '2026-11-23T00:00:00+00:00'
    >>> moment_of("2d", datetime(2026, 11, 30, tzinfo=UTC)).isoformat()
    '2026-11-28T00:00:00+00:00'
    """
    from trueup.config.units import duration_s
    from trueup.errors import WrongUsage

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - timedelta(seconds=duration_s(text))
        except ValueError as error:
            raise WrongUsage(
                f"{text[:80]!r} is no moment", remedy="Give 2026-11-23, 2026-11-23T08:00 or 2d"
            ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def moment(ctx: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """Return the moment that a text names, such as 2026-03-02 or 7d for seven days ago."""
    from trueup import clock

    return None if text is None else moment_of(text, clock.now())


def seconds(ctx: click.Context, option: click.Parameter, text: str) -> float:
    """Return how long a text such as 60s or 1h says; 0 for an empty one."""
    from trueup.config.units import duration_s

    try:
        return duration_s(text) if text else 0.0
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


now_option = click.option(
    "--now", metavar="MOMENT", callback=moment, help="Decide as if it were that moment."
)
