"""trueup ci github, gitlab and shell: write what a forge or a runner runs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.cli.printing import say

if TYPE_CHECKING:
    from trueup.ci.workflows.facts import Facts


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every forge's writer takes."""
    for option in (
        click.option("--runner", metavar="LABEL", default="", help="Train on such runners."),
        click.option("--print", "shown", is_flag=True, help="Write nothing; show the files."),
        click.option("--check", is_flag=True, help="Write nothing; end with 2 if any is due."),
        click.option("--update", is_flag=True, help="Keep what was changed by hand, take new in."),
    ):
        command = option(command)
    return click.pass_obj(command)


@click.command()
@_options
def github(folder: Path, /, **asked: Any) -> None:
    """Write the workflows that check models on GitHub, and pass their loops on schedule.

    One for every push and pull request; two for the loop, where a model has one; one that
    promotes from environment to environment, where there are several. Run it again after
    trueup.yaml has changed: what you have changed by hand is not overwritten.
    """
    from trueup.ci.workflows.github import workflows

    facts = _write(folder, "github", workflows, **asked)
    if facts is not None:
        for line in _next(facts.cloud):
            say(line)


@click.command()
@_options
def gitlab(folder: Path, /, **asked: Any) -> None:
    """Write the jobs that check models on GitLab, and pass their loops on schedule.

    They lie in .gitlab/trueup.yml; .gitlab-ci.yml includes them, and is written where there is
    none. Run it again after trueup.yaml has changed: your own lines are not overwritten.
    """
    from trueup import git
    from trueup.ci.workflows.gitlab import INCLUDE, JOBS, ROOT, ROOT_FILE, pipeline

    facts = _write(folder, "gitlab", pipeline, **asked)
    if facts is None:
        return
    root = (git.top(folder) or folder) / ROOT
    if not root.exists():
        root.write_text(ROOT_FILE, "utf-8")
        print(f"{ROOT}: written")
    elif JOBS not in root.read_text("utf-8", "replace"):
        say(f"{ROOT} is yours and stays as it is; write into it: {INCLUDE}")
    for line in _next_on_gitlab(facts):
        say(line)


@click.command()
@_options
def shell(folder: Path, /, **asked: Any) -> None:
    """Write a shell script of the same steps, for any other runner.

    It is trueup-ci.sh, at the repository's top; docs/how-to/ci.md shows it in Jenkins and Azure.
    """
    from trueup import git
    from trueup.ci.workflows.recipe import SCRIPT, recipe

    if _write(folder, "shell", recipe, **asked) is not None:
        ((git.top(folder) or folder) / SCRIPT).chmod(0o755)


def _write(
    folder: Path,
    verb: str,
    made: "Callable[[Facts], dict[str, str]]",
    *,
    update: bool,
    check: bool,
    shown: bool,
    runner: str,
) -> "Facts | None":
    """Write a forge's files and return what they are made of; None where nothing was to be."""
    from trueup.ci.workflows.updating import apply, changes
    from trueup.errors import WrongUsage
    from trueup.project.ci_facts import facts_of

    top, facts = facts_of(folder, os.environ, runner)
    wanted = made(facts)
    if shown:
        for path, text in wanted.items():
            print(f"# {path}\n{text}")
        return None
    if check:
        stale = [one.path for one in changes(top, wanted) if one.state not in _AS_WANTED]
        if stale:
            raise WrongUsage(
                f"{' and '.join(stale)}: not what trueup.yaml asks for",
                remedy=f"Write it: trueup ci {verb} --update",
            )
        return None
    for one in apply(top, wanted, merge=update):
        print(f"{one.path}: {_SAID[one.state]}")
    return facts


def _next_on_gitlab(facts: "Facts") -> list[str]:
    """Return what is left for a person to do at GitLab."""
    said = {
        "aws": "set the variables TRUEUP_TRUSTED_ROLE, TRUEUP_MERGE_REQUEST_ROLE,"
        " TRUEUP_LOOP_ROLE and AWS_REGION; see docs/how-to/ci.md",
        "none": "the store is a folder, so no job knows what another has made: name a bucket",
    }
    lines = [said.get(facts.cloud, "give the jobs the credentials of your bucket as variables")]
    lines.append("set GITLAB_TOKEN, of the environment scope trueup/comment, to comment")
    if any(one.loops for one in facts.projects):
        lines.append("make a pipeline schedule, each hour, with the variable TRUEUP_TICK")
    return lines


def _next(cloud: str) -> list[str]:
    """Return what is left for a person to do at the forge."""
    roles = {
        "aws": "the repository's variables TRUEUP_TRUSTED_ROLE, TRUEUP_PULL_REQUEST_ROLE,"
        " TRUEUP_LOOP_ROLE and AWS_REGION",
        "google": "the repository's variables TRUEUP_TRUSTED_ROLE, TRUEUP_PULL_REQUEST_ROLE,"
        " TRUEUP_LOOP_ROLE (service accounts) and TRUEUP_GOOGLE_PROVIDER",
        "other": "the credentials of your bucket, in a step of your own before the check",
    }
    if cloud in roles:
        return [f"set {roles[cloud]}; see docs/how-to/ci.md"]
    return ["the store is a folder, so no job knows what another has made: name a bucket"]


_AS_WANTED = ("unchanged", "edited")
_SAID = {
    "new": "written",
    "unchanged": "as it was",
    "updated": "written anew",
    "merged": "written anew, with what was changed by hand",
    "edited": "left as it was changed by hand",
    "conflict": "not written",
}
