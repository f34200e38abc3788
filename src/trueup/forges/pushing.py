"""Where the branches of a place are pushed to, and under which login."""

from trueup.forges.credentials import Credential
from trueup.forges.places import Place
from trueup.git.pushing import Login, Target


def push_target(place: Place, credential: Credential) -> Target:
    """Return the target for git: the forge's own address, and the token as a password.

    Both forges take a token for any user but a few that they know: an App's token and that of a
    job have names of their own.
    """
    token = credential.token()
    if place.kind == "github":
        return Target(place.git_url, Login("x-access-token", token.reveal()))
    user = "gitlab-ci-token" if token.kind == "job" else "oauth2"
    return Target(place.git_url, Login(user, token.reveal()))
