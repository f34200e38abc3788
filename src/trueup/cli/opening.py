"""Opens the project that a command works on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trueup.project.workspace import Workspace

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@contextmanager
def opened(folder: Path) -> "Iterator[Workspace]":
    """Give the project that a folder lies in; what was learned of its files is saved after."""
    from trueup.project.workspace import open_workspace

    workspace = open_workspace(folder, os.environ)
    try:
        yield workspace
    finally:
        workspace.close()
