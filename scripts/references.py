"""The generated pages of docs/reference: what the code says of itself, as Markdown."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc, signature
from pathlib import Path
from pkgutil import walk_packages

import click

import trueup
from scripts.config_reference import config_page
from trueup.cli import exit_code
from trueup.cli.group import trueup as program
from trueup.errors import TrueupError

GENERATED = "<!-- Generated from the code by `make references`; edit the code instead. -->\n"

_MODULE = re.compile(r"\b(?:collections\.abc|typing|trueup(?:\.[a-z_]+)+)\.")
_ANNOTATION = re.compile(r"(: |-> )'([^']*)'")
EXIT_CODES = {
    0: "done",
    1: "a bug of ours",
    2: "wrong usage or configuration, or a bucket that refuses access",
    3: "the gate failed: shown not to be good enough",
    4: "the gate could not decide, or a verdict or an approval is missing",
    6: "a stage failed",
    7: "somebody else was first",
    8: "a remote part did not answer",
    9: "data broken: what the bucket holds is not what was stored",
    10: "not proven: a digest or reproduction differs from the record",
    130: "interrupted",
}


def pages(checkout: Path) -> dict[Path, str]:
    """Return each generated page's path and text."""
    reference = checkout / "docs" / "reference"
    return {
        reference / "cli.md": f"{GENERATED}\n{cli_page()}",
        reference / "config.md": f"{GENERATED}\n{config_page()}",
        reference / "errors.md": f"{GENERATED}\n{errors_page()}",
        reference / "python.md": f"{GENERATED}\n{python_page()}",
    }


def cli_page() -> str:
    """Return the page of all commands with their options, and the exit codes."""
    context = click.Context(program, info_name="trueup")
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return (
        "# Commands\n\n"
        "Results go to stdout, everything else to stderr; `--json` prints the result as JSON.\n\n"
        + "".join(_command(program, context))
        + f"## Exit codes\n\n| code | means |\n|---|---|\n{codes}"
    )


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    text = cleandoc(command.help or "").replace("\b\n", "")
    yield f"## {context.command_path}\n\n```text\n{context.command_path} {usage}\n```\n\n{text}\n\n"
    options = [each for each in command.params if isinstance(each, click.Option)]
    rows = "".join(_option(each, context) for each in options if not each.hidden)
    if rows:
        yield f"| option | |\n|---|---|\n{rows}\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _command(below, click.Context(below, parent=context, info_name=name))


def _option(option: click.Option, context: click.Context) -> str:
    names, text = option.get_help_record(context) or ("", "")
    return f"| `{_cell(names)}` | {_cell(text)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def python_page() -> str:
    """Return the page of what ``import trueup`` offers."""
    entries = "".join(_function(name) for name in public_names())
    return (
        "# Python\n\n"
        "What a command can do, Python can do: each verb is a function, and raises the\n"
        "[errors](errors.md) that the command line prints. Importing `trueup` costs next to\n"
        f"nothing; what a function needs is imported when it is first called.\n\n{entries}"
    ).rstrip("\n") + "\n"


def public_names() -> list[str]:
    """Return what the package offers, from the names that it declares for type checkers."""
    tree = ast.parse(Path(trueup.__file__).read_text("utf-8"))
    declared = (node for top in tree.body if isinstance(top, ast.If) for node in top.body)
    found = (each for each in declared if isinstance(each, ast.ImportFrom))
    return sorted(alias.asname or alias.name for each in found for alias in each.names)


def _function(name: str) -> str:
    function = getattr(trueup, name)
    text = cleandoc(function.__doc__ or "").replace("``", "`")
    shown = _ANNOTATION.sub(r"\1\2", _MODULE.sub("", str(signature(function))))
    return f"## trueup.{name}\n\n```text\n{name}{shown}\n```\n\n{text}\n\n"


def errors_page() -> str:
    """Return the page of all errors that a user can meet, grouped by what they have in common."""
    for module in walk_packages(trueup.__path__, "trueup."):
        import_module(module.name)
    rows = "".join(_error_rows(TrueupError, 0))
    return (
        "# Errors\n\n"
        "Every error names the problem, where it is, and what mends it. They form a tree; Python\n"
        "code that catches one catches what is indented below it. The code that the command line\n"
        "then ends with stands beside it; see [exit codes](cli.md#exit-codes).\n\n"
        "| error | code | means |\n|---|---|---|\n" + rows
    )


def _error_rows(kind: type[TrueupError], depth: int) -> Iterator[str]:
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    indent = "&nbsp;&nbsp;" * depth
    code = exit_code(kind.__new__(kind))  # the class alone decides, so it need not be filled in
    yield f"| {indent}`{kind.__module__}.{kind.__qualname__}` | {code} | {summary} |\n"
    for child in sorted(kind.__subclasses__(), key=lambda child: child.__qualname__):
        yield from _error_rows(child, depth + 1)
