"""What a token may do on GitLab, as far as GitLab tells without trying."""

from datetime import UTC, datetime, time

from trueup.forges.calling import Caller, shaped
from trueup.forges.credentials import Credential
from trueup.forges.failures import ForgeRefused
from trueup.forges.gitlab.shapes import Project, TokenItself, User
from trueup.forges.port import Deed, Permission, Permissions

DEVELOPER = 30
_SCOPES: dict[Deed, set[str]] = {
    "read": {"api", "read_api"},
    "push": {"api", "write_repository"},
    "propose": {"api"},
    "comment": {"api"},
    "status": {"api"},
    "dispatch": {"api"},
}
_JOB = (
    Permission("read", allowed=False, why="a job's token reads no merge requests"),
    Permission("push", allowed=None, why="only where the project allows pushes with job tokens"),
    Permission("propose", allowed=False, why="a job's token opens no merge requests"),
    Permission("comment", allowed=False, why="a job's token writes no comments"),
    Permission("status", allowed=False, why="a job's token shows no statuses"),
    Permission("dispatch", allowed=True, why="but the pipeline is not found again by it"),
    Permission("checks", allowed=False, why="what a job's token pushes starts no pipeline"),
)


def permissions_of(caller: Caller, path: str, credential: Credential) -> Permissions:
    """Return what the token of a credential may do in the project at a path."""
    kind = credential.token().kind
    if kind == "job":
        return Permissions("", kind, _JOB)
    project = shaped(caller.name, Project, caller.ask("GET", path, "read the project").body)
    user = shaped(caller.name, User, caller.ask("GET", "/user", "read the token's user").body)
    itself = _itself(caller)
    can = [_may(deed, project, itself) for deed in _SCOPES]
    can.append(Permission("checks", allowed=True, why="the pipelines of what it opens run"))
    until = itself.expires_at if itself else None
    # it ends at the beginning of that day, in UTC
    at = datetime.combine(until, time(), UTC) if until else None
    return Permissions(user.username, kind, tuple(can), at)


def _itself(caller: Caller) -> TokenItself | None:
    """Return what a token tells of itself; None of those of OAuth, which do not."""
    path = "/personal_access_tokens/self"
    try:
        return shaped(caller.name, TokenItself, caller.ask("GET", path, "read the token").body)
    except ForgeRefused:
        return None


def _may(deed: Deed, project: Project, itself: TokenItself | None) -> Permission:
    enough = _SCOPES[deed]
    if itself is not None and not enough & set(itself.scopes):
        return Permission(
            deed, allowed=False, why=f"the token lacks the scope {' or '.join(sorted(enough))}"
        )
    held = project.permissions
    roles = [role for role in (held.project_access, held.group_access) if role] if held else []
    level = max((role.access_level for role in roles), default=0)
    if deed not in ("read", "comment") and level < DEVELOPER:
        return Permission(deed, allowed=False, why="its user is not at least a developer there")
    if itself is None:
        return Permission(deed, allowed=None, why="GitLab does not tell this token's scopes")
    return Permission(deed, allowed=True)
