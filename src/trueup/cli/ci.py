"""trueup ci: what a CI job calls, and what writes its workflows."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli.opening import json_option
from trueup.cli.printing import print_json, say

if TYPE_CHECKING:
    from trueup.ci.places import Where
    from trueup.ci.results.result import Result
    from trueup.project.ci_running import Asked

_REPORTS = Path("trueup-report")
_WRITTEN = {  # command: its module; imported when it is called
    "github": "trueup.cli.ci_write",
    "gitlab": "trueup.cli.ci_write",
    "shell": "trueup.cli.ci_write",
    "policies": "trueup.cli.ci_policies",
}


class _Group(click.Group):
    """Finds the commands of other files when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands that are there."""
        return [*self.commands, *(name for name in _WRITTEN if _written(name) is not None)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one of another file is imported now."""
        return self.commands.get(cmd_name) or _written(cmd_name)


def _written(name: str) -> click.Command | None:
    module = _WRITTEN.get(name)
    if module is None or find_spec(module) is None:
        return None
    found: click.Command | None = getattr(import_module(module), name, None)
    return found


@click.group(cls=_Group)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check models where code is pushed, and write the workflows that do it."""
    if ctx.find_root().params.get("every"):
        from trueup.errors import WrongUsage

        raise WrongUsage(
            "all projects of a repository are checked together, with one comment",
            remedy="Write --all behind: trueup ci run --all",
        )


_folder_option = click.option(
    "-C",
    "inside",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Work as if started in this folder.",
)
_report_option = click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=_REPORTS,
    show_default=True,
    help="Where the files for the forge lie.",
)


@command.command("run")
@click.option("--all", "every", is_flag=True, help="Check every project of the repository.")
@_folder_option
@click.option("--base", metavar="REV", default="", help="Compare with this revision.")
@_report_option
@click.option("--comment/--no-comment", "comments", default=True, help="Comment on the request.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="The page's file.")
@click.option("--without-bucket", is_flag=True, help="As a fork must: no champion is known.")
@click.pass_obj
def run_command(
    folder: Path,
    /,
    every: bool,
    inside: Path | None,
    base: str,
    report_dir: Path,
    comments: bool,
    page: Path | None,
    without_bucket: bool,
) -> int:
    """Run, gate and report, in the form that this place reads.

    Where it is, it reads from the environment: GitHub Actions, GitLab CI, else a plain runner.
    Exits as the gate does; of several projects with the highest code.
    """
    from trueup.project.ci_running import check_project
    from trueup.project.ci_writing import tell_place, write_files
    from trueup.project.several import projects_around

    start, where = inside or folder, _where()
    asked = _asked(start, where, base, has_bucket=not without_bucket)
    roots = projects_around(start) if every else [start]
    results = [check_project(root, os.environ, asked) for root in roots]
    body = _comment(where, results)
    write_files(report_dir, results, body, page)
    _print(tell_place(where, results))
    if comments and where.is_request and not without_bucket:
        _send(where, body)
    return max(one.exit_code for one in results)


@command.command("comment")
@_report_option
@click.pass_obj
def comment_command(folder: Path, report_dir: Path) -> None:
    """Write the comment from files of other jobs, which had no token that may write it."""
    from trueup.project.ci_writing import kept_results

    where = _where()
    _send(where, _comment(where, kept_results(report_dir)))


@command.command("affected")
@click.option("--base", metavar="REV", required=True, help="What changed since this revision.")
@_folder_option
@json_option
@click.pass_obj
def affected_command(folder: Path, base: str, inside: Path | None, as_json: bool) -> None:
    """List the folders of projects that a change reaches, as JSON on one line, for a matrix."""
    from trueup.project.ci_affected import affected_projects

    found = affected_projects(inside or folder, base, os.environ)
    if as_json:
        print_json(found)
        return
    import msgspec

    print(msgspec.json.encode(found).decode())


def _where() -> "Where":
    from trueup.ci.places import event_file, where
    from trueup.project.ci_writing import event_of

    return where(os.environ, event_of(event_file(os.environ)))


def _asked(start: Path, where: "Where", base: str, *, has_bucket: bool) -> "Asked":
    from trueup.cli import INTERRUPTED, exit_code
    from trueup.cli.gate import EXIT_CODES
    from trueup.cli.progress import Lines
    from trueup.project.ci_running import Asked, Codes, base_of, scope_of

    return Asked(
        codes=Codes(exit_code, EXIT_CODES, stage_failed=6, interrupted=INTERRUPTED),
        progress=lambda: Lines(sys.stderr, explain=False, quiet=False),
        say=say,
        base=base_of(start, base, where, say),
        scope=scope_of(where, os.environ, has_bucket=has_bucket),
        has_bucket=has_bucket,
    )


def _comment(where: "Where", results: "list[Result] | tuple[Result, ...]") -> str:
    from trueup.ci.results.comment import comment

    return comment(results, {"the job": where.page} if where.page else {})


def _send(where: "Where", body: str) -> None:
    from trueup.project.ci_commenting import write_comment

    say(write_comment(where, body, os.environ))


def _print(annotations: str) -> None:
    if annotations:
        print(annotations, end="" if annotations.endswith("\n") else "\n", flush=True)
