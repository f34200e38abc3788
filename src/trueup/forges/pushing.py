"""Brings a change to a forge: a commit, its branch, and the request that proposes it."""

from pathlib import Path

import msgspec

from trueup.forges.credentials import Credential
from trueup.forges.places import Place
from trueup.forges.port import Draft, Forge, Proposal
from trueup.git.branches import Person, commit_files
from trueup.git.pushing import Login, Target, push_branch


class Change(msgspec.Struct, frozen=True):
    """Files over a commit; None takes one away."""

    base: str  # the commit that the branch is made on
    files: dict[str, bytes | None]
    message: str
    by: Person
    pushed: str = ""  # what was pushed to the branch last: nothing else is overwritten


def propose_change(
    root: Path, forge: Forge, target: Target, change: Change, draft: Draft
) -> Proposal:
    """Push a change as the draft's branch and propose it; both are done once and then found.

    What was closed or merged for the same decision is returned as it is, and nothing is pushed.
    Raises BranchMoved where somebody else has pushed to the branch.
    """
    known = forge.find(draft.branch, draft.subject)
    if known and known.state != "open" and draft.decision and known.decision == draft.decision:
        return known
    commit = commit_files(root, change.base, change.files, change.message, change.by)
    push_branch(root, target, draft.branch, commit, expected=change.pushed)
    return msgspec.structs.replace(forge.propose(draft), commit=commit)


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
