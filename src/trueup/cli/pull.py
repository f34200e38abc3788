"""trueup pull."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json, say, size


@click.command()
@click.argument("stages", nargs=-1)
@click.option("-f", "--force", is_flag=True, help="Replace also what was changed by hand.")
@json_option
@click.pass_obj
def command(folder: Path, stages: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Fetch what the lock names and this checkout lacks: outputs, and inputs outside Git."""
    from trueup.project.sharing import pull

    with opened(folder) as workspace:
        moved = pull(workspace, stages, force=force, say=lambda path: say(f"fetching {path}"))
    for path in moved.left:
        say(f"left alone: {path} was changed here (replace it with --force)")
    if as_json:
        print_json(moved)
    elif moved.artifacts:
        print(f"pulled {moved.artifacts} artifacts, {size(moved.size_bytes)}")
    else:
        print("nothing to pull: all that the lock names is here")
