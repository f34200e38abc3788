"""Opens the forge that a place lies on, under the token that is at hand for it."""

from collections.abc import Mapping

from trueup.forges.calling import Patience
from trueup.forges.credentials import Credential, from_environment
from trueup.forges.github.app import AppCredential, app_from_environment
from trueup.forges.github.client import GitHub
from trueup.forges.github.dispatching import GitHubRuns
from trueup.forges.gitlab.client import GitLab
from trueup.forges.gitlab.dispatching import GitLabPipelines
from trueup.forges.places import Place
from trueup.forges.port import Dispatcher, Forge


def credential_of(
    place: Place, environment: Mapping[str, str], patience: Patience | None = None
) -> Credential:
    """Return the App that the environment names, else a token from it; raises AccessRefused."""
    if place.kind == "github" and place.trusted:
        app = app_from_environment(environment)
        if app is not None:
            return AppCredential(place, app, patience)
    return from_environment(place, environment)


def open_forge(place: Place, credential: Credential, patience: Patience | None = None) -> Forge:
    """Return the client of the forge at a place; asks nothing yet."""
    if place.kind == "github":
        return GitHub(place, credential, patience)
    return GitLab(place, credential, patience)


def open_dispatcher(
    place: Place, credential: Credential, patience: Patience | None = None
) -> Dispatcher:
    """Return what starts workflows at a place; asks nothing yet."""
    if place.kind == "github":
        return GitHubRuns(GitHub(place, credential, patience))
    return GitLabPipelines(GitLab(place, credential, patience))
