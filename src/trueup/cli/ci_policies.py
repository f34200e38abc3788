"""trueup ci policies: prints what each identity may do in the bucket."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.cli.opening import opened
from trueup.cli.printing import print_json

if TYPE_CHECKING:
    from trueup.ci.policies.documents import Home
    from trueup.ci.policies.rights import Who
    from trueup.forges.places import Place

_NAMES: "tuple[Who, ...]" = ("trusted", "pull_request", "developer")


@click.command()
@click.argument("kind", type=click.Choice(["aws", "seaweedfs"]), default="aws")
@click.pass_obj
def policies(folder: Path, /, kind: str) -> None:
    """Print the bucket's policies for CI's identities: trusted, pull request, developer.

    For AWS with who may become each role: jobs of the default branch (the loop's too), jobs of
    requests, and those that promote into an environment, with the rights of a trusted one.
    """
    from trueup import git
    from trueup.ci.policies import documents
    from trueup.ci.policies.rights import rights_of

    with opened(folder) as workspace:
        home = _home(workspace.project.store)
        place, branch = _place(workspace.root), git.default_branch(workspace.root)
        releases = list(workspace.project.environments)[1:]
    if kind == "seaweedfs":
        print_json({who: {"actions": documents.seaweedfs(rights_of(who), home)} for who in _NAMES})
        return
    found = {who: {"policy": documents.aws(rights_of(who), home)} for who in _NAMES}
    print_json(_trusted(found, place, branch, releases))


def _trusted(
    found: dict[Any, dict[str, Any]], place: "Place", branch: str, releases: Sequence[str]
) -> dict[str, Any]:
    """Return the policies with who may become each role; a developer's is theirs to say."""
    from trueup.ci.policies.documents import aws_trust
    from trueup.ci.policies.jobs import issuer_of, releasing, subject_of

    issuer = issuer_of(place)
    requests: tuple[Who, ...] = ("trusted", "pull_request")
    for who in requests:
        found[who]["trust"] = aws_trust(issuer, subject_of(place, who, branch), "ACCOUNT")
    for name in releases:
        trust = aws_trust(issuer, releasing(place, name, branch), "ACCOUNT")
        found[f"release to {name}"] = {"policy": found["trusted"]["policy"], "trust": trust}
    return found


def _home(store: str) -> "Home":
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


def _place(root: Path) -> "Place":
    """Return where the repository lies; to be filled in where there is no remote."""
    import os

    from trueup import git
    from trueup.errors import TrueupError
    from trueup.forges.places import place_of

    remote = git.remote_url(root)
    try:
        return place_of(remote or "https://github.com/OWNER/NAME", os.environ)
    except TrueupError:
        return place_of("https://github.com/OWNER/NAME", {})
