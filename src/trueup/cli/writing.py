"""Options that write a report to files beside what is printed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FILES = {
    "--html": "Write a page that needs nothing else.",
    "--junit": "Write JUnit XML, which forges show beside other tests.",
    "--markdown": "Write Markdown, for a comment.",
}


def file_options(command: _Command) -> _Command:
    """Add --html, --junit and --markdown, each with a file; they are arguments of these names."""
    for option, text in reversed(_FILES.items()):
        kind = click.Path(dir_okay=False, path_type=Path)
        command = click.option(option, type=kind, metavar="FILE", help=text)(command)
    return command
