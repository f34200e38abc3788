"""trueup promote."""

from pathlib import Path

import click

from trueup.cli.environments import env_option, override_option, why_option
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import say
from trueup.cli.showing import show_json

_ENDINGS = {"failed": 3, "open": 4, "usage": 2}


@click.command()
@click.argument("name")
@env_option
@override_option
@why_option
@click.option("--from", "source", metavar="BUCKET", default="", help="Copy it from this bucket.")
@click.option(
    "--from-env",
    "source_environment",
    metavar="NAME",
    default="",
    help="Whose alias NAME is in that bucket; the environment before --env if not given.",
)
@json_option
@click.pass_obj
def command(folder: Path, /, name: str, as_json: bool, **wanted: object) -> int:
    """Make a version the champion of an environment.

    NAME is MODEL/N or MODEL@ALIAS. It needs a passing verdict for exactly this model, its data,
    rules and code, and for the champion that is live now. Exits with 3 or 4 as the verdict says,
    4 where verdict or approval is missing, 7 where the champion had moved.
    """
    from trueup.cli import tell
    from trueup.project.promoting import Wanted, promote
    from trueup.registry.plain import event_record
    from trueup.registry.refusals import Refused
    from trueup.registry.reports import sentence

    with opened(folder) as workspace:
        try:
            done = promote(workspace, name, Wanted(**wanted))  # type: ignore[arg-type]  # by name
        except Refused as error:
            if as_json:
                show_json({"promoted": None, "refusal": error.refusal})
            tell(error)
            return _ENDINGS[error.refusal.ending]
    if as_json:
        told = event_record(done.event, done.found.history) if done.event else None
        show_json({"promoted": told, "refusal": None})
    elif done.event is None:
        say(f"{name} is champion already")
    else:
        print(sentence(done.event, done.found.history))
    return 0
