"""Which jobs may become a role: what a forge's identity token says of them.

GitHub's subjects: https://docs.github.com/en/actions/reference/security/oidc; GitLab's:
https://docs.gitlab.com/ci/secrets/id_token_authentication.
"""

import msgspec

from trueup.ci.policies.rights import Who
from trueup.forges.places import Place

_GITHUB = "token.actions.githubusercontent.com"


class Issuer(msgspec.Struct, frozen=True):
    """Who makes the tokens: a host, without the scheme, and for whom they are made."""

    host: str
    audience: str


def issuer_of(place: Place) -> Issuer:
    """Return who vouches for a repository's jobs, as generated workflows ask for their tokens."""
    if place.kind == "github":
        return Issuer(_GITHUB, "sts.amazonaws.com")
    return Issuer(place.web.removeprefix("https://"), place.web)


def subject_of(place: Place, who: Who, branch: str) -> str:
    """Return the ``sub`` of the jobs that may be somebody; a star stands for anything.

    GitLab's token of a merge request names the branch that it comes from.
    """
    if place.kind == "github":
        what = "pull_request" if who == "pull_request" else f"ref:refs/heads/{branch}"
        return f"repo:{place.project}:{what}"
    of = "*" if who == "pull_request" else branch
    return f"project_path:{place.project}:ref_type:branch:ref:{of}"


def releasing(place: Place, environment: str, branch: str) -> str:
    """Return the ``sub`` of the job that promotes into an environment."""
    if place.kind == "github":
        return f"repo:{place.project}:environment:{environment}"
    return subject_of(place, "trusted", branch)
