"""What the loop and CI ask of a forge, whichever it is."""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

State = Literal["open", "closed", "merged"]
Outcome = Literal["pending", "success", "failure", "error"]
Progress = Literal["asked", "waiting", "running", "success", "failure", "cancelled"]
Deed = Literal["read", "push", "propose", "comment", "status", "dispatch", "checks"]


class Draft(msgspec.Struct, frozen=True):
    """A pull or merge request as it should be; its identity is branch, subject and decision."""

    branch: str
    base: str
    title: str
    body: str  # Markdown, made safe by whoever wrote it: reporting.markdown
    subject: str  # what it is about, such as a model's name: found again by this
    decision: str = ""  # why it is there now; closing it is remembered for this decision
    labels: tuple[str, ...] = ()  # begin with trueup: others are people's, and are left alone


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pull request (GitHub) or merge request (GitLab) as the forge shows it."""

    number: int
    url: str
    state: State
    branch: str
    base: str
    commit: str  # the branch's last one
    title: str = ""
    body: str = ""
    subject: str = ""  # empty: its body bears no marker
    decision: str = ""
    labels: tuple[str, ...] = ()
    merge_commit: str = ""  # what reached the base: also of a squash, a rebase, a fast-forward
    closed_by: str = ""  # a login; empty where it is open or merged, or the forge does not say


class Comment(msgspec.Struct, frozen=True):
    """A comment that is found again by its subject."""

    id: int
    url: str
    written: bool  # False: it already said this


class Status(msgspec.Struct, frozen=True):
    """What is shown beside a commit under a name; the last one of a name counts."""

    commit: str
    name: str
    outcome: Outcome
    says: str = ""
    url: str = ""


class Order(msgspec.Struct, frozen=True):
    """A workflow or pipeline to start. On GitHub either a workflow file or an event is named."""

    decision: str  # one word; the run is found again by it
    ref: str
    workflow: str = ""  # such as trueup-retrain.yml; GitLab has one pipeline and needs none
    event: str = ""  # of repository_dispatch, in place of a workflow
    inputs: dict[str, str] = {}


class Dispatched(msgspec.Struct, frozen=True):
    """A run that was started for a decision; ``asked`` while the forge does not list it yet."""

    decision: str
    progress: Progress
    id: int = 0  # 0: not known yet
    url: str = ""


class Permission(msgspec.Struct, frozen=True):
    """Whether a token may do one thing; None where only trying would tell."""

    deed: Deed
    allowed: bool | None
    why: str = ""


class Permissions(msgspec.Struct, frozen=True):
    """Who a token speaks for, until when, and what it may do there."""

    who: str  # empty: the forge does not tell this token
    kind: str
    can: tuple[Permission, ...]
    until: datetime | None = None


class Forge(Protocol):
    """One repository on a forge, under one token.

    Every method may raise AccessRefused (the token expired, or may not), RemoteSilent (down, or
    limiting for longer than is waited), WrongUsage (the forge finds what is asked invalid).
    Writing methods look first and write only what differs, so that doing them again after a
    lost answer does them once.
    """

    def find(self, branch: str, subject: str) -> Proposal | None:
        """Return the open request from a branch, else the newest one about the subject.

        Requests from forks do not count, however their branches are named.
        """

    def propose(self, draft: Draft) -> Proposal:
        """Open a request, or bring the open one from this branch up to date, in place.

        One that was closed or merged for the same decision is returned as it is.
        """

    def comment(self, number: int, subject: str, body: str) -> Comment:
        """Write our comment about a subject on a request, or rewrite the one that is there.

        Only a comment of the token's own author is rewritten; a copied marker is not enough.
        """

    def show(self, status: Status) -> None:
        """Show a status beside a commit."""

    def permissions(self) -> Permissions:
        """Return what the token may do, as far as the forge tells; changes nothing."""


class Dispatcher(Protocol):
    """Starts workflows and finds them again; raises as a Forge does."""

    def dispatch(self, order: Order) -> Dispatched:
        """Start a run for a decision, unless one can be found that was.

        A run that was asked for is listed some seconds later: in between it cannot be found.
        """

    def dispatched(self, order: Order) -> Dispatched | None:
        """Return the run that was started for an order's decision; None where none is listed."""
