"""trueup ci policies: prints what each identity may do in the bucket."""

from pathlib import Path
from typing import Any

import click

from trueup.cli.opening import opened
from trueup.cli.printing import print_json


@click.command()
@click.argument("kind", type=click.Choice(["aws", "seaweedfs"]), default="aws")
@click.pass_obj
def policies(folder: Path, /, kind: str) -> None:
    """Print the bucket's policies for CI's identities: trusted, pull request, developer.

    For AWS with who may become each role: jobs of the default branch, jobs of pull requests.
    """
    from trueup import git
    from trueup.ci.policies import documents
    from trueup.ci.policies.rights import Who, rights_of

    with opened(folder) as workspace:
        home = _home(workspace.project.store)
        repository, branch = _repository(workspace.root), git.default_branch(workspace.root)
    names: tuple[Who, ...] = ("trusted", "pull_request", "developer")
    found: dict[str, Any] = {}
    for who in names:
        rights = rights_of(who)
        if kind == "seaweedfs":
            found[who] = {"actions": documents.seaweedfs(rights, home)}
            continue
        found[who] = {"policy": documents.aws(rights, home)}
        if who != "developer":
            found[who]["trust"] = documents.aws_trust(rights, repository, branch, "ACCOUNT")
    print_json(found)


def _home(store: str) -> Any:
    from trueup.ci.policies.documents import Home
    from trueup.errors import WrongUsage

    scheme, _, rest = store.partition("://")
    if scheme != "s3" or not rest:
        raise WrongUsage(
            f"policies are printed for a bucket of S3, and the store is {store}",
            remedy="Write store: s3://bucket/prefix; for another cloud give the same rights by"
            " hand",
        )
    bucket, _, prefix = rest.partition("/")
    return Home(bucket, prefix.strip("/"))


def _repository(root: Path) -> str:
    """Return owner/name of the forge's repository, to be filled in where there is no remote."""
    import os

    from trueup import git
    from trueup.errors import TrueupError
    from trueup.forges.places import place_of

    remote = git.remote_url(root)
    try:
        return place_of(remote, os.environ).project if remote else "OWNER/NAME"
    except TrueupError:
        return "OWNER/NAME"
