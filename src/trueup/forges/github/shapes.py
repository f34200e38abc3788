"""What of GitHub's answers is read; everything else in them is left alone."""

from datetime import datetime

import msgspec


class User(msgspec.Struct, frozen=True):
    """Who did something; deleted accounts are null where they stood."""

    login: str
    type: str = "User"


class Repo(msgspec.Struct, frozen=True):
    """A repository, as far as it tells where a branch lies."""

    full_name: str


class Side(msgspec.Struct, frozen=True):
    """Head or base of a pull request; a deleted fork has no repository."""

    ref: str
    sha: str
    repo: Repo | None = None


class Label(msgspec.Struct, frozen=True):
    """A label by its name."""

    name: str


class Pull(msgspec.Struct, frozen=True):
    """A pull request; lists say merged_at, and merged only where one is read alone."""

    number: int
    html_url: str
    state: str
    title: str
    head: Side
    base: Side
    body: str | None = None
    labels: list[Label] = []
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None  # of an open one: a merge that was tried out


class Issue(msgspec.Struct, frozen=True):
    """A pull request as an issue, which alone says who closed it."""

    number: int
    closed_by: User | None = None


class Note(msgspec.Struct, frozen=True):
    """A comment."""

    id: int
    html_url: str
    body: str | None = None
    user: User | None = None


class Run(msgspec.Struct, frozen=True):
    """A run of a workflow; its title is what ``run-name`` made of its inputs."""

    id: int
    html_url: str
    status: str | None = None
    conclusion: str | None = None
    display_title: str = ""


class Started(msgspec.Struct, frozen=True):
    """What a dispatch says it has started, where the server is new enough to say."""

    workflow_run_id: int
    html_url: str


class Repository(msgspec.Struct, frozen=True):
    """A repository, with what the token's user may do in it."""

    full_name: str
    private: bool
    permissions: dict[str, bool] = {}
