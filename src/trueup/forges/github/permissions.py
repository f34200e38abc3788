"""What a token may do on GitHub, as far as GitHub tells without trying."""

from collections.abc import Mapping
from datetime import UTC, datetime

from trueup.forges.answers import Answer
from trueup.forges.calling import Caller, shaped
from trueup.forges.credentials import Credential
from trueup.forges.failures import ForgeRefused
from trueup.forges.github.app import AppCredential
from trueup.forges.github.shapes import Repository, User
from trueup.forges.port import Deed, Permission, Permissions

# what an App's installation has to be granted for each deed
_NEEDS: dict[Deed, tuple[str, str]] = {
    "read": ("metadata", "read"),
    "push": ("contents", "write"),
    "propose": ("pull_requests", "write"),
    "comment": ("pull_requests", "write"),
    "status": ("statuses", "write"),
    "dispatch": ("actions", "write"),
}
_NO_CHECKS = (
    "pull requests that the GITHUB_TOKEN of Actions opens, and what it pushes, start no workflow:"
    " their checks stay away until a person closes and reopens them; use a GitHub App's token"
)
_SETTING = (
    "needs permissions: pull-requests: write in the workflow, and the repository's setting"
    " 'Allow GitHub Actions to create and approve pull requests'"
)
_JOB: dict[Deed, str] = {
    "push": "needs permissions: contents: write in the workflow",
    "propose": _SETTING,
    "comment": "needs permissions: pull-requests: write in the workflow",
    "status": "needs permissions: statuses: write in the workflow",
    "dispatch": "needs permissions: actions: write in the workflow",
}


def permissions_of(caller: Caller, path: str, credential: Credential) -> Permissions:
    """Return what the token of a credential may do in the repository at a path."""
    if isinstance(credential, AppCredential):
        return _of_app(credential)
    kind = credential.token().kind
    answer = caller.ask("GET", path, "read the repository")
    if kind == "actions":
        can = [Permission("read", allowed=True)]
        can += [Permission(deed, allowed=None, why=why) for deed, why in _JOB.items()]
        return Permissions(
            "github-actions[bot]",
            kind,
            (*can, Permission("checks", allowed=False, why=_NO_CHECKS)),
        )
    repository = shaped(caller.name, Repository, answer.body)
    if kind == "app":
        why = "the installation's permissions are told only to the App itself"
        deeds: list[Deed] = ["push", "propose", "comment", "status", "dispatch"]
        can = [Permission("read", allowed=True)]
        can += [Permission(deed, allowed=None, why=why) for deed in deeds]
        return Permissions("", kind, (*can, Permission("checks", allowed=True)))
    can = _of_person(repository, answer.headers)
    return Permissions(_login(caller), kind, (*can, _checks()), _until(answer))


def _of_app(credential: AppCredential) -> Permissions:
    granted = credential.granted()
    can = [_granted(deed, granted.permissions) for deed in _NEEDS]
    return Permissions(credential.login(), "app", (*can, _checks()), granted.expires_at)


def _granted(deed: Deed, permissions: Mapping[str, str]) -> Permission:
    name, level = _NEEDS[deed]
    has = permissions.get(name)
    allowed = has in ("write", "admin") or (has == "read" and level == "read")
    why = "" if allowed else f"the App has not been granted {name}: {level}"
    return Permission(deed, allowed=allowed, why=why)


def _of_person(repository: Repository, headers: Mapping[str, str]) -> list[Permission]:
    """Return the deeds of a personal token: the person's rights, and a classic token's scopes.

    A fine-grained token has no scopes that are told: with its owner's right to push each deed
    still needs a permission of the token itself.
    """
    may_push = repository.permissions.get("push", False)
    scopes = headers.get("x-oauth-scopes")
    enough = {"repo"} if repository.private else {"repo", "public_repo"}
    scoped = scopes is not None and bool(enough & {each.strip() for each in scopes.split(",")})
    can = [Permission("read", allowed=True)]
    for deed, (name, level) in list(_NEEDS.items())[1:]:
        if not may_push and deed not in ("comment", "propose"):
            can.append(Permission(deed, allowed=False, why="its owner may not push there"))
        elif scopes is None:
            why = f"a fine-grained token needs {name}: {level}, which GitHub does not tell"
            can.append(Permission(deed, allowed=None, why=why))
        else:
            why = "" if scoped else f"the token lacks the scope {min(enough, key=len)}"
            can.append(Permission(deed, allowed=scoped, why=why))
    return can


def _checks() -> Permission:
    return Permission("checks", allowed=True, why="the checks of what it opens run")


def _login(caller: Caller) -> str:
    try:
        answer = caller.ask("GET", "/user", "read the token's user")
    except ForgeRefused:
        return ""
    return shaped(caller.name, User, answer.body).login


def _until(answer: Answer) -> datetime | None:
    """Return when a personal token ends: ``2026-12-01 08:00:00 UTC``, or with an offset."""
    told = answer.headers.get("github-authentication-token-expiration", "")
    try:
        return datetime.fromisoformat(told.replace(" UTC", "+00:00")).astimezone(UTC)
    except ValueError:
        return None
