"""trueup push."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json, size


@click.command()
@click.argument("stages", nargs=-1)
@json_option
@click.pass_obj
def command(folder: Path, stages: tuple[str, ...], as_json: bool) -> None:
    """Upload what the lock names and the bucket lacks.

    A run uploads by itself; this is for what was made while the bucket was out of reach.
    """
    from trueup.project.sharing import push

    with opened(folder) as workspace:
        moved = push(workspace, stages)
    if as_json:
        print_json(moved)
    elif moved.artifacts:
        print(f"pushed {moved.artifacts} artifacts, {size(moved.size_bytes)}")
    elif not moved.sealed:
        print("nothing to push: the bucket has all that the lock names")
    if not as_json:
        for named in moved.sealed:
            print(f"sealed the rows that {named} names: commit that file")
