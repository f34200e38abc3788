"""What of GitLab's answers is read; everything else in them is left alone."""

from datetime import date

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who did something."""

    username: str


class Merge(msgspec.Struct, frozen=True):
    """A merge request; a fast-forward has no merge commit, a squash may have both."""

    iid: int
    web_url: str
    state: str
    title: str
    source_branch: str
    target_branch: str
    source_project_id: int | None
    target_project_id: int
    description: str | None = None
    labels: list[str] = []
    sha: str | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    closed_by: User | None = None


class Note(msgspec.Struct, frozen=True):
    """A comment; system notes are GitLab's own."""

    id: int
    body: str
    author: User
    system: bool = False


class Pipeline(msgspec.Struct, frozen=True):
    """A pipeline; its name is what ``workflow: name`` made of its variables."""

    id: int
    status: str
    web_url: str
    name: str | None = None


class Variable(msgspec.Struct, frozen=True):
    """A variable that a pipeline was started with."""

    key: str
    value: str


class TokenItself(msgspec.Struct, frozen=True):
    """A personal, project or group token, as it may read itself."""

    name: str
    scopes: list[str]
    expires_at: date | None = None


class Access(msgspec.Struct, frozen=True):
    """A role by its number: 30 is a developer's."""

    access_level: int


class Accesses(msgspec.Struct, frozen=True):
    """Roles in a project, its own and the group's."""

    project_access: Access | None = None
    group_access: Access | None = None


class Project(msgspec.Struct, frozen=True):
    """A project, with what the token's user is in it."""

    id: int
    permissions: Accesses | None = None
