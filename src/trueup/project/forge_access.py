"""What this project's token may do on its forge, for the doctor: asked, and nothing is changed."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from trueup import clock
from trueup.errors import RemoteSilent, TrueupError
from trueup.forges.calling import Patience
from trueup.forges.opening import credential_of, open_forge
from trueup.forges.places import place_of
from trueup.forges.port import Deed, Permission, Permissions
from trueup.forges.tables import permissions_table
from trueup.git import remote_url
from trueup.project.doctor import Finding
from trueup.project.looping import looped_models
from trueup.project.workspace import Workspace, open_workspace
from trueup.reporting.blocks import Table
from trueup.reporting.wording import moment

SERVES = "pull requests of the loop"
SOON = timedelta(days=14)
_NEEDED: tuple[Deed, ...] = ("read", "push", "propose", "checks")
_SHOWN: dict[Deed, str] = {
    "read": "forge: read",
    "push": "forge: push a branch",
    "propose": "forge: open pull requests",
    "checks": "forge: checks of pull requests",
}
_REMEDIES: dict[Deed, str] = {
    "checks": "use a GitHub App (TRUEUP_GITHUB_APP_ID, TRUEUP_GITHUB_APP_KEY) or a personal or"
    " project token in place of the job's own",
}
_USUALLY = "give the token that permission; which one: docs/reference/forges.md, Tokens"


class Access(msgspec.Struct, frozen=True):
    """What was found, and what the token may do where it could be asked."""

    findings: tuple[Finding, ...] = ()
    permissions: Permissions | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Return what the token may do as a table, or none."""
        return (permissions_table(self.permissions),) if self.permissions else ()


def look_at_forge(workspace: Workspace, patience: Patience | None = None) -> Access:
    """Return whether the token at hand can carry a pull request to its merge.

    Nothing is asked where no loop of the project proposes anything.
    """
    if not _proposes(workspace):
        return Access()
    remote = remote_url(workspace.root)
    if not remote:
        detail = "this checkout has no remote named origin"
        remedy = "git remote add origin URL; or write then: promote, canary or person under loop:"
        return Access((Finding("forge", "missing", SERVES, detail, remedy),))
    source = ""
    try:
        place = place_of(remote, workspace.env)
        credential = credential_of(place, workspace.env, patience)
        source = credential.token().source
        found = open_forge(place, credential, patience or Patience(bound_s=5.0)).permissions()
    except RemoteSilent as error:
        return Access((Finding("forge", "missing", SERVES, error.problem, error.remedy),))
    except TrueupError as error:
        remedy = f"make a new one and give it as {source}" if source else error.remedy
        return Access((Finding("forge token", "missing", SERVES, error.problem, remedy),))
    return Access(tuple(_findings(found, place.name, clock.now())), found)


def access_from(start: Path, env: Mapping[str, str]) -> Access:
    """Return the same for the project that start lies in; nothing where there is none."""
    try:
        return look_at_forge(open_workspace(start, env))
    except TrueupError:
        return Access()  # that it cannot be opened is a finding of its own


def _proposes(workspace: Workspace) -> bool:
    loops = (workspace.project.models[name].loop for name in looped_models(workspace))
    return any(loop is not None and loop.then == "pull_request" for loop in loops)


def _findings(found: Permissions, name: str, now: datetime) -> Iterator[Finding]:
    who = found.who or f"a token of the kind {found.kind}"
    if found.until is not None and found.until - now < SOON:
        detail = f"{who} at {name}, only until {moment(found.until)}"
        remedy = "make a new token before that; pull requests stop with it"
        yield Finding("forge token", "absent", SERVES, detail, remedy)
    else:
        yield Finding("forge token", "ok", SERVES, f"{who} at {name}")
    for each in found.can:
        if each.deed in _NEEDED:
            yield _finding(each)


def _finding(one: Permission) -> Finding:
    subject = _SHOWN[one.deed]
    if one.allowed is False:
        remedy = _REMEDIES.get(one.deed, _USUALLY)
        return Finding(subject, "missing", SERVES, one.why, remedy)
    unsure = "only trying tells: " if one.allowed is None else ""
    return Finding(subject, "ok", SERVES, unsure + one.why)
