"""trueup dag."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json


@click.command()
@click.argument("targets", nargs=-1)
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart.")
@json_option
@click.pass_obj
def command(folder: Path, targets: tuple[str, ...], mermaid: bool, as_json: bool) -> None:
    """Show how the stages follow from each other."""
    from trueup.pipeline.drawing import as_mermaid, as_text
    from trueup.project.choosing import chosen_graph
    from trueup.project.options import RunOptions

    with opened(folder) as workspace:
        graph = chosen_graph(workspace, RunOptions(targets=targets))
    if as_json:
        print_json({"stages": {name: list(graph.upstream[name]) for name in graph.stages}})
    elif mermaid:
        print(as_mermaid(graph))
    else:
        print(as_text(graph))
