"""Options that the commands of the registry share."""

import click

env_option = click.option(
    "--env",
    "environment",
    metavar="NAME",
    default="",
    help="The environment; the first if not given.",
)
why_option = click.option("--why", metavar="REASON", default="", help="Why; it is recorded.")
override_option = click.option(
    "--override", is_flag=True, help="Without a passing verdict; wants --why, is shown for ever."
)
