"""trueup ci github: writes the workflows."""

import os
from pathlib import Path

import click

from trueup.cli.printing import say


@click.command()
@click.option("--update", is_flag=True, help="Keep what was changed by hand, and take new in.")
@click.option("--check", is_flag=True, help="Write nothing; end with 2 where something would be.")
@click.option("--print", "shown", is_flag=True, help="Write nothing; show the files.")
@click.option("--runner", metavar="LABEL", default="", help="Train on runners of this label.")
@click.pass_obj
def github(folder: Path, /, update: bool, check: bool, shown: bool, runner: str) -> None:
    """Write the workflows that check models on GitHub, and pass their loops on schedule.

    One for every push and pull request; one for the loop, where a model has one. Run it again
    after trueup.yaml has changed: what you have changed by hand is not overwritten.
    """
    from trueup.ci.workflows.github import workflows
    from trueup.ci.workflows.updating import apply, changes
    from trueup.errors import WrongUsage
    from trueup.project.ci_facts import facts_of

    top, facts = facts_of(folder, os.environ, runner)
    wanted = workflows(facts)
    if shown:
        for path, text in wanted.items():
            print(f"# {path}\n{text}")
        return
    if check:
        stale = [one.path for one in changes(top, wanted) if one.state not in _AS_WANTED]
        if stale:
            raise WrongUsage(
                f"{' and '.join(stale)}: not what trueup.yaml asks for",
                remedy="Write it: trueup ci github --update",
            )
        return
    for one in apply(top, wanted, merge=update):
        print(f"{one.path}: {_SAID[one.state]}")
    for line in _next(facts.cloud):
        say(line)


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
